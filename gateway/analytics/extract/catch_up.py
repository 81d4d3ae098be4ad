"""The catch-up: read rows that changed during an extract, or since an older extract.

It ends when one page, which is always consistent, shows every change since the previous check
began. Where a change can take a row out of a selection, the catch-up asks the upstream which rows
left. The extract must then hold as many rows as the upstream's total.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from gateway.analytics.extract.collected import Collected
from gateway.analytics.extract.fetching import keeps_changing
from gateway.analytics.extract.ranges import grid_step, narrow, to_micros
from gateway.analytics.extract.scan import Scanner
from gateway.analytics.read.page import Page
from gateway.contract.model import Contract
from gateway.observe import Clock
from gateway.planner.pushdown import Pushdown, PushedRange

_MICROSECONDS_PER_SECOND = 1_000_000
_UNLIMITED_ROWS = 2**62


class VerifiableRows(Protocol):
    """The rows of an extract during its catch-up."""

    def put(self, page: pa.Table) -> None:
        """Add new rows, and newer versions of rows."""

    def merge(self, other: Collected) -> None:
        """Add all rows of `other`."""

    async def count(self) -> int:
        """Return the number of distinct keys."""


class LeavingRows(VerifiableRows, Protocol):
    """The rows of a selection that a change can take a row out of."""

    def remove(self, keys: Collection[str]) -> None:
        """Remove rows; a later `merge` may add them again."""


@dataclass(frozen=True, slots=True)
class CatchUpResult:
    """The outcome of a catch-up, and the total that the rows were compared with."""

    consistent: bool
    total: int


@dataclass(frozen=True, slots=True)
class ChangedRows:
    """Rows that changed.

    `still` is true if they did not change while they were read, which began at `began`. `at_once`
    is true if they are one page that reaches back beyond every change.
    """

    rows: Collected
    still: bool
    began: int
    at_once: bool = False


class CatchUp:
    """The catch-up for one contract, in at most `rounds` rounds. Instants are in microseconds."""

    def __init__(self, scanner: Scanner, contract: Contract, rounds: int, clock: Clock) -> None:
        self._scanner = scanner
        self._contract = contract
        self._rounds = rounds
        self._clock = clock
        self._overlap = _overlap_of(contract)

    def now(self) -> int:
        """Return the time of the gateway's clock."""
        return to_micros(self._clock.now())

    async def since(self, pushdown: Pushdown, first: Page, asked_at: int) -> int:
        """Return the instant from which reads after this page may lack changes, if clocks differ.

        It comes from the earliest clock that can be read, less the overlap, for late commits. If
        the page does not show it, the newest of all rows does.
        """
        since = self.since_at_once(pushdown, first, asked_at)
        if since is None:
            since = self._moment(await self._scanner.page(Pushdown()), asked_at) - self._overlap
        return since

    def since_at_once(self, pushdown: Pushdown, first: Page, asked_at: int) -> int | None:
        """Return the instant from which this page may lack changes; None if that takes a call."""
        if not can_leave(pushdown, self._contract):
            return self._moment(first, asked_at) - self._overlap
        return None if first.date is None else to_micros(first.date) - self._overlap

    async def settle(
        self, pushdown: Pushdown, rows: LeavingRows, since: int, first: Page | None = None
    ) -> CatchUpResult:
        """Catch up with all changes since an instant; `first` is a first page just read.

        Raises:
            UpstreamKeepsChanging: the number of changes grows with each round.
        """
        if can_leave(pushdown, self._contract):
            return await self.settle_selection(pushdown, rows, since)
        return await self.settle_gradual(pushdown, rows, since, first)

    async def settle_gradual(
        self,
        pushdown: Pushdown,
        rows: VerifiableRows,
        since: int,
        first: Page | None = None,
        tie: tuple[int, int] | None = None,
    ) -> CatchUpResult:
        """Catch up where a row leaves by deletion only: surplus rows are then no error.

        `tie` is an instant of which all rows were read, and their number: if the upstream counts as
        many since `since`, all with that instant, none of them changed.
        """
        reach, total, most = since, 0, _UNLIMITED_ROWS
        for _ in range(self._rounds):
            now = self.now()
            newest = first or await self._scanner.page(pushdown)
            first = None
            rows.put(newest.rows)
            total, caught_up = newest.total, self._reaches(newest, reach)
            if not caught_up:
                if tie is not None and await self._is_still(pushdown, since, newest, tie):
                    return CatchUpResult(await rows.count() >= total, total)
                changed = await self._changed(pushdown, since, most)
                rows.merge(changed.rows)
                reach, caught_up = self._moment(newest, now), changed.still
                since, most = reach - self._overlap, 2 * await changed.rows.count()
            if caught_up:
                return CatchUpResult(await rows.count() >= total, total)
        return CatchUpResult(False, total)

    async def settle_selection(
        self, pushdown: Pushdown, rows: LeavingRows, since: int
    ) -> CatchUpResult:
        """Catch up where the upstream alone decides which rows belong to a selection.

        Each round reads all changed rows first, then those that match, so that a row that enters
        in between does not count as one that left. The total must be consistent with the matching
        rows: one page always is; several pages are if no row changed from one round to the next.
        Rows beyond the total were deleted by then.
        """
        before: dict[str, int | None] | None = None
        whole, total, most = False, 0, _UNLIMITED_ROWS
        for _ in range(self._rounds):
            all_changed = await self._changed(Pushdown(), since, most)
            changed = all_changed.rows.versions()
            if (
                whole
                and before is not None
                and all_changed.still
                and changed.items() <= before.items()
            ):
                return CatchUpResult(True, total)
            newest = await self._scanner.page(pushdown)
            mine = await self._matching(pushdown, since, newest)
            rows.remove(changed.keys() - mine.rows.versions().keys())
            rows.merge(mine.rows)
            found, total = await rows.count(), newest.total
            if mine.at_once and found == total:
                return CatchUpResult(True, total)
            before, most = changed if all_changed.still else None, 2 * len(changed)
            since = max(since, all_changed.began - self._overlap)
            whole = mine.still and found >= total
        return CatchUpResult(False, total)

    async def _is_still(
        self, pushdown: Pushdown, since: int, newest: Page, tie: tuple[int, int]
    ) -> bool:
        """Return True if the rows since an instant are those of a tie, which was read."""
        instant, number = tie
        ends = self._scanner.span(newest)
        if not ends.newest == ends.oldest == instant:
            return False
        changed = narrow(pushdown, self._contract, since, None) or pushdown
        first = await self._scanner.page(changed)
        again = self._scanner.span(first)
        return again.newest == again.oldest == instant and first.total == number

    async def _matching(self, pushdown: Pushdown, since: int, newest: Page) -> ChangedRows:
        """Return the pushdown's rows that changed since an instant; `newest` is its first page."""
        if not self._reaches(newest, since - 2 * grid_step(self._contract)):
            return await self._changed(pushdown, since, _UNLIMITED_ROWS)
        mine = Collected(self._contract)
        mine.put(newest.rows)
        return ChangedRows(mine, still=True, began=since, at_once=True)

    async def _changed(self, pushdown: Pushdown, since: int, most: int) -> ChangedRows:
        """Return the rows that changed since an instant.

        Raises:
            UpstreamKeepsChanging: they fill several pages and are more than `most`, twice as many
                as the last time: each further round would be longer.
        """
        rows, asked_at = Collected(self._contract), self.now()
        changed = narrow(pushdown, self._contract, since, None) or pushdown
        first = await self._scanner.page(changed)
        if first.total > most and not self._scanner.is_whole(first):
            raise keeps_changing()
        still = await self._scanner.read(changed, rows, first)
        began = self._moment(first, asked_at) if first.rows.num_rows else since
        return ChangedRows(rows, still, began)

    def _reaches(self, page: Page, since: int) -> bool:
        """Return True if a first page reaches back beyond an instant."""
        if self._scanner.is_whole(page):
            return True
        oldest = self._scanner.span(page).oldest
        return oldest is None or oldest < since

    def _moment(self, first: Page, asked_at: int) -> int:
        """Return when the upstream sent a first page, or earlier, by the upstream's clock.

        The clock is the Date header, or else the gateway's clock. Either may be wrong, so the
        newest row counts. Rows dated in the future are ignored.
        """
        clock = asked_at if first.date is None else to_micros(first.date)
        instants = first.rows.column(self._contract.order_column).cast(pa.int64())
        newest: int | None = pc.max(instants.filter(pc.less_equal(instants, clock))).as_py()
        return clock if newest is None else newest


def can_leave(pushdown: Pushdown, contract: Contract) -> bool:
    """Return True if a change can take a row out: not if all rows, or only newer ones, match."""
    return not all(
        isinstance(term, PushedRange) and term.column == contract.order_column and not term.upper
        for term in pushdown.terms
    )


def _overlap_of(contract: Contract) -> int:
    """Return how far a catch-up looks back, in microseconds."""
    return contract.overlap_seconds * _MICROSECONDS_PER_SECOND
