"""The matching rows of one question in their order, kept so that a page is a slice.

Ties keep the order of insertion and nulls come last, ascending and descending alike.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from gateway.sandbox.filters import Check, matching
from gateway.sandbox.payloads import Options
from gateway.sandbox.records import Row

_ATTRIBUTES = {
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


@dataclass(frozen=True, slots=True)
class _Descending:
    """A value that sorts before what is smaller."""

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
    """A row attribute (none: the order of insertion) and a direction."""

    attribute: str | None = None
    descending: bool = False

    def sort(self, rows: list[Row]) -> list[Row]:
        """Return rows, given in the order of insertion, in this order."""
        if self.attribute is None:
            return rows
        value = attrgetter(self.attribute)
        known = [row for row in rows if value(row) is not None]
        nulls = [row for row in rows if value(row) is None]
        return sorted(known, key=value, reverse=self.descending) + nulls

    def key(self, row: Row) -> tuple[bool, object, int]:
        """Return what this order compares rows by: slower than `sort`, for one row at a time."""
        value = getattr(row, self.attribute) if self.attribute else 0
        if value is None:
            return (True, 0, row.sequence)
        return (False, _Descending(value) if self.descending else value, row.sequence)


def to_ordering(options: Options) -> Ordering:
    """Convert the order that a request asks for; ascending unless it says otherwise."""
    if not options.order_by:
        return Ordering()
    return Ordering(_ATTRIBUTES[options.order_by], options.order == "DESC")


class RowView:
    """Rows that pass the checks, in one order, and kept so while rows come, change and go."""

    __slots__ = ("_checks", "_ordering", "rows")

    def __init__(self, rows: Iterable[Row], checks: tuple[Check, ...], ordering: Ordering) -> None:
        self.rows = ordering.sort(matching(rows, checks))
        self._checks = checks
        self._ordering = ordering

    def add(self, row: Row) -> None:
        """Put a new row in its place, when it matches."""
        if self._matches(row):
            self.rows.insert(self._place(row), row)

    def discard(self, row: Row) -> None:
        """Take a row out, when it matches."""
        if self._matches(row):
            del self.rows[self._place(row)]

    def _matches(self, row: Row) -> bool:
        return all(check(row) for check in self._checks)

    def _place(self, row: Row) -> int:
        return bisect_left(self.rows, self._ordering.key(row), key=self._ordering.key)
