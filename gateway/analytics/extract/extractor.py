"""All rows of a pushdown, read over many pages while the data moves, as one consistent extract.

What the contract can say decides the strategy (`gateway.analytics.extract.strategy`). By the usual
one, newest first, the scanner reads all pages first, and misses no row that did not change. A row
that changed has moved to the front, where the catch-up finds it
(`gateway.analytics.extract.catch_up`). Rows that cannot be read consistently are an error; they are
never passed on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

import anyio.to_thread
import pyarrow as pa

from gateway.analytics.extract.by_time import PassingDates
from gateway.analytics.extract.catch_up import CatchUp, can_leave
from gateway.analytics.extract.collected import Collected
from gateway.analytics.extract.fetching import FetchPage, keeps_changing
from gateway.analytics.extract.incremental import BaseExtract, IncrementalExtract
from gateway.analytics.extract.outside import without_outside
from gateway.analytics.extract.passes import Passes, PassTools
from gateway.analytics.extract.ranges import from_micros, to_micros
from gateway.analytics.extract.scan import Scanner, ScanProgress
from gateway.analytics.extract.strategy import Strategy, choose_strategy
from gateway.analytics.extract.streamed import Sink, Streamed, newest_first
from gateway.analytics.extract.totals import Totals
from gateway.analytics.read.page import Page
from gateway.analytics.read.request import PageRequest
from gateway.analytics.read.strange_values import Tally
from gateway.contract.model import Contract
from gateway.errors import GatewayError, UpstreamBrokeContract, UpstreamRejectedRequest
from gateway.observe import Clock
from gateway.observe.oddities import OddRows
from gateway.planner.pushdown import Pushdown

_MOST_PARTS = 64
"""The smallest page, as a part of the contract's largest one."""


@dataclass(frozen=True, slots=True)
class ExtractPolicy:
    """Limits: `concurrency` pages in flight; `attempts` whole reads; `rounds` of catch-up each."""

    concurrency: int = 4
    attempts: int = 3
    rounds: int = 8


@dataclass(frozen=True, slots=True)
class IncrementalChanges:
    """The changes that bring a complete extract up to date.

    `rows` are new or newer, in the feed's own order. The keys `gone` no longer belong to it. The
    next changes must be requested from `since` on, by the upstream's clock, aware, UTC.
    """

    rows: pa.Table
    gone: frozenset[str]
    since: datetime


class Extractor:
    """A reader of extracts for one contract.

    `fetch` must refuse a page that does not fit its request, as `AnalyticsClient.fetch` does: a
    page that is not full counts as the last one. Other readers of this upstream share `totals`.
    `may_follow` returns False if the changes of a selection cannot be read, because its order was
    not proved, or a range was contradicted.
    """

    def __init__(
        self,
        fetch: FetchPage,
        contract: Contract,
        policy: ExtractPolicy,
        clock: Clock,
        totals: Totals | None = None,
        may_follow: Callable[[Pushdown], bool] = lambda _: True,
    ) -> None:
        self.may_follow = may_follow
        self.tally = Tally(contract)
        self.totals = totals or Totals(fetch, contract)
        self.choice = choose_strategy(contract)
        self.dates = PassingDates(contract)
        self.attempts = policy.attempts
        self._fetch = fetch
        self._policy = policy
        self._clock = clock
        self._smallest = max(1, contract.request.page_limit // _MOST_PARTS)
        self._use(contract)

    def _use(self, contract: Contract) -> None:
        """Read by a contract from now on."""
        self.contract = contract
        self.scanner = Scanner(self._counted, contract, self._policy.concurrency, self._clock)
        self.catch_up = CatchUp(self.scanner, contract, self._policy.rounds, self._clock)

    async def shrink(self, error: GatewayError, pushdown: Pushdown) -> Contract | None:
        """Use smaller pages from now on, if that is what the error asks for and it helps.

        Return the contract with the new limit; None if the error counts. A smaller page is
        requested first, so that an upstream that is down makes no page small.
        """
        request, order = self.contract.request, self.contract.order_column
        limit = request.page_limit
        while error.wants_smaller_page and limit > self._smallest:
            limit = max(self._smallest, limit // 2)
            try:
                await self._fetch(PageRequest(pushdown, 0, limit, order))
            except UpstreamRejectedRequest as again:
                error = again
            except GatewayError:
                return None
            else:
                self._use(replace(self.contract, request=replace(request, page_limit=limit)))
                return self.contract
        return None

    def begin(self, pushdown: Pushdown, sink: Sink) -> Extraction | Passes:
        """Return an extraction of the pushdown's rows into a sink; it sends no request yet."""
        if not pushdown.terms:
            self.tally.begin()
        if self.choice.strategy is Strategy.NEWEST_FIRST:
            return Extraction(self, pushdown, sink)
        by_ranges = self.choice.strategy is Strategy.RANGES
        tools = PassTools(self._counted, self._clock, self.shrink, by_ranges=by_ranges)
        return Passes(tools, self.contract, pushdown, sink)

    async def changes(
        self, pushdown: Pushdown, since: datetime, base: BaseExtract
    ) -> IncrementalChanges | None:
        """Return what changed in `base`, a complete extract of the pushdown, since an instant.

        None if all rows must be read again: rows were deleted, they fit on one page, the upstream
        finds rows that the gateway does not see in the pushdown's ranges, rows change by time
        unseen, or the strategy has no instant from which changes could be read.

        Raises:
            UpstreamKeepsChanging: the data changes faster than it can be read.
        """
        is_small = base.rows < self.contract.request.page_limit
        if is_small or self.choice.strategy is not Strategy.NEWEST_FIRST:
            return None
        if not self.may_follow(pushdown) or not self.dates.can_follow(pushdown):
            return None
        asked_at = self.catch_up.now()
        passing = await self.dates.read(self.scanner, pushdown, to_micros(since), asked_at)
        first = await self.scanner.page(pushdown)
        following = await self.catch_up.since(pushdown, first, asked_at)
        rows = IncrementalExtract(self.contract, base)
        rows.merge(passing)  # first: of equally new versions, the one read later counts
        settled = await self.catch_up.settle(pushdown, rows, to_micros(since), first)
        if not settled.consistent or await rows.count() != settled.total:
            return None
        self.tally.remove(rows.gone)
        found = await rows.changed()
        if without_outside(found, pushdown).num_rows < found.num_rows:
            return None
        return IncrementalChanges(await self.in_order(found), rows.gone, from_micros(following))

    def oddities(self, pushdown: Pushdown, before: Iterable[OddRows] = ()) -> tuple[OddRows, ...]:
        """Return the odd rows of an extract; `before` are those of an older one.

        Of a selection, only those that queries must not depend on.
        """
        return self.tally.undecoded(before) if pushdown.terms else self.tally.counts(before)

    async def _counted(self, request: PageRequest) -> Page:
        page = await self._fetch(request)
        self.tally.note(page.rows, page.odd)
        self.totals.note(page)
        return page

    async def in_order(self, rows: pa.Table) -> pa.Table:
        """Return rows in the feed's own order, sorted in a thread."""
        key = self.contract.key
        order = self.contract.order_column
        return await anyio.to_thread.run_sync(newest_first, rows, order, key)


class Extraction:
    """One extract; after a failure, `read` resumes where it stopped.

    Rows that cannot leave the pushdown by a change reach the sink during the read, others at the
    end. `total` is the upstream's number of rows, None until its first response.
    """

    def __init__(self, extractor: Extractor, pushdown: Pushdown, sink: Sink) -> None:
        self._by = extractor
        self._pushdown = pushdown
        self._sink = sink
        self._is_confirmed = False
        self.is_gradual = not can_leave(pushdown, extractor.contract)
        self._rows: Streamed | Collected = self._empty()
        self._first: Page | None = None
        self._since: int | None = None
        self._progress = ScanProgress()
        self._short: tuple[int, int] | None = None

    @property
    def total(self) -> int | None:
        """The total of the first page."""
        return None if self._first is None else self._first.total

    async def read(self) -> datetime | None:
        """Hand every row to the sink once; return from when the extract may lack changes, if known.

        The rows are consistent. They may include a row that was deleted during the read.

        Raises:
            UpstreamKeepsChanging: the data changed faster than it could be read.
            UpstreamBrokeContract: the total is not the number of rows, or the upstream caps it
                together with the rows.
        """
        for _ in range(self._by.attempts):
            total = await self._read_sized()
            if total is None:
                return await self._finish()
            found = (await self._rows.count(), total)
            if found == self._short and found[0] < total:
                raise _wrong_total(*found, self._by.contract)
            self._short = found
            self._start_again()
        raise keeps_changing()

    async def _read_sized(self) -> int | None:
        """Read once; start over with smaller pages while the upstream refuses larger ones."""
        while True:
            try:
                return await self._read_once()
            except GatewayError as error:
                if await self._by.shrink(error, self._pushdown) is None:
                    raise
            self._start_again()

    async def _read_once(self) -> int | None:
        """Return None if the rows are consistent, else the last total they were compared with."""
        pushdown, catch_up = self._pushdown, self._by.catch_up
        scanner = self._by.scanner
        first = self._first or await self._begin()
        if not self._is_confirmed:
            await self._by.totals.confirm(pushdown, first)
            self._is_confirmed = True
        if scanner.is_whole(first):
            self._rows.put(first.rows)
            return None
        assert self._since is not None  # noqa: S101 - None for a single page only
        await scanner.read(pushdown, self._rows, first, self._progress)
        if isinstance(self._rows, Streamed):
            tie = self._progress.newest_tie
            settled = await catch_up.settle_gradual(pushdown, self._rows, self._since, tie=tie)
        else:
            settled = await catch_up.settle_selection(pushdown, self._rows, self._since)
        return None if settled.consistent else settled.total

    async def _begin(self) -> Page:
        """Read the first page, and note from when it may lack changes."""
        pushdown, scanner, catch_up = self._pushdown, self._by.scanner, self._by.catch_up
        asked_at = catch_up.now()
        first = await scanner.page(pushdown)
        since = catch_up.since_at_once(pushdown, first, asked_at)
        if since is None and not scanner.is_whole(first):
            since = await catch_up.since(pushdown, first, asked_at)
            first = await scanner.page(pushdown)  # the first one is older than `since`
        self._since = since if self._since is None else self._since
        self._first = first
        return first

    def _empty(self) -> Streamed | Collected:
        contract = self._by.contract
        return Streamed(contract, self._sink) if self.is_gradual else Collected(contract)

    def _start_again(self) -> None:
        """Start over; rows in the sink stay there, and so does the instant of their first page."""
        self._first, self._progress = None, ScanProgress()
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
            return None  # the upstream counts rows that are left out: no catch-up could end
        return from_micros(self._since)


def _wrong_total(found: int, total: int, contract: Contract) -> UpstreamBrokeContract:
    key = contract.key
    path = ".".join(contract.column(key).path)
    return UpstreamBrokeContract(
        f"the Analytics API reports {total} rows, but its pages have {found} distinct ones"
        f" by the key {key} ({path}); correct `total` of [response], or `key` of [service], in the"
        " contract file"
    )
