"""What an upstream that keeps the contract answers to a payload, to the letter of the contract.

Values inside a filter are ORed, filters are ANDed, null matches no filter, the ends of a range
belong to it or not as the contract says. An inexact filter may return more; the tightest answer
is the hardest for the gateway's law that nothing is lost.

Its instants are finer than the gateway's: each has up to 999 nanoseconds more, which it compares
and the gateway does not keep.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zlib import crc32

from gateway.contract.model import Column, Contract, CustomFieldFilter, MemberPath, RangeFilter
from gateway.contract.template import Array, Node, Object, Slot


def answer(
    rows: Iterable[Mapping[str, Any]], payload: Mapping[str, Any], contract: Contract
) -> list[Mapping[str, Any]]:
    """The rows that match the payload's filters."""
    said = _Said(payload, places(contract.request.body.root))
    return [row for row in rows if all(_passes(row, said, c) for c in contract.columns)]


def places(node: Node, path: MemberPath = ()) -> dict[str, MemberPath]:
    """The members in which a body says each placeholder, for templates without names in names."""
    match node:
        case Slot(name):
            return {name: path}
        case Object(members):
            inside = ((inner, (*path, str(name))) for name, inner in members)
        case Array(elements):
            inside = ((element, path) for element in elements)
        case _:
            return {}
    return {name: at for inner, where in inside for name, at in places(inner, where).items()}


@dataclass(frozen=True)
class _Said:
    """A body, and where it says what."""

    payload: Mapping[str, Any]
    places: Mapping[str, MemberPath]

    def __call__(self, name: str) -> Any:
        return _member(self.payload, self.places[name])

    def fields(self) -> Iterator[tuple[str, list[str]]]:
        """The ID and the values of each custom field that is filtered."""
        ids, values = (self.places[f"custom_fields.{name}"] for name in ("id", "values"))
        for entry in _member(self.payload, ids[:-1]) or ():
            yield entry[ids[-1]], entry[values[-1]]


def _passes(row: Mapping[str, Any], said: _Said, column: Column) -> bool:
    value = row[column.name]
    match column.filter:
        case None:
            return True
        case RangeFilter() as range_:
            return _in_range(value, nanoseconds(row["id"], column.name), said, range_)
        case CustomFieldFilter() as field:
            return all(value in wanted for id_, wanted in said.fields() if id_ == field.field_id)
        case values:
            wanted = said(values.name)
            if wanted is None:
                return True
            known = column.prop.allowed_values
            assert not known or set(wanted) <= set(known), "an upstream refuses unknown values"
            return any(v in wanted for v in (value if column.prop.collection else [value]))


def nanoseconds(row_id: str, column: str) -> int:
    """What the upstream has beyond the microsecond: often nothing, and the same each time."""
    drawn = crc32(f"{row_id} {column}".encode())
    return (0, 0, 1, 500, 999, drawn % 1000)[drawn % 6]


def _in_range(kept: datetime | None, finer: int, said: _Said, range_: RangeFilter) -> bool:
    start, end = (said(f"{range_.name}.{end}") for end in ("from", "to"))
    if start is None and end is None:
        return True
    if kept is None:
        return False
    value = (kept, finer)
    after = start is None or value > _instant(start)
    before = end is None or value < _instant(end)
    return (after or (range_.from_inclusive and value == _instant(start))) and (
        before or (range_.to_inclusive and value == _instant(end))
    )


def _instant(text: str) -> tuple[datetime, int]:
    return datetime.fromisoformat(text), 0


def _member(payload: Mapping[str, Any], path: MemberPath) -> Any:
    node: Any = payload
    for step in path:
        node = None if node is None else node.get(step)
    return node
