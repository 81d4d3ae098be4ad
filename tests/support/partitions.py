"""A table that is refreshed in parts, as Power BI refreshes one by its policy.

There is a partition for each unit of time in a window that ends now and rolls on: the oldest goes
when it has left. Partitions in the refreshed part of the window are read; with a column to detect
changes by only those where its greatest value is another than when they were read. The filter is
`column ge RangeStart and column lt RangeEnd`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timezone
from itertools import pairwise
from typing import Any
from urllib.parse import quote

Row = dict[str, Any]
Feed = Callable[[str], list[Row]]
_NOTHING = datetime(1901, 1, 1, tzinfo=UTC)
"""What the expression that Power BI writes for an empty partition yields."""


@dataclass(frozen=True, slots=True)
class Policy:
    """`units` yields the window's days, oldest first: each is where a partition begins or ends.

    The newest `refreshed` partitions are read again. `offset` is the time zone of the machine on
    which DateTimeZone.From runs.
    """

    column: str
    units: Callable[[date], list[date]]
    refreshed: int
    detect: str = ""
    offset: timezone = UTC


@dataclass(slots=True)
class Partition:
    rows: list[Row]
    bookmark: datetime


@dataclass(slots=True)
class PartitionedTable:
    """One table of a model; `read` counts the rows that were asked for."""

    policy: Policy
    partitions: dict[date, Partition] = field(default_factory=dict)
    read: int = 0

    @property
    def rows(self) -> list[Row]:
        """What a report sees."""
        return [row for partition in self.partitions.values() for row in partition.rows]

    def refresh(self, feed: Feed, today: date, between: Callable[[], None] = lambda: None) -> None:
        """One refresh; `between` happens after a question for changes and before the rows come."""
        spans = list(self._spans(today))
        window = {start for start, _ in spans}
        self.partitions = {s: p for s, p in self.partitions.items() if s in window}
        for number, (start, end) in enumerate(spans):
            old = self.partitions.get(start)
            if old is not None and number < len(spans) - self.policy.refreshed:
                continue
            bookmark = self._bookmark(feed, start, end)
            if old is not None and self.policy.detect and bookmark == old.bookmark:
                continue
            between()
            rows = feed(f"$filter={self._filter(start, end)}")
            self.read += len(rows)
            self.partitions[start] = Partition(rows, bookmark)

    def _spans(self, today: date) -> Iterator[tuple[date, date]]:
        return pairwise(self.policy.units(today))

    def _bookmark(self, feed: Feed, start: date, end: date) -> datetime:
        """List.Max of the column over the partition, which needs no other."""
        name = self.policy.detect
        if not name:
            return _NOTHING
        rows = feed(f"$filter={self._filter(start, end)}&$select={name}")
        return max((datetime.fromisoformat(row[name]) for row in rows), default=_NOTHING)

    def _filter(self, start: date, end: date) -> str:
        column, (lower, upper) = self.policy.column, map(self._instant, (start, end))
        return quote(f"{column} ge {lower} and {column} lt {upper}", safe="()")

    def _instant(self, day: date) -> str:
        text = datetime.combine(day, time(), self.policy.offset).isoformat()
        return text.replace("+00:00", "Z")


def years(number: int) -> Callable[[date], list[date]]:
    """Whole years before the present one, and that."""
    return lambda today: [date(today.year + n, 1, 1) for n in range(-number, 2)]
