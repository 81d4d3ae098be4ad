"""Rows that change by the clock alone: a date passes, and the instant of the last change stays.

The contract names the columns that do (`changes_by_time`). Of these, the state depends on
`expiryDate`. If the upstream filters by that date, an incremental extract also reads the rows whose
date passed since the base, or will pass soon. Otherwise, and for other columns, only an extract of
all rows is right. See docs/decisions/048-states-move-by-time.md.
"""

from __future__ import annotations

from gateway.analytics.extract.collected import Collected
from gateway.analytics.extract.ranges import narrow
from gateway.analytics.extract.scan import Scanner
from gateway.contract.model import Contract, RangeFilter
from gateway.planner.pushdown import Pushdown

_MOVED, _DATE = "state", "expiryDate"
_HOUR = 3_600_000_000
LATE = 36 * _HOUR
"""Microseconds after its date in which a row may change: a nightly job, a day that ends west."""
EARLY = 14 * _HOUR
"""Microseconds before: the day of a date ends that much earlier in the easternmost time zone."""


class PassingDates:
    """The rows of one contract whose dates pass."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._moving = {column.name for column in contract.columns if column.changes_by_time}
        dates = (column for column in contract.columns if column.name == _DATE)
        self._has_range = any(isinstance(column.filter, RangeFilter) for column in dates)

    def can_follow(self, pushdown: Pushdown) -> bool:
        """Return True if incremental extracts of a pushdown see each change by time.

        A pushdown of a column that changes by time is one that rows enter and leave by time.
        """
        if not self._moving:
            return True
        pushed = {term.column for term in pushdown.terms}
        return self._has_range and self._moving == {_MOVED} and not pushed & self._moving

    async def read(self, scanner: Scanner, pushdown: Pushdown, since: int, now: int) -> Collected:
        """Return the rows whose date passed since an instant, in microseconds, or soon will.

        Raises:
            UpstreamKeepsChanging: as `Scanner.read`.
        """
        rows = Collected(self._contract)
        if self._moving:
            passing = narrow(pushdown, self._contract, since - LATE, now + EARLY, _DATE)
            if passing is not None:
                await scanner.read(passing, rows)
        return rows
