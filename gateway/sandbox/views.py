"""Views: the matching rows of one query in order, so that a page is a slice.

Ties are in the order of insertion. Nulls come last, ascending and descending.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from gateway.sandbox.filters import Check, matching
from gateway.sandbox.payloads import Options
from gateway.sandbox.records import Row

ATTRIBUTES = {
    "id": "id",
    "state": "state",
    "enrollmentType": "enrollment_type",
    "progress": "progress",
    "startedAt": "started_at",
    "completedAt": "completed_at",
    "updatedAt": "updated_at",
    "expiryDate": "expiry_date",
    "certificateIssuedAt": "certificate_issued_at",
}
"""The attribute of a row for each field that orders rows."""


@dataclass(frozen=True, slots=True)
class _Descending:
    """A value that sorts before smaller ones."""

    value: float | str

    def __lt__(self, other: "_Descending") -> bool:
        match self.value, other.value:
            case (str() as mine, str() as theirs):
                return mine > theirs
            case (int() | float() as mine, int() | float() as theirs):
                return mine > theirs
            case _:
                raise TypeError("A column holds numbers or texts, not both")


class Ordering(NamedTuple):
    """A row attribute and a direction; without attribute, the order of insertion."""

    attribute: str | None = None
    descending: bool = False

    def sort(self, rows: list[Row]) -> list[Row]:
        """Sort rows that are in the order of insertion."""
        if self.attribute is None:
            return rows
        value = attrgetter(self.attribute)
        known = [row for row in rows if value(row) is not None]
        nulls = [row for row in rows if value(row) is None]
        return sorted(known, key=value, reverse=self.descending) + nulls

    def key(self, row: Row) -> tuple[bool, object, int]:
        """Return the sort key of one row; `sort` is faster for many."""
        value = getattr(row, self.attribute) if self.attribute else 0
        if value is None:
            return (True, 0, row.sequence)
        return (False, _Descending(value) if self.descending else value, row.sequence)


def to_ordering(options: Options) -> Ordering:
    """Convert the order in a request; ascending by default."""
    if not options.order_by:
        return Ordering()
    return Ordering(ATTRIBUTES[options.order_by], options.order == "DESC")


class RowView:
    """The rows that pass the checks, in one order; `add` and `discard` update them."""

    __slots__ = ("_checks", "_ordering", "rows")

    def __init__(self, rows: Iterable[Row], checks: tuple[Check, ...], ordering: Ordering) -> None:
        self.rows = ordering.sort(matching(rows, checks))
        self._checks = checks
        self._ordering = ordering

    def add(self, row: Row) -> None:
        """Insert a new row if it matches."""
        if self._matches(row):
            self.rows.insert(self._index(row), row)

    def discard(self, row: Row) -> None:
        """Remove a row if it matches."""
        if self._matches(row):
            del self.rows[self._index(row)]

    def _matches(self, row: Row) -> bool:
        return all(check(row) for check in self._checks)

    def _index(self, row: Row) -> int:
        return bisect_left(self.rows, self._ordering.key(row), key=self._ordering.key)
