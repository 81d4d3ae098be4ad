"""The choice of a source: the cheapest one that has the whole response.

The chooser makes the calls that a source needs, and falls back to a snapshot where a call is not
enough: a tie crosses the end of a window, the statistics make more rows than a page takes, a
response contradicts what had been proved, or the Analytics API cannot be reached. What it returns
is final.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

from gateway.analytics.read.page import Page
from gateway.analytics.read.request import first_request
from gateway.analytics.read.statistics import Figures, rows_of_figures
from gateway.contract.model import Contract
from gateway.errors import (
    GatewayError,
    UpstreamBrokeContract,
    UpstreamRejectedRequest,
    UpstreamUnavailable,
)
from gateway.fairness.call_limit import CallLimit
from gateway.planner.plan import QueryPlan, Route
from gateway.planner.pushdown import Pushdown
from gateway.proofs.abilities import relied_on
from gateway.service.dependencies import Dependencies
from gateway.service.messages import ResponseOptions
from gateway.service.paging import may_be_early, tie_at_the_end
from gateway.service.rows import RowReader
from gateway.service.source import NoRows, SnapshotRows, Source, Total, UpstreamRows
from gateway.snapshots.freshness import Verdict

T = TypeVar("T")


class SourceChooser:
    """Chooses the sources of one workspace."""

    def __init__(self, contract: Contract, dependencies: Dependencies, rows: RowReader) -> None:
        self._contract = contract
        self._with = dependencies
        self._rows = rows

    @asynccontextmanager
    async def choose(
        self, plan: QueryPlan, options: ResponseOptions, *, page_size: int | None = None
    ) -> AsyncIterator[Source]:
        """Open the cheapest source that has the whole response.

        `page_size` is the most rows of a response that may go on behind a nextLink, which only a
        snapshot can serve; such a response may begin while the extract runs. None if all rows come
        in one response.

        Raises:
            GatewayError: the Analytics API fails, and no snapshot may be used instead.
            UpstreamBrokeContract: also if the response depends on values that cannot be decoded.
        """
        async with self._chosen(plan, options, page_size) as source:
            self._rows.check_decoded(source, plan, self._rows.known_odd())
            yield source

    @asynccontextmanager
    async def _chosen(
        self, plan: QueryPlan, options: ResponseOptions, page_size: int | None
    ) -> AsyncIterator[Source]:
        async with AsyncExitStack() as stack:
            try:
                source = await self._opened(stack, plan, options, page_size)
            except (UpstreamBrokeContract, UpstreamRejectedRequest) as error:
                if not self._withdraw(plan, error):
                    raise
                whole = self._rows.snapshot(Pushdown(), fresher=options.fresher)
                source = SnapshotRows(await stack.enter_async_context(whole))
            yield source

    def _withdraw(self, plan: QueryPlan, error: GatewayError) -> bool:
        """Withdraw the proofs that a response contradicts; return False if it used none."""
        lost = self._with.trust.withdraw(relied_on(plan), f"a response was refused ({error.code})")
        if lost:
            self._with.totals.report(
                f"{', '.join(lost)}: not used until proved again, because of a response to a"
                f" client's request: {error.message}"
            )
        return bool(lost)

    async def _opened(
        self,
        stack: AsyncExitStack,
        plan: QueryPlan,
        options: ResponseOptions,
        page_size: int | None,
    ) -> Source:
        direct = await self._direct(plan, options, page_size)
        if direct is not None:
            return direct
        early = page_size is not None and may_be_early(plan)
        early = early and not self._rows.may_be_undecoded(plan)
        track = options.preferences.track_changes  # rows of a draft may differ from the snapshot
        opened = self._rows.snapshot(
            plan.pushdown, fresher=options.fresher, early=early and not track
        )
        snapshot = await stack.enter_async_context(opened)
        return SnapshotRows(snapshot, is_early=snapshot.draft is not None)

    async def _direct(
        self, plan: QueryPlan, options: ResponseOptions, page_size: int | None
    ) -> NoRows | Total | UpstreamRows | None:
        """Return a source without a snapshot; None if a snapshot must serve the response."""
        if options.preferences.track_changes:
            return None
        if plan.route is Route.NOTHING:
            return NoRows()
        if self._rows.is_cached(plan, options) or not self._has_same_rows(plan):
            return None
        match plan.route:
            case Route.TOTAL:
                return await self._total(plan, options)
            case Route.WINDOW:
                return await self._window(plan, options)
            case Route.STATISTICS:
                return await self._statistics(plan, options, page_size)
            case _:
                return None

    def _has_same_rows(self, plan: QueryPlan) -> bool:
        """Return False if the upstream's ranges hold rows that are null here."""
        return self._with.totals.has_same_rows(plan.pushdown)

    async def _total(self, plan: QueryPlan, options: ResponseOptions) -> Total | None:
        page = await self._first_page(plan, options)
        return None if page is None else Total(page.total, page.odd)

    async def _window(self, plan: QueryPlan, options: ResponseOptions) -> UpstreamRows | None:
        """Return a small window; None if a tie crosses its end, whose order upstream is unknown."""
        if (plan.query.top or 0) > self._rows.page_size(options.preferences):
            return None
        page = await self._first_page(plan, options)
        if page is None or tie_at_the_end(page, first_request(plan, self._contract)):
            return None
        return UpstreamRows(page.rows, count=page.total, date=page.date, odd=page.odd)

    async def _first_page(self, plan: QueryPlan, options: ResponseOptions) -> Page | None:
        """Return the page that a plan requests first, with a total that is verified.

        Raises:
            UpstreamBrokeContract: the upstream caps what it finds.
        """
        page = await self._call(self._verified_total(plan), plan, options)
        return page if self._has_same_rows(plan) else None

    async def _verified_total(self, plan: QueryPlan) -> Page:
        page = await self._with.client.fetch(first_request(plan, self._contract))
        self._with.totals.note(page)
        await self._with.totals.verify_live(plan.pushdown, page.total)
        return page

    async def _figures(self, plan: QueryPlan) -> Figures:
        await self._with.totals.check_out_of_range(plan.pushdown)
        return await self._with.client.fetch_statistics(plan.pushdown)

    async def _statistics(
        self, plan: QueryPlan, options: ResponseOptions, page_size: int | None
    ) -> UpstreamRows | None:
        """Return the rows that $apply makes of the statistics; None if they need a nextLink."""
        planned = plan.statistics_plan
        assert planned is not None  # noqa: S101 - the route says so
        figures = await self._call(self._figures(plan), plan, options)
        if figures is None or not self._has_same_rows(plan):
            return None
        if not all(figures.covers(s, self._contract) for s in planned.statistics):
            return None
        source = UpstreamRows(rows_of_figures(figures, planned), planned.rest, None, figures.date)
        query = plan.query
        is_bounded = page_size is None or (query.top is not None and query.top <= page_size)
        if is_bounded and not query.count:
            return source
        count = await self._rows.count(source, plan)
        if not is_bounded and page_size is not None and count - query.skip > page_size:
            return None
        return UpstreamRows(source.rows, source.apply, count, source.date)

    async def _call(
        self, call: Awaitable[T], plan: QueryPlan, options: ResponseOptions
    ) -> T | None:
        """Return the result of a call; None if it failed and an older snapshot may be served.

        Raises:
            UpstreamUnavailable: there is no such snapshot.
            ServiceUnavailable: the call's turn did not come in time.
        """
        try:
            async with _turn_of(call, self._with.calls):
                return await call
        except UpstreamUnavailable:
            choice = self._rows.choice(plan, fresher=options.fresher)
            if choice.verdict is Verdict.EXPIRED:
                raise
            return None


@asynccontextmanager
async def _turn_of(call: Awaitable[object], calls: CallLimit) -> AsyncIterator[None]:
    """Wait until a call may be made; one that never is must be closed, or Python warns of it."""
    async with AsyncExitStack() as turn:
        try:
            await turn.enter_async_context(calls.turn())
        except BaseException:
            if isinstance(call, Coroutine):
                call.close()
            raise
        yield
