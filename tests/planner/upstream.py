"""What an upstream that keeps the contract answers to a payload, to the letter of the contract.

Values inside a filter are ORed, filters are ANDed, null matches no filter, the ends of a range
belong to it or not as the contract says. An inexact filter may return more; the tightest answer
is the hardest for the gateway's law that nothing is lost.

Its instants are finer than the gateway's: each has up to 999 nanoseconds more, which it compares
and the gateway does not keep.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zlib import crc32

from gateway.contract.model import Column, Contract, CustomFieldFilter, MemberPath, RangeFilter


def answer(
    rows: Iterable[Mapping[str, Any]], payload: Mapping[str, Any], contract: Contract
) -> list[Mapping[str, Any]]:
    """The rows that match the payload's filters."""
    return [row for row in rows if all(_passes(row, payload, c) for c in contract.columns)]


def _passes(row: Mapping[str, Any], payload: Mapping[str, Any], column: Column) -> bool:
    value = row[column.name]
    match column.filter:
        case None:
            return True
        case RangeFilter() as range_:
            return _in_range(value, nanoseconds(row["id"], column.name), payload, range_)
        case CustomFieldFilter() as field:
            entries = _member(payload, field.member) or []
            mine = [e for e in entries if e[field.id_member] == field.field_id]
            return all(value in entry[field.values_member] for entry in mine)
        case values:
            wanted = _member(payload, values.member)
            if wanted is None:
                return True
            known = column.prop.allowed_values
            assert not known or set(wanted) <= set(known), "an upstream refuses unknown values"
            return any(v in wanted for v in (value if column.prop.collection else [value]))


def nanoseconds(row_id: str, column: str) -> int:
    """What the upstream has beyond the microsecond: often nothing, and the same each time."""
    drawn = crc32(f"{row_id} {column}".encode())
    return (0, 0, 1, 500, 999, drawn % 1000)[drawn % 6]


def _in_range(
    kept: datetime | None, finer: int, payload: Mapping[str, Any], range_: RangeFilter
) -> bool:
    start, end = (_member(payload, path) for path in (range_.from_member, range_.to_member))
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
