"""The catch-up: what changed while an extract was read, or since an older one was made.

It is over when one page, which is one moment's look, shows everything that changed since the last
look began. Where rows can leave a selection by changing, the upstream itself is asked who left, and
the extract must then hold as many rows as its total.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from gateway.analytics.extract.collected import Collected
from gateway.analytics.extract.ranges import grid_step, narrow, to_micros
from gateway.analytics.extract.scan import Scanner, keeps_changing
from gateway.analytics.read.page import Page
from gateway.contract.model import Contract
from gateway.observe import Clock
from gateway.planner.pushdown import Pushdown, PushedRange

_SECOND = 1_000_000
_MANY = 2**62


class Counted(Protocol):
    """An extract's rows while they are caught up."""

    def put(self, page: pa.Table) -> None:
        """Add rows, new or newer."""

    def merge(self, other: Collected) -> None:
        """Add all that `other` has collected."""

    async def count(self) -> int:
        """How many different keys."""


class LeavingRows(Counted, Protocol):
    """Rows that a change can take out."""

    def remove(self, keys: Collection[str]) -> None:
        """Forget rows; a later `merge` may bring them back."""


@dataclass(frozen=True, slots=True)
class CatchUpResult:
    """Whether the rows are those of one moment, and the total that they were compared with."""

    consistent: bool
    total: int


@dataclass(frozen=True, slots=True)
class ChangedRows:
    """What changed, whether it stood still while it was read, and when that began.

    `at_once` tells that it is one page, which goes back beyond all that changed.
    """

    rows: Collected
    still: bool
    began: int
    at_once: bool = False


class CatchUp:
    """Catches up by one contract, `rounds` times at the most. Instants are microseconds."""

    def __init__(self, sweeper: Scanner, contract: Contract, rounds: int, clock: Clock) -> None:
        self._sweeper = sweeper
        self._contract = contract
        self._rounds = rounds
        self._clock = clock
        self._overlap = _overlap_of(contract)

    def now(self) -> int:
        """The gateway's clock."""
        return to_micros(self._clock.now())

    async def since(self, pushdown: Pushdown, first: Page, asked_at: int) -> int:
        """From when changes are not in what is read after this page, however clocks differ.

        By the earliest clock that can be read, less the overlap, for late commits. Where the page
        does not tell, the newest row of all does.
        """
        found = self.since_at_once(pushdown, first, asked_at)
        if found is None:
            found = self._moment(await self._sweeper.page(Pushdown()), asked_at) - self._overlap
        return found

    def since_at_once(self, pushdown: Pushdown, first: Page, asked_at: int) -> int | None:
        """From when changes are not in this page; None where only another call could tell."""
        if not can_leave(pushdown, self._contract):
            return self._moment(first, asked_at) - self._overlap
        return None if first.date is None else to_micros(first.date) - self._overlap

    async def settle(
        self, pushdown: Pushdown, rows: LeavingRows, since: int, first: Page | None = None
    ) -> CatchUpResult:
        """Catch up with all changes since an instant; `first` is a first page just read.

        Raises:
            UpstreamKeepsChanging: what changes is more each time.
        """
        if can_leave(pushdown, self._contract):
            return await self.settle_selection(pushdown, rows, since)
        return await self.settle_gradual(pushdown, rows, since, first)

    async def settle_gradual(
        self, pushdown: Pushdown, rows: Counted, since: int, first: Page | None = None
    ) -> CatchUpResult:
        """Where a row leaves by deletion only: too many rows are then nothing wrong."""
        reach, total, most = since, 0, _MANY
        for _ in range(self._rounds):
            now = self.now()
            newest = first or await self._sweeper.page(pushdown)
            first = None
            rows.put(newest.rows)
            total, caught_up = newest.total, self._reaches(newest, reach)
            if not caught_up:
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
        """Who belongs to a selection is the upstream's own judgement.

        It is asked for everyone who changed, then for those that match, so that a row that enters
        in between is not taken for one that left. The total must be of the moment of what matches:
        one page is one moment's look; several are when nobody has changed from one round to the
        next. Rows beyond the total were deleted then.
        """
        before: dict[str, int | None] | None = None
        whole, total, most = False, 0, _MANY
        for _ in range(self._rounds):
            everyone = await self._changed(Pushdown(), since, most)
            changed = everyone.rows.versions()
            if (
                whole
                and before is not None
                and everyone.still
                and changed.items() <= before.items()
            ):
                return CatchUpResult(True, total)
            newest = await self._sweeper.page(pushdown)
            mine = await self._matching(pushdown, since, newest)
            rows.remove(changed.keys() - mine.rows.versions().keys())
            rows.merge(mine.rows)
            found, total = await rows.count(), newest.total
            if mine.at_once and found == total:
                return CatchUpResult(True, total)
            before, most = changed if everyone.still else None, 2 * len(changed)
            since = max(since, everyone.began - self._overlap)
            whole = mine.still and found >= total
        return CatchUpResult(False, total)

    async def _matching(self, pushdown: Pushdown, since: int, newest: Page) -> ChangedRows:
        """What of a pushdown changed since an instant; `newest` is its first page."""
        if not self._reaches(newest, since - 2 * grid_step(self._contract)):
            return await self._changed(pushdown, since, _MANY)
        mine = Collected(self._contract)
        mine.put(newest.rows)
        return ChangedRows(mine, still=True, began=since, at_once=True)

    async def _changed(self, pushdown: Pushdown, since: int, most: int) -> ChangedRows:
        """What changed since an instant.

        Raises:
            UpstreamKeepsChanging: it is several pages and more than `most`, twice as many as the
                last time: each round would make it worse.
        """
        rows, asked_at = Collected(self._contract), self.now()
        changed = narrow(pushdown, self._contract, since, None) or pushdown
        first = await self._sweeper.page(changed)
        if first.total > most and not self._sweeper.is_whole(first):
            raise keeps_changing()
        still = await self._sweeper.read(changed, rows, first)
        began = self._moment(first, asked_at) if first.rows.num_rows else since
        return ChangedRows(rows, still, began)

    def _reaches(self, page: Page, since: int) -> bool:
        """Whether a first page goes back beyond an instant."""
        if self._sweeper.is_whole(page):
            return True
        oldest = self._sweeper.span(page).oldest
        return oldest is None or oldest < since

    def _moment(self, first: Page, asked_at: int) -> int:
        """When a first page was answered, or earlier, by the upstream's clock.

        That is its Date header, else the gateway's clock, which may be wrong: so the newest row
        counts, but for rows dated in the future, which tell nothing.
        """
        told = asked_at if first.date is None else to_micros(first.date)
        instants = first.rows.column(self._contract.order_column).cast(pa.int64())
        newest: int | None = pc.max(instants.filter(pc.less_equal(instants, told))).as_py()
        return told if newest is None else newest


def can_leave(pushdown: Pushdown, contract: Contract) -> bool:
    """Whether a change can take a row out: not when only newer rows are asked, or all."""
    return not all(
        isinstance(term, PushedRange) and term.column == contract.order_column and not term.upper
        for term in pushdown.terms
    )


def _overlap_of(contract: Contract) -> int:
    """How far a catch-up looks back, in microseconds."""
    return contract.overlap_seconds * _SECOND
