"""Decoded structs -> the values of each column, in the order of the contract's columns.

A page has some twenty columns and a thousand rows, and every step below Python's own loops counts:
each member is read once for all rows, each object on the way to it too, and arrays are laid end to
end instead of becoming a list in each row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Any, TypeAlias

from gateway.analytics.structs import attribute
from gateway.contract.model import Column, Contract, CustomFieldShape

Path: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Values:
    """A column's values; of a collection all rows' elements, and how many each row has."""

    flat: Sequence[Any]
    lengths: Sequence[int] | None = None


class Members:
    """The members of some structs by path of attributes, each read once; None below a null."""

    def __init__(self, objects: Sequence[Any]) -> None:
        self._known: dict[Path, Sequence[Any]] = {(): objects}

    def at(self, path: Path) -> Sequence[Any]:
        """The value of each object."""
        found = self._known.get(path)
        if found is None:
            found = self._known[path] = _read(self.at(path[:-1]), path[-1])
        return found


def _read(objects: Sequence[Any], name: str) -> Sequence[Any]:
    member = attrgetter(name)
    try:
        return [*map(member, objects)]
    except AttributeError:  # structs have all their members: some object is null
        return [None if found is None else member(found) for found in objects]


Source: TypeAlias = Callable[[Members], Values]


def column_reader(contract: Contract) -> Callable[[Sequence[Any]], list[Values]]:
    """A function from decoded rows to the values of all columns; null for what is absent."""
    plain = [_source(column) for column in contract.columns if column.field_id is None]
    wanted = [column.field_id for column in contract.columns if column.field_id is not None]
    fields = _CustomFields(contract.custom_fields, frozenset(wanted))

    def read(rows: Sequence[Any]) -> list[Values]:
        members = Members(rows)
        values = (source(members) for source in plain)
        found = fields.read(members) if wanted else {}
        return [
            next(values) if column.field_id is None else Values(found[column.field_id])
            for column in contract.columns
        ]

    return read


def _source(column: Column) -> Source:
    path = _attributes(column.path)
    if column.each is None:
        return lambda members: Values(members.at(path))
    array, inside = path[: column.each + 1], path[column.each + 1 :]

    def collection(members: Members) -> Values:
        arrays = members.at(array)
        flat = [*chain.from_iterable(filter(None, arrays))]
        lengths = [len(found) if found else 0 for found in arrays]
        return Values(Members(flat).at(inside), lengths)

    return collection


class _CustomFields:
    """Reads the wanted custom fields; of several with one id in a row the first counts."""

    def __init__(self, shape: CustomFieldShape, wanted: frozenset[str]) -> None:
        self._array = _attributes(shape.path)
        self._pair = attrgetter(attribute(shape.id_member), attribute(shape.value_member))
        self._wanted = wanted

    def read(self, members: Members) -> dict[str, list[str | None]]:
        """Field ID -> its value in each row."""
        arrays = members.at(self._array)
        columns: dict[str, list[str | None]] = {name: [None] * len(arrays) for name in self._wanted}
        for row, fields in enumerate(arrays):
            for name, value in map(self._pair, reversed(fields or ())):
                column = columns.get(name)
                if column is not None:
                    column[row] = value
        return columns


def _attributes(path: Path) -> Path:
    return tuple(map(attribute, path))
