"""All rows of a pushdown, read over many pages while the data moves, as one consistent table.

First a sweep over all pages, which loses no row that nobody touched. A row that was touched has
moved to the front: the catch-up finds it there. It is over when one page, which is one moment's
look, shows everything that changed since the last sweep began. Where rows can leave a selection,
the extract must then hold as many rows as the upstream's total. What cannot be read consistently
is refused, never passed on.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from gateway.analytics.collected import Collected
from gateway.analytics.ranges import narrow, to_micros
from gateway.analytics.rows import Page
from gateway.analytics.sweep import FetchPage, Sweeper, keeps_changing
from gateway.contract.model import Contract
from gateway.errors import UpstreamBrokeContract
from gateway.observe import Clock
from gateway.planner.pushdown import Pushdown, PushedRange

_SECOND = 1_000_000
_MANY = 2**62


@dataclass(frozen=True, slots=True)
class ExtractPolicy:
    """`concurrency` pages in flight; `attempts` whole reads; `rounds` catch-ups in each."""

    concurrency: int = 4
    attempts: int = 3
    rounds: int = 8


class Extractor:
    """Reads extracts by one contract.

    `fetch` must refuse a page that does not answer its request, as `AnalyticsClient.fetch` does:
    a page that is not full is taken for the last one.
    """

    def __init__(
        self, fetch: FetchPage, contract: Contract, policy: ExtractPolicy, clock: Clock
    ) -> None:
        self._sweeper = Sweeper(fetch, contract, policy.concurrency, clock)
        self._contract = contract
        self._policy = policy
        self._wall = clock
        self._overlap = contract.overlap_seconds * _SECOND

    async def read(self, pushdown: Pushdown) -> pa.Table:
        """Every row of the pushdown once, in no particular order.

        Each row that matched throughout is there, with a version not older than the start. A row
        that was deleted meanwhile may be there too.

        Raises:
            UpstreamKeepsChanging: the data moved faster than it could be read.
            UpstreamBrokeContract: the total is not the number of rows that there are.
        """
        short: tuple[int, int] | None = None
        for _ in range(self._policy.attempts):
            rows = Collected(self._contract)
            total = await self._read_once(pushdown, rows)
            if total is None:
                return await rows.rows()
            found = (await rows.count(), total)
            if found == short and found[0] < total:
                raise _wrong_total(*found)
            short = found
        raise keeps_changing()

    async def _read_once(self, pushdown: Pushdown, rows: Collected) -> int | None:
        """None when `rows` is consistent, else the last total that it was compared with."""
        asked_at = to_micros(self._wall.now())
        first = await self._sweeper.page(pushdown)
        if self._sweeper.is_whole(first):
            rows.put(first.rows)
            return None
        since = await self._since(pushdown, first, asked_at)
        await self._sweeper.read(pushdown, rows, first)
        settle = self._settle_selection if _can_leave(pushdown, self._contract) else self._settle
        return await settle(pushdown, rows, since)

    async def _since(self, pushdown: Pushdown, first: Page, asked_at: int) -> int:
        """From when changes are caught up: the earliest of the clocks that can be read.

        The upstream's own is in its Date header and in the newest row; the gateway's may go wrong.
        """
        newest = self._sweeper.span(first).newest
        if _can_leave(pushdown, self._contract):
            anyone = None if first.date else await self._sweeper.page(Pushdown())
            newest = self._sweeper.span(anyone).newest if anyone else None
        told = self._told(first, asked_at)
        return (told if newest is None else min(told, newest)) - self._overlap

    async def _settle(self, pushdown: Pushdown, rows: Collected, since: int) -> int | None:
        """Catch up where a row leaves by deletion only: too many rows are then nothing wrong."""
        reach, total, most = since, 0, _MANY
        for _ in range(self._policy.rounds):
            now = to_micros(self._wall.now())
            newest = await self._sweeper.page(pushdown)
            rows.put(newest.rows)
            total, caught_up = newest.total, self._reaches(newest, reach)
            if not caught_up:
                changed, caught_up = await self._changed(pushdown, since, most)
                rows.merge(changed)
                reach = min(self._told(newest, now), self._sweeper.span(newest).newest or now)
                since, most = reach - self._overlap, 2 * await changed.count()
            if caught_up:
                found = await rows.count()
                return None if found >= total else total
        return total

    async def _settle_selection(
        self, pushdown: Pushdown, rows: Collected, since: int
    ) -> int | None:
        """Catch up where rows leave by changing; who belongs is the upstream's own judgement.

        It is asked for everyone who changed, then for those that match, so that a row that enters
        in between is not taken for one that left. Rows beyond the total were deleted when nobody
        has changed from one round to the next.
        """
        before: dict[str, int | None] | None = None
        deleted_only, total, most = False, 0, _MANY
        for _ in range(self._policy.rounds):
            everyone, still = await self._changed(Pushdown(), since, most)
            changed = everyone.versions()
            if deleted_only and still and changed == before:
                return None
            mine, seen_all, total = await self._matching(pushdown, since)
            rows.remove(changed.keys() - mine.versions().keys())
            rows.merge(mine)
            found = await rows.count()
            if seen_all and found == total:
                return None
            before, most = changed if still else None, 2 * len(changed)
            deleted_only = seen_all and found > total
        return total

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
        oldest = self._sweeper.span(page).oldest
        return self._sweeper.is_whole(page) or oldest is None or oldest < since

    @staticmethod
    def _told(page: Page, now: int) -> int:
        return now if page.date is None else to_micros(page.date)


def _can_leave(pushdown: Pushdown, contract: Contract) -> bool:
    """Whether a change can take a row out: not when only newer rows are asked, or all."""
    return not all(
        isinstance(term, PushedRange) and term.column == contract.order_column and not term.upper
        for term in pushdown.terms
    )


def _wrong_total(found: int, total: int) -> UpstreamBrokeContract:
    return UpstreamBrokeContract(
        f"the Analytics API says that there are {total} rows, but its pages hold {found} different"
        " ones; correct [response.total], or `key` of [service], in the contract file"
    )
