"""Conversion of decoded structs to the values of columns.

A page has some twenty columns and a thousand rows, and every step below Python's own loops counts:
each member is read once for all rows, each object on the way to it too, and arrays are laid end to
end instead of becoming a list in each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Any, TypeAlias

from gateway.analytics.read.structs import attribute
from gateway.contract.model import Column, CustomFieldShape, MemberPath

Path: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Values:
    """A column's values; for a collection, the elements of all rows and each row's length."""

    flat: Sequence[Any]
    lengths: Sequence[int] | None = None


class Members:
    """The members of some structs by path of attributes, each read once; None below a null."""

    def __init__(self, objects: Sequence[Any]) -> None:
        self._known: dict[Path, Sequence[Any]] = {(): objects}

    def at(self, path: Path) -> Sequence[Any]:
        """Return the value of each object at a path."""
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


class ColumnReader:
    """A reader of columns from the rows, or from the structs `below` a member of the rows."""

    def __init__(
        self, columns: Sequence[Column], shape: CustomFieldShape, below: MemberPath = ()
    ) -> None:
        depth = len(below)
        wanted = frozenset(c.field_id for c in columns if c.field_id is not None)
        self._sources = [_source(c, depth) for c in columns if c.field_id is None]
        self._fields = _CustomFields(shape, depth, wanted) if wanted else None
        self._ids = [column.field_id for column in columns]

    def read(self, members: Members) -> Iterator[Values]:
        """Yield the values of each column in order; null for an absent one."""
        values = (source(members) for source in self._sources)
        found = self._fields.read(members) if self._fields else {}
        for field_id in self._ids:
            yield next(values) if field_id is None else Values(found[field_id])


def _source(column: Column, depth: int) -> Callable[[Members], Values]:
    path = attributes(column.path[depth:])
    if column.each is None:
        return lambda members: Values(members.at(path))
    end = column.each + 1 - depth
    array, inside = path[:end], path[end:]

    def collection(members: Members) -> Values:
        arrays = members.at(array)
        flat = [*chain.from_iterable(filter(None, arrays))]
        lengths = [len(found) if found else 0 for found in arrays]
        return Values(Members(flat).at(inside), lengths)

    return collection


class UnusableCustomField(Exception):
    """A mapped custom field is not a text, or occurs twice in a row: the page needs repair."""


class _CustomFields:
    """A reader of the mapped custom fields.

    Raises:
        UnusableCustomField: when reading.
    """

    def __init__(self, shape: CustomFieldShape, depth: int, wanted: frozenset[str]) -> None:
        self._array = attributes(shape.path[depth:])
        self._pair = attrgetter(attribute(shape.id_member), attribute(shape.value_member))
        self._wanted = wanted

    def read(self, members: Members) -> dict[str, list[str | None]]:
        """Return each field's values in all rows, by field ID."""
        arrays = members.at(self._array)
        columns: dict[str, list[str | None]] = {name: [None] * len(arrays) for name in self._wanted}
        for row, fields in enumerate(arrays):
            for name, value in map(self._pair, reversed(fields or ())):
                column = columns.get(name)
                if column is None:
                    continue
                if column[row] is not None or not isinstance(value, str | None):
                    raise UnusableCustomField
                column[row] = value
        return columns


def attributes(path: MemberPath) -> Path:
    """Return the attribute names for the members of a path."""
    return tuple(map(attribute, path))
