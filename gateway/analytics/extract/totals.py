"""Which totals of the upstream can be believed: for extracts, `$count` and windows.

A total is believed when a second number agrees (`gateway.analytics.extract.halves`). If that is
larger, and stays so while the total stays, the upstream has a cap: the rows beyond it cannot be
read, so the request is refused. If nothing can be shown, the reason is reported.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from copy import copy
from typing import TypeAlias

import pyarrow as pa
from cachetools import LRUCache

from gateway.analytics.extract.halves import (
    Compared,
    Counted,
    Halves,
    Outcome,
    compare,
    halve,
    halves_are_exact,
    split_instant,
)
from gateway.analytics.extract.ranges import far_ends, grid_step
from gateway.analytics.extract.scan import FetchPage, keeps_changing
from gateway.analytics.read.page import Page
from gateway.analytics.read.request import PageRequest
from gateway.analytics.read.validate import check_filters
from gateway.contract.model import Contract
from gateway.errors import (
    UpstreamBrokeContract,
    UpstreamRejectedRequest,
    UpstreamUnavailable,
)
from gateway.planner.pushdown import Pushdown, PushedRange

Report: TypeAlias = Callable[[str], None]
_SAMPLE = 20
"""Rows of which two are likely to have different instants."""
_CUT_SHORT = 16
"""Comparisons that failed half-way and may go on: a throttled upstream answers a call at a time."""


class _Asking:
    """The calls of one comparison; an earlier one that was cut short has made some of them."""

    def __init__(self, fetch: FetchPage, contract: Contract, made: dict[PageRequest, Page]) -> None:
        self.made: dict[PageRequest, Page] = {}
        self._earlier = made
        self._fetch = fetch
        self._contract = contract

    async def page(self, pushdown: Pushdown, skip: int, limit: int) -> Page:
        """Rows, newest first."""
        return await self._ask(PageRequest(pushdown, skip, limit, self._contract.order_column))

    async def count(self, pushdown: Pushdown) -> Counted:
        """A total, and whether the row that comes with it was asked for."""
        order = self._contract.order_column
        page = await self._ask(PageRequest(pushdown, 0, 1, order, for_total=True))
        try:
            check_filters(pushdown, page, self._contract)
        except UpstreamBrokeContract:
            return Counted(page.total, fits=False)
        return Counted(page.total)

    async def halves(self, pushdown: Pushdown, sample: Page) -> Halves | None:
        """None when no instant parts the rows."""
        instants, step = self._instants(sample), grid_step(self._contract)
        at = split_instant(instants, step)
        if at is None and 1 < sample.total > sample.rows.num_rows:
            newest = await self.page(pushdown, 0, 1)
            oldest = await self.page(pushdown, sample.total - 1, 1)
            ends = self._instants(newest), self._instants(oldest)
            at = split_instant([*ends[0], *instants, *ends[1]], step)
        return None if at is None else halve(pushdown, self._contract, at)

    async def _ask(self, request: PageRequest) -> Page:
        page = self._earlier.pop(request, None)
        if page is None:
            page = await self._fetch(request)
        self.made[request] = page
        return page

    def _instants(self, page: Page) -> list[int]:
        instants = page.rows.column(self._contract.order_column).drop_null()
        found: list[int] = instants.cast(pa.int64()).to_pylist()
        return found


class Totals:
    """What is known of the totals of one upstream, asked with one token; on the event loop.

    `report` gets a sentence for the log.
    """

    def __init__(
        self, fetch: FetchPage, contract: Contract, report: Report = lambda _: None
    ) -> None:
        self.report = report
        self._fetch = fetch
        self._contract = contract
        self._believed = 1  # one row has no halves
        self._capped: tuple[int, UpstreamBrokeContract] | None = None
        self._outside: set[str] = set()
        self._looked: set[PushedRange] = set()
        self._turn = asyncio.Lock()
        self._cut_short: LRUCache[Pushdown, dict[PageRequest, Page]] = LRUCache(_CUT_SHORT)

    async def confirm(self, pushdown: Pushdown, first: Page) -> None:
        """Ask for the second number of an extract that is about to be read; `first` is its page.

        An extract of one page that is not full asks only when it has more rows than any number that
        is believed.

        Raises:
            UpstreamBrokeContract: the upstream caps what it finds.
            UpstreamKeepsChanging: the total moves too fast to be compared.
        """
        is_short = first.rows.num_rows < self._contract.request.page_limit
        if first.total <= (self._believed if is_short else 1):
            return
        async with self._asking(pushdown) as asking:
            found = await self._compare(pushdown, first, asking)
        if not pushdown.terms:
            self._believed, self._capped = 1, None
            self._looked.clear()
        self._judge(found, first.total)

    async def believe(self, pushdown: Pushdown, total: int) -> None:
        """Ask once whether a total can be believed that came without an extract.

        Raises:
            UpstreamBrokeContract, UpstreamKeepsChanging: as `confirm`.
        """
        async with self._turn:
            if total:
                await self.look_beyond(pushdown)
            if total <= self._believed:
                return
            if self._capped is not None and self._capped[0] == total:
                raise copy(self._capped[1])
            limit = self._contract.request.page_limit
            skip = max(0, min(total // 2, limit) - _SAMPLE // 2)
            async with self._asking(pushdown) as asking:
                sample = await asking.page(pushdown, skip, min(_SAMPLE, limit))
                found = await self._compare(pushdown, sample, asking)
            self._judge(found, total)

    async def look_beyond(self, pushdown: Pushdown) -> None:
        """Ask once for the rows behind the years that a column can hold, where a range is open.

        The upstream counts them; here they are null, and in no range. A column that is never null
        has none: extracts refuse them.
        """
        ranged = (term for term in pushdown.terms if isinstance(term, PushedRange))
        for end in (end for term in ranged for end in far_ends(term, self._contract)):
            nullable = self._contract.column(end.column).prop.nullable
            if nullable and end.column not in self._outside and end not in self._looked:
                await self._look_at(end)

    async def _look_at(self, end: PushedRange) -> None:
        """What is more than a page is taken for rows that are not ours."""
        asking = _Asking(self._fetch, self._contract, {})
        try:
            page = await asking.page(Pushdown((end,)), 0, self._contract.request.page_limit)
        except UpstreamRejectedRequest:  # it has no such instants
            pass
        else:
            self.note(page)
            if page.total > page.rows.num_rows:
                self._outside.add(end.column)
        self._looked.add(end)

    def note(self, page: Page) -> None:
        """Remember the columns in which the upstream has instants that no column can hold."""
        self._outside.update(name for name, _ in page.outside)

    def are_ours(self, pushdown: Pushdown) -> bool:
        """True if the upstream's ranges mean the same rows as ours, as far as is known."""
        return not any(
            isinstance(term, PushedRange) and term.column in self._outside
            for term in pushdown.terms
        )

    @asynccontextmanager
    async def _asking(self, pushdown: Pushdown) -> AsyncIterator[_Asking]:
        """The calls of a comparison, kept for the next one when it is cut short."""
        asking = _Asking(self._fetch, self._contract, self._cut_short.pop(pushdown, {}))
        try:
            yield asking
        except UpstreamUnavailable:
            self._cut_short[pushdown] = asking.made
            raise

    async def _compare(self, pushdown: Pushdown, sample: Page, asking: _Asking) -> Compared | str:
        """The comparison, or why there is none."""
        column = self._contract.order_column
        if not halves_are_exact(self._contract):
            return f"its filter by {column} may return more than is asked"
        halves = await asking.halves(pushdown, sample)
        if halves is None:
            return f"all rows have the same {column}, so that half of them is no number"
        return await compare(pushdown, halves, sample.total, asking.count)

    def _judge(self, found: Compared | str, total: int) -> None:
        column = self._contract.order_column
        match found:
            case str():
                self._cannot_show(found)
            case Compared(Outcome.LARGER, whole):
                error = _capped(found, column)
                self._capped = whole, copy(error)
                raise error
            case Compared(Outcome.MOVED):
                raise keeps_changing()
            case Compared(Outcome.IGNORED):
                self._cannot_show(f"it ignores the filter by {column}")
            case Compared(Outcome.SMALLER, whole, parts):
                self._cannot_show(
                    f"of {whole} rows it finds {parts} when it is asked for those before and from"
                    f" one {column} on"
                )
        whole = found.whole if isinstance(found, Compared) else total
        self._believed = max(self._believed, whole)

    def _cannot_show(self, why: str) -> None:
        self.report(f"whether the Analytics API caps its answers cannot be shown: {why}")


def _capped(found: Compared, column: str) -> UpstreamBrokeContract:
    """The refusal of a total that is not that of all rows."""
    return UpstreamBrokeContract(
        f"the Analytics API says that there are {found.whole} rows, but {found.parts} when it is"
        f" asked for those before and from one {column} on: it caps its answers at {found.whole}"
        " rows, so that rows are missing. Have the cap raised at the Analytics API, or add a"
        " $filter that it evaluates and that leaves fewer rows; if there is no cap, correct"
        " [response.total] in the contract file"
    )
