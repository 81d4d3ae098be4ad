"""One reading by ranges of the order column: each page starts where the one before ended.

No page is requested by its position, except inside a tie, so the reading needs no total, no cursor
and no deep page. It misses no row that exists throughout: the pages overlap, and a row that changes
gets a newer instant. Oldest first, a later page has it. Newest first, the catch-up finds it: the
newest rows are read again until one page reaches back beyond the start of the previous round, minus
the overlap for late commits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa

from gateway.analytics.extract.fetching import FetchPage, keeps_changing, timeless
from gateway.analytics.extract.listing import Listing
from gateway.analytics.extract.ranges import grid_step, narrow, to_micros
from gateway.analytics.extract.strategy import states_rows
from gateway.analytics.extract.tie import TieReader
from gateway.analytics.read.page import Page
from gateway.analytics.read.request import PageRequest
from gateway.contract.model import Contract, Paging
from gateway.errors import UpstreamBrokeContract
from gateway.observe import Clock
from gateway.planner.pushdown import Pushdown

_SECOND_MICROSECONDS = 1_000_000
_ROUNDS = 8


class RangeWalk:
    """A reading in progress; `read` can be called again after a failure, and goes on.

    `take` receives each page with rows; only the first page of all rows keeps its total, because
    the totals of other pages count a part of the rows.
    """

    cut_off = False

    def __init__(
        self,
        fetch: FetchPage,
        contract: Contract,
        pushdown: Pushdown,
        limit: int,
        take: Callable[[Page], None],
        clock: Clock,
        *,
        descending: bool = True,
    ) -> None:
        self._fetch = fetch
        self._contract = contract
        self._pushdown = pushdown
        self._limit = limit
        self._take = take
        self._clock = clock
        self._descending = descending
        self._bound: int | None = None
        self._until: int | None = None
        self._newest: int | None = None
        self._largest = 0
        self._rounds = 0
        self._pages = 0
        self._versions: set[int] = set()
        self._is_still = False
        self._tie: Listing | TieReader | None = None
        self._ended = False

    async def read(self) -> None:
        """Read all rows, then those that changed meanwhile.

        Raises:
            UpstreamKeepsChanging: each round of the catch-up finds more than a page of changes.
            UpstreamBrokeContract: a row has no instant, or a tie exceeds the depth limit.
        """
        while not self._ended:
            if await self._step():
                self._next_round()

    async def _step(self) -> bool:
        """Read one page, or one tie; return True at the end of a round."""
        if self._tie is not None:
            await self._tie.read()
            self._check_tie(self._tie)
            self._tie = None
            return self._leave_tie()
        part = self._part()
        if part is None:
            return True
        order = self._contract.order_column
        page = await self._fetch(
            PageRequest(part, 0, self._limit, order, descending=self._descending)
        )
        return self._note(page, is_whole=part == self._pushdown)

    def _part(self) -> Pushdown | None:
        """Return the range still to read in this round; None if it is empty."""
        ends = (self._until, self._bound) if self._descending else (self._bound, self._until)
        if ends == (None, None):
            return self._pushdown
        return narrow(self._pushdown, self._contract, *ends)

    def _note(self, page: Page, *, is_whole: bool) -> bool:
        rows = page.rows.num_rows
        if not rows:
            return True
        last = self._note_instants(page)
        self._pages += 1
        self._pass_on(page if is_whole else replace(page, stated=None))
        is_proved = rows < self._limit == self._largest
        self._largest = max(self._largest, rows)
        if is_proved:
            return True
        if self._bound is None or self._advances(last):
            self._bound = last
            return self._is_past_the_end(last)
        if rows < self._largest:
            return True
        self._tie = self._listing_of(self._bound)
        return False

    def _advances(self, instant: int) -> bool:
        assert self._bound is not None  # noqa: S101 - the caller has checked
        return instant < self._bound if self._descending else instant > self._bound

    def _is_past_the_end(self, instant: int) -> bool:
        return self._until is not None and instant < self._until

    def _listing_of(self, instant: int) -> Listing | TieReader:
        """Return a reading of the rows that no range can split, by totals if there are any."""
        step = grid_step(self._contract)
        ends = (instant - step, instant) if self._descending else (instant, instant + step)
        tie = narrow(self._pushdown, self._contract, *ends) or self._pushdown

        def take(page: Page) -> None:
            self._pass_on(replace(page, stated=None))

        if states_rows(self._contract) and self._contract.pages.kind is not Paging.CURSOR:
            return TieReader(self._fetch, self._contract, tie, take)
        return Listing(self._fetch, self._contract, tie, self._limit, take)

    def _check_tie(self, tie: Listing | TieReader) -> None:
        """Refuse rows with one instant whose order differs on each page."""
        if isinstance(tie, Listing) and tie.repeated >= max(2, self._limit // 10):
            column = self._contract.order_column
            raise UpstreamBrokeContract(
                f"the Analytics API has more rows with one {column} than fit a page, and sorts them"
                " differently on each call, so that pages miss some. Without a number of all rows,"
                " nothing shows when all are read: name it as `total` of [response] in the"
                " contract file, or raise `largest` of [pages]"
            )

    def _pass_on(self, page: Page) -> None:
        """Pass on a page, and record whether it has a new row or version."""
        columns = (self._contract.key, self._contract.order_column)
        keys, instants = (page.rows.column(name).to_pylist() for name in columns)
        versions = set(map(hash, zip(keys, instants, strict=True)))
        self._is_still = self._is_still and versions <= self._versions
        self._versions |= versions
        self._take(page)

    def _leave_tie(self) -> bool:
        assert self._bound is not None  # noqa: S101 - a tie has an instant
        step = 2 * grid_step(self._contract)  # a range ends one step further
        self._bound += -step if self._descending else step
        return self._is_past_the_end(self._bound)

    def _next_round(self) -> None:
        """Begin the catch-up, or end if one page showed all changes, or several pages none."""
        is_settled = self._rounds > 0 and (self._pages <= 1 or self._is_still)
        if is_settled or self._newest is None:
            self._ended = True
            return
        if self._rounds == _ROUNDS:
            raise keeps_changing()
        self._rounds += 1
        self._until = self._newest - self._contract.overlap_seconds * _SECOND_MICROSECONDS
        self._bound, self._descending = None, True
        self._pages, self._is_still = 0, True

    def _note_instants(self, page: Page) -> int:
        """Record the newest instant, except those in the future; return that of the last row.

        Raises:
            UpstreamBrokeContract: a row has none.
        """
        instants = page.rows.column(self._contract.order_column)
        if instants.null_count:
            raise timeless(page, self._contract, 0)
        micros: list[int] = instants.cast(pa.int64()).to_pylist()
        now = to_micros(page.date or self._clock.now())
        newest = max((instant for instant in micros if instant <= now), default=min(micros))
        self._newest = newest if self._newest is None else max(self._newest, newest)
        return micros[-1]
