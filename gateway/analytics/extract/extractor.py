"""All rows of a pushdown, read over many pages while the data moves, as one consistent extract.

First a sweep over all pages, which loses no row that nobody touched. A row that was touched has
moved to the front: the catch-up finds it there (`gateway.analytics.extract.catch_up`). What
cannot be read consistently is refused, never passed on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import anyio.to_thread
import pyarrow as pa

from gateway.analytics.extract.catch_up import CatchUp, can_leave
from gateway.analytics.extract.collected import Collected
from gateway.analytics.extract.incremental import BaseExtract, IncrementalExtract
from gateway.analytics.extract.outside import without_outside
from gateway.analytics.extract.ranges import from_micros, to_micros
from gateway.analytics.extract.scan import Course, FetchPage, Scanner, keeps_changing
from gateway.analytics.extract.streamed import Sink, Streamed, newest_first
from gateway.analytics.extract.totals import Totals
from gateway.analytics.read.page import Page
from gateway.analytics.read.request import PageRequest
from gateway.analytics.read.strange_values import Tally
from gateway.contract.model import Contract
from gateway.errors import UpstreamBrokeContract
from gateway.observe import Clock
from gateway.observe.oddities import OddRows
from gateway.planner.pushdown import Pushdown


@dataclass(frozen=True, slots=True)
class ExtractPolicy:
    """`concurrency` pages in flight; `attempts` whole reads; `rounds` catch-ups in each."""

    concurrency: int = 4
    attempts: int = 3
    rounds: int = 8


@dataclass(frozen=True, slots=True)
class IncrementalChanges:
    """What to do to a complete extract to make it one of now.

    `rows` are new or newer, in the feed's own order; the keys `gone` no longer belong to it.
    `since` is from when the next changes must be asked for, by the upstream's clock, aware, UTC.
    """

    rows: pa.Table
    gone: frozenset[str]
    since: datetime


class Extractor:
    """Reads extracts by one contract.

    `fetch` must refuse a page that does not answer its request, as `AnalyticsClient.fetch` does:
    a page that is not full is taken for the last one. `totals` is shared with what else asks this
    upstream.
    """

    def __init__(
        self,
        fetch: FetchPage,
        contract: Contract,
        policy: ExtractPolicy,
        clock: Clock,
        totals: Totals | None = None,
    ) -> None:
        self.tally = Tally(contract)
        self.totals = totals or Totals(fetch, contract)
        self._fetch = fetch
        self.sweeper = Scanner(self._counted, contract, policy.concurrency, clock)
        self.settler = CatchUp(self.sweeper, contract, policy.rounds, clock)
        self.contract = contract
        self.attempts = policy.attempts

    def begin(self, pushdown: Pushdown, sink: Sink) -> Extraction:
        """An extract of the pushdown's rows into a sink; nothing is asked yet."""
        if not pushdown.terms:
            self.tally.begin()
        return Extraction(self, pushdown, sink)

    async def changes(
        self, pushdown: Pushdown, since: datetime, base: BaseExtract
    ) -> IncrementalChanges | None:
        """What has changed in `base`, a complete extract of the pushdown, since an instant.

        None when all must be read again: rows were deleted, one page is all there is, or the
        upstream finds rows that are not in the pushdown's ranges here.

        Raises:
            UpstreamKeepsChanging: the data moves faster than it can be read.
        """
        if base.rows < self.contract.request.page_limit:
            return None
        asked_at = self.settler.now()
        first = await self.sweeper.page(pushdown)
        following = await self.settler.since(pushdown, first, asked_at)
        rows = IncrementalExtract(self.contract, base)
        settled = await self.settler.settle(pushdown, rows, to_micros(since), first)
        if not settled.consistent or await rows.count() != settled.total:
            return None
        self.tally.remove(rows.gone)
        found = await rows.changed()
        if without_outside(found, pushdown).num_rows < found.num_rows:
            return None
        return IncrementalChanges(await self.in_order(found), rows.gone, from_micros(following))

    def oddities(self, pushdown: Pushdown, before: Iterable[OddRows] = ()) -> tuple[OddRows, ...]:
        """What is strange in an extract of all rows; `before` is what was known of an older one."""
        return () if pushdown.terms else self.tally.counts(before)

    async def _counted(self, request: PageRequest) -> Page:
        page = await self._fetch(request)
        self.tally.note(page.rows, page.odd)
        self.totals.note(page)
        return page

    async def in_order(self, rows: pa.Table) -> pa.Table:
        """Rows in the feed's own order, sorted in a thread."""
        key = self.contract.key
        order = self.contract.order_column
        return await anyio.to_thread.run_sync(newest_first, rows, order, key)


class Extraction:
    """One extract: `read` it to its end; after a failure `read` goes on where it stopped.

    Rows that cannot leave the pushdown by changing reach the sink while it is read, others at the
    end. `total` is what the upstream says that there are, None until it has said so.
    """

    def __init__(self, extractor: Extractor, pushdown: Pushdown, sink: Sink) -> None:
        self._by = extractor
        self._pushdown = pushdown
        self._sink = sink
        self._sweeper, self._settler = extractor.sweeper, extractor.settler
        self._is_confirmed = False
        self.is_gradual = not can_leave(pushdown, extractor.contract)
        self._rows: Streamed | Collected = self._empty()
        self._first: Page | None = None
        self._since: int | None = None
        self._course = Course()
        self._short: tuple[int, int] | None = None

    @property
    def total(self) -> int | None:
        """Rows in all, as the first page said."""
        return None if self._first is None else self._first.total

    async def read(self) -> datetime | None:
        """Hand every row to the sink once; tells from when changes are not in it, if it can.

        The rows are what there was at one moment. A row that was deleted meanwhile may be there
        too.

        Raises:
            UpstreamKeepsChanging: the data moved faster than it could be read.
            UpstreamBrokeContract: the total is not the number of rows that there are, or the
                upstream caps it together with the rows.
        """
        for _ in range(self._by.attempts):
            total = await self._read_once()
            if total is None:
                return await self._finish()
            found = (await self._rows.count(), total)
            if found == self._short and found[0] < total:
                raise _wrong_total(*found)
            self._short = found
            self._start_again()
        raise keeps_changing()

    async def _read_once(self) -> int | None:
        """None when the rows are consistent, else the last total that they were compared with."""
        pushdown, settler = self._pushdown, self._settler
        first = self._first or await self._begin()
        if not self._is_confirmed:
            await self._by.totals.confirm(pushdown, first)
            self._is_confirmed = True
        if self._sweeper.is_whole(first):
            self._rows.put(first.rows)
            return None
        assert self._since is not None  # noqa: S101 - only one page may leave it open
        await self._sweeper.read(pushdown, self._rows, first, self._course)
        if isinstance(self._rows, Streamed):
            settled = await settler.settle_gradual(pushdown, self._rows, self._since)
        else:
            settled = await settler.settle_selection(pushdown, self._rows, self._since)
        return None if settled.consistent else settled.total

    async def _begin(self) -> Page:
        """The first page, and from when what changes is not in it."""
        pushdown, sweeper, settler = self._pushdown, self._sweeper, self._settler
        asked_at = settler.now()
        first = await sweeper.page(pushdown)
        since = settler.since_at_once(pushdown, first, asked_at)
        if since is None and not sweeper.is_whole(first):
            since = await settler.since(pushdown, first, asked_at)
            first = await sweeper.page(pushdown)  # the other is older than what was told
        self._since = since if self._since is None else self._since
        self._first = first
        return first

    def _empty(self) -> Streamed | Collected:
        contract = self._by.contract
        return Streamed(contract, self._sink) if self.is_gradual else Collected(contract)

    def _start_again(self) -> None:
        """What has reached the sink stays there, and with it the instant of its first page."""
        self._first, self._course = None, Course()
        if not self.is_gradual:
            self._rows, self._since = self._empty(), None

    async def _finish(self) -> datetime | None:
        if isinstance(self._rows, Streamed):
            self._rows.finish()
            return None if self._since is None else from_micros(self._since)
        found = await self._rows.rows()
        rows = without_outside(found, self._pushdown)
        if rows.num_rows:
            self._sink.append(await self._by.in_order(rows))
        if self._since is None or rows.num_rows < found.num_rows:
            return None  # the upstream counts rows that are not kept: changes could not be settled
        return from_micros(self._since)


def _wrong_total(found: int, total: int) -> UpstreamBrokeContract:
    return UpstreamBrokeContract(
        f"the Analytics API says that there are {total} rows, but its pages hold {found} different"
        " ones; correct [response.total], or `key` of [service], in the contract file"
    )
