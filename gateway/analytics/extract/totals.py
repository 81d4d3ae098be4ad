"""Verification of the upstream's totals, for extracts, `$count` and windows.

A total is verified if a second number agrees (`gateway.analytics.extract.halves`). If the second
number stays larger while the total stays, the upstream has a cap: the rows beyond it cannot be
read, so the request is refused. If the comparison proves nothing, the reason is logged.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from copy import copy
from typing import TypeAlias

import pyarrow as pa
from cachetools import LRUCache

from gateway.analytics.extract.fetching import FetchPage, keeps_changing
from gateway.analytics.extract.halves import (
    CheckedTotal,
    Compared,
    Halves,
    Outcome,
    compare,
    halve,
    halves_are_exact,
    split_instant,
)
from gateway.analytics.extract.ranges import far_ends, grid_step
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
_SAMPLE_ROWS = 20
"""Enough rows for two of them to have different instants, most likely."""
_MAX_INTERRUPTED_COMPARISONS = 16
"""Interrupted comparisons that can resume: a throttled upstream may answer one call at a time."""


class _Calls:
    """The calls of one comparison; an interrupted earlier one may have made some of them."""

    def __init__(self, fetch: FetchPage, contract: Contract, made: dict[PageRequest, Page]) -> None:
        self.made: dict[PageRequest, Page] = {}
        self._earlier = made
        self._fetch = fetch
        self._contract = contract

    async def page(self, pushdown: Pushdown, skip: int, limit: int) -> Page:
        """Return rows, newest first."""
        return await self._ask(PageRequest(pushdown, skip, limit, self._contract.order_column))

    async def count(self, pushdown: Pushdown) -> CheckedTotal:
        """Return a total, and whether the row that comes with it matches the pushdown."""
        order = self._contract.order_column
        page = await self._ask(PageRequest(pushdown, 0, 1, order, for_total=True))
        try:
            check_filters(pushdown, page, self._contract)
        except UpstreamBrokeContract:
            return CheckedTotal(page.total, fits=False)
        return CheckedTotal(page.total)

    async def halves(self, pushdown: Pushdown, sample: Page) -> Halves | None:
        """Return two halves of the rows; None if no instant splits them."""
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
    """The verified totals of one upstream and one token; used on the event loop only.

    `report` receives a sentence for the log.
    """

    def __init__(
        self, fetch: FetchPage, contract: Contract, report: Report = lambda _: None
    ) -> None:
        self.report = report
        self._fetch = fetch
        self._contract = contract
        self._largest_verified = 1  # one row has no halves
        self._capped: tuple[int, UpstreamBrokeContract] | None = None
        self._outside: set[str] = set()
        self._checked_ends: set[PushedRange] = set()
        self._lock = asyncio.Lock()
        self._interrupted: LRUCache[Pushdown, dict[PageRequest, Page]] = LRUCache(
            _MAX_INTERRUPTED_COMPARISONS
        )

    async def confirm(self, pushdown: Pushdown, first: Page) -> None:
        """Verify the total of an extract before it is read; `first` is its first page.

        An extract of one page that is not full is verified only if it has more rows than the
        largest verified total.

        Raises:
            UpstreamBrokeContract: the upstream caps its results.
            UpstreamKeepsChanging: the total changes too fast to be compared.
        """
        is_short = first.rows.num_rows < self._contract.request.page_limit
        if first.total <= (self._largest_verified if is_short else 1):
            return
        async with self._calls(pushdown) as calls:
            found = await self._compare(pushdown, first, calls)
        if not pushdown.terms:
            self._largest_verified, self._capped = 1, None
            self._checked_ends.clear()
        self._judge(found, first.total)

    async def verify_live(self, pushdown: Pushdown, total: int) -> None:
        """Verify, once, a total that came without an extract.

        Raises:
            UpstreamBrokeContract, UpstreamKeepsChanging: as `confirm`.
        """
        async with self._lock:
            if total:
                await self.check_out_of_range(pushdown)
            if total <= self._largest_verified:
                return
            if self._capped is not None and self._capped[0] == total:
                raise copy(self._capped[1])
            limit = self._contract.request.page_limit
            size = min(_SAMPLE_ROWS, limit)
            skip = max(0, min(total // 2, limit) - _SAMPLE_ROWS // 2) // size * size
            async with self._calls(pushdown) as calls:
                sample = await calls.page(pushdown, skip, size)
                found = await self._compare(pushdown, sample, calls)
            self._judge(found, total)

    async def check_out_of_range(self, pushdown: Pushdown) -> None:
        """Check once, if a range is open, for rows beyond the years that a column can hold.

        The upstream counts such rows; in the gateway they are null, and in no range. A column that
        is never null has none: extracts refuse them.
        """
        ranged = (term for term in pushdown.terms if isinstance(term, PushedRange))
        for end in (end for term in ranged for end in far_ends(term, self._contract)):
            nullable = self._contract.column(end.column).prop.nullable
            if nullable and end.column not in self._outside and end not in self._checked_ends:
                await self._check_end(end)

    async def _check_end(self, end: PushedRange) -> None:
        """Check one end; more rows than a page count as rows outside of the supported years."""
        calls = _Calls(self._fetch, self._contract, {})
        try:
            page = await calls.page(Pushdown((end,)), 0, self._contract.request.page_limit)
        except UpstreamRejectedRequest:  # the upstream has no such instants
            pass
        else:
            self.note(page)
            if page.total > page.rows.num_rows:
                self._outside.add(end.column)
        self._checked_ends.add(end)

    def note(self, page: Page) -> None:
        """Remember the columns in which the upstream has instants that no column can hold."""
        self._outside.update(name for name, _ in page.outside)

    def has_same_rows(self, pushdown: Pushdown) -> bool:
        """Return True unless the upstream is known to see other rows in these ranges."""
        return not any(
            isinstance(term, PushedRange) and term.column in self._outside
            for term in pushdown.terms
        )

    @asynccontextmanager
    async def _calls(self, pushdown: Pushdown) -> AsyncIterator[_Calls]:
        """Yield the calls of a comparison; keep them for the next one if it is interrupted."""
        calls = _Calls(self._fetch, self._contract, self._interrupted.pop(pushdown, {}))
        try:
            yield calls
        except UpstreamUnavailable:
            self._interrupted[pushdown] = calls.made
            raise

    async def _compare(self, pushdown: Pushdown, sample: Page, calls: _Calls) -> Compared | str:
        """Return the comparison, or why it is not possible."""
        column = self._contract.order_column
        if not column:
            return "no column can split the rows in two"
        if not halves_are_exact(self._contract):
            return f"its filter by {column} may return more rows than requested"
        halves = await calls.halves(pushdown, sample)
        if halves is None:
            return f"all rows have the same {column}, so they cannot be split in two"
        return await compare(pushdown, halves, sample.total, calls.count)

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
                    f"it reports {whole} rows, but {parts} for those before one {column} plus those"
                    " from it on"
                )
        whole = found.whole if isinstance(found, Compared) else total
        self._largest_verified = max(self._largest_verified, whole)

    def _cannot_show(self, why: str) -> None:
        self.report(f"cannot tell whether the Analytics API caps its results: {why}")


def _capped(found: Compared, column: str) -> UpstreamBrokeContract:
    """Return the error for a total that does not cover all rows."""
    return UpstreamBrokeContract(
        f"the Analytics API reports {found.whole} rows, but {found.parts} for those before one"
        f" {column} plus those from it on: it caps its results at {found.whole} rows, or hides"
        " rows from requests without a filter, so rows are missing. Have the cap raised at the"
        " Analytics API, add a $filter that it evaluates and that leaves fewer rows, or add the"
        " constant that shows hidden rows to [request.body] of the contract file; if there is"
        " neither, correct `total` of [response] there"
    )
