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

from gateway.analytics.collected import Collected
from gateway.analytics.ranges import narrow, to_micros
from gateway.analytics.rows import Page
from gateway.analytics.sweep import Sweeper, keeps_changing
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


class Selection(Counted, Protocol):
    """Rows that a change can take out."""

    def remove(self, keys: Collection[str]) -> None:
        """Forget rows; a later `merge` may bring them back."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Whether the rows are those of one moment, and the total that they were compared with."""

    consistent: bool
    total: int


class Settler:
    """Catches up by one contract, `rounds` times at the most. Instants are microseconds."""

    def __init__(self, sweeper: Sweeper, contract: Contract, rounds: int, clock: Clock) -> None:
        self._sweeper = sweeper
        self._contract = contract
        self._rounds = rounds
        self._clock = clock
        self._overlap = _overlap_of(contract)

    def now(self) -> int:
        """The gateway's clock."""
        return to_micros(self._clock.now())

    async def since(self, pushdown: Pushdown, first: Page, asked_at: int) -> int:
        """From when changes are not in what begins with this page, however clocks differ.

        The earliest of the clocks that can be read: the upstream's own is in its Date header and
        in the newest row; the gateway's may go wrong. Less the overlap, for late commits.
        """
        found = self.since_at_once(pushdown, first, asked_at)
        if found is None:
            newest = self._newest(await self._sweeper.page(Pushdown()))
            found = _earlier(asked_at, newest) - self._overlap
        return found

    def since_at_once(self, pushdown: Pushdown, first: Page, asked_at: int) -> int | None:
        """The same without another call; None where only that could tell."""
        if not can_leave(pushdown, self._contract):
            return _earlier(_told(first, asked_at), self._newest(first)) - self._overlap
        return None if first.date is None else to_micros(first.date) - self._overlap

    async def settle(
        self, pushdown: Pushdown, rows: Selection, since: int, first: Page | None = None
    ) -> Settled:
        """Catch up with all changes since an instant; `first` is a first page just read.

        Raises:
            UpstreamKeepsChanging: what changes is more each time.
        """
        if can_leave(pushdown, self._contract):
            return await self.settle_selection(pushdown, rows, since)
        return await self.settle_gradual(pushdown, rows, since, first)

    async def settle_gradual(
        self, pushdown: Pushdown, rows: Counted, since: int, first: Page | None = None
    ) -> Settled:
        """Where a row leaves by deletion only: too many rows are then nothing wrong."""
        reach, total, most = since, 0, _MANY
        for _ in range(self._rounds):
            now = self.now()
            newest = first or await self._sweeper.page(pushdown)
            first = None
            rows.put(newest.rows)
            total, caught_up = newest.total, self._reaches(newest, reach)
            if not caught_up:
                changed, caught_up = await self._changed(pushdown, since, most)
                rows.merge(changed)
                reach = min(_told(newest, now), self._sweeper.span(newest).newest or now)
                since, most = reach - self._overlap, 2 * await changed.count()
            if caught_up:
                return Settled(await rows.count() >= total, total)
        return Settled(False, total)

    async def settle_selection(self, pushdown: Pushdown, rows: Selection, since: int) -> Settled:
        """Who belongs to a selection is the upstream's own judgement.

        It is asked for everyone who changed, then for those that match, so that a row that enters
        in between is not taken for one that left. Rows beyond the total were deleted when nobody
        has changed from one round to the next.
        """
        before: dict[str, int | None] | None = None
        deleted_only, total, most = False, 0, _MANY
        for _ in range(self._rounds):
            everyone, still = await self._changed(Pushdown(), since, most)
            changed = everyone.versions()
            if deleted_only and still and changed == before:
                return Settled(True, total)
            mine, seen_all, total = await self._matching(pushdown, since)
            rows.remove(changed.keys() - mine.versions().keys())
            rows.merge(mine)
            found = await rows.count()
            if seen_all and found == total:
                return Settled(True, total)
            before, most = changed if still else None, 2 * len(changed)
            deleted_only = seen_all and found > total
        return Settled(False, total)

    async def _matching(self, pushdown: Pushdown, since: int) -> tuple[Collected, bool, int]:
        """What matches and changed, whether that is all of it at one moment, and the total."""
        newest = await self._sweeper.page(pushdown)
        if self._reaches(newest, since):
            mine = Collected(self._contract)
            mine.put(newest.rows)
            return mine, True, newest.total
        mine, still = await self._changed(pushdown, since, _MANY)
        return mine, still, newest.total

    async def _changed(self, pushdown: Pushdown, since: int, most: int) -> tuple[Collected, bool]:
        """What changed, and whether it stood still while it was read.

        Raises:
            UpstreamKeepsChanging: it is several pages and more than `most`, twice as many as the
                last time: each round would make it worse.
        """
        rows = Collected(self._contract)
        changed = narrow(pushdown, self._contract, since, None) or pushdown
        first = await self._sweeper.page(changed)
        if first.total > most and not self._sweeper.is_whole(first):
            raise keeps_changing()
        return rows, await self._sweeper.read(changed, rows, first)

    def _reaches(self, page: Page, since: int) -> bool:
        """Whether a first page goes back beyond an instant."""
        if self._sweeper.is_whole(page):
            return True
        oldest = self._sweeper.span(page).oldest
        return oldest is None or oldest < since

    def _newest(self, first: Page) -> int | None:
        """The newest instant; in a page that is all there is, some rows may have none."""
        if not self._sweeper.is_whole(first):
            return self._sweeper.span(first).newest
        instants = first.rows.column(self._contract.order_column).cast(pa.int64())
        newest: int | None = pc.max(instants).as_py()
        return newest


def can_leave(pushdown: Pushdown, contract: Contract) -> bool:
    """Whether a change can take a row out: not when only newer rows are asked, or all."""
    return not all(
        isinstance(term, PushedRange) and term.column == contract.order_column and not term.upper
        for term in pushdown.terms
    )


def _overlap_of(contract: Contract) -> int:
    """How far a catch-up looks back, in microseconds."""
    return contract.overlap_seconds * _SECOND


def _earlier(told: int, newest: int | None) -> int:
    return told if newest is None else min(told, newest)


def _told(page: Page, now: int) -> int:
    return now if page.date is None else to_micros(page.date)
