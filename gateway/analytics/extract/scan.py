"""Reads a pushdown page by page so that no row is lost that nobody touched meanwhile.

Pages come newest first, by skip and limit, several at once. After the first page the upper end is
fixed (before rows dated in the future), so that what changes can only leave: when every page states
the same total and as many rows were met, nothing moved. Otherwise rows have shifted between pages.
A page is one moment's look at neighbours: it misses no row strictly between its first and its last
instant. Where two neighbouring pages neither overlap in that sense nor meet without a shift or a
tie, the gap is read again as a range of instants, which no shift disturbs.

Rows are handed on in the order of the pages, so that they may be served while the sweep goes on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

import anyio
import pyarrow as pa

from gateway.analytics.extract.collected import Collected, Gathering
from gateway.analytics.extract.ranges import grid_step, narrow, to_micros
from gateway.analytics.read.page import Page
from gateway.analytics.read.request import PageRequest
from gateway.contract.model import Contract
from gateway.errors import UpstreamBrokeContract, UpstreamKeepsChanging
from gateway.observe import Clock
from gateway.planner.pushdown import Pushdown

FetchPage = Callable[[PageRequest], Awaitable[Page]]
Job = Callable[[], Awaitable[None]]

_SECOND = 1_000_000
_PASSES = 24
"""How often a tie longer than a page is read; of rows in random order each pass misses a third."""


@dataclass(frozen=True, slots=True)
class PageSpan:
    """What one page says; instants in microseconds, None when it is empty."""

    skip: int
    rows: int
    total: int
    newest: int | None
    oldest: int | None


@dataclass(slots=True)
class Course:
    """How far a sweep has come: what each page said, by its skip, and the rows it met.

    Kept by who may call again after a failure: pages that were read are not asked for again.
    """

    spans: dict[int, PageSpan] = field(default_factory=dict)
    met: Gathering | None = None

    def missing(self, step: int, total: int) -> Iterator[int]:
        """Where the pages begin that are still to be read, asked for one at a time."""
        known, skip = sorted(self.spans.values(), key=_by_skip), 0
        while skip < total:
            here = [s for s in known if s.skip <= skip < s.skip + (s.rows or step)]
            if here:
                skip = here[-1].skip + (here[-1].rows or step)
            else:
                yield skip
                skip += step - (step // 100 if self._has_moved(total) else 0)

    def _has_moved(self, total: int) -> bool:
        """Once the total has moved, pages overlap a little, which spares many gaps."""
        last = next(reversed(self.spans.values()), None)
        return last is not None and last.total != total


class InOrder:
    """Hands pages on in the order in which they were asked for, whichever comes first."""

    def __init__(self, put: Callable[[pa.Table], None]) -> None:
        self._put = put
        self._waiting: dict[int, pa.Table | None] = {}

    def expect(self, skip: int) -> None:
        """A page is asked for."""
        self._waiting[skip] = None

    def came(self, skip: int, rows: pa.Table) -> None:
        """A page is there: hand on all that no page before it is missing for."""
        self._waiting[skip] = rows
        while self._waiting:
            first = next(iter(self._waiting))
            found = self._waiting[first]
            if found is None:
                return
            del self._waiting[first]
            self._put(found)

    def give_up(self) -> None:
        """Hand on what came behind a page that did not."""
        for rows in self._waiting.values():
            if rows is not None:
                self._put(rows)
        self._waiting.clear()


class Scanner:
    """Reads by one contract, `concurrency` pages at once."""

    def __init__(
        self, fetch: FetchPage, contract: Contract, concurrency: int, clock: Clock
    ) -> None:
        self._fetch = fetch
        self._contract = contract
        self._clock = clock
        self._concurrency = concurrency
        self._limit = contract.request.page_limit
        self._step = grid_step(contract)

    async def page(self, pushdown: Pushdown, skip: int = 0) -> Page:
        """One full page of the pushdown's rows, newest first."""
        order = self._contract.order_column
        return await self._fetch(PageRequest(pushdown, skip, self._limit, order))

    def is_whole(self, first: Page) -> bool:
        """A first page that is not full is all there is, whatever the total."""
        return int(first.rows.num_rows) < self._limit

    def span(self, page: Page, skip: int = 0) -> PageSpan:
        """The ends of a page.

        Raises:
            UpstreamBrokeContract: the order column is null; then no range of it holds the row.
        """
        instants = page.rows.column(self._contract.order_column)
        if instants.null_count:
            number = instants.to_pylist().index(None)
            key = page.rows.column(self._contract.key)[number].as_py()
            raise UpstreamBrokeContract(
                f"the Analytics API sent a row without {self._contract.order_column}, by which"
                f" extracts are read (row {skip + number + 1}); have it corrected, or name another"
                " column as order_by of [extract]",
                details=(f"the row's {self._contract.key} is {key!r}",),
            )
        rows = len(instants)
        ends = (instants[0].value, instants[rows - 1].value) if rows else (None, None)
        return PageSpan(skip, rows, page.total, *ends)

    async def read(
        self,
        pushdown: Pushdown,
        rows: Gathering,
        first: Page | None = None,
        course: Course | None = None,
    ) -> bool:
        """Collect the rows; tells whether they stood still: then there are neither more nor less.

        `first` is the pushdown's first page when it has been read already. With a `course` the
        sweep may be called again after a failure, with the same `rows` and the same `first`.

        Raises:
            UpstreamKeepsChanging: rows of one instant fill pages and do not stand still.
        """
        first = await self.page(pushdown) if first is None else first
        top, course = self.span(first), course or Course()
        if self.is_whole(first) or top.newest is None:
            rows.put(first.rows)
            return True
        told = to_micros(first.date or self._clock.now()) + _SECOND
        if top.newest <= told:
            return await self._read_fixed(pushdown, rows, first, course)
        return await self._read_with_future(pushdown, rows, first, told)

    async def _read_with_future(
        self, pushdown: Pushdown, rows: Gathering, first: Page, told: int
    ) -> bool:
        """Rows dated after `told` are read as a range, the others as ever."""
        own, top = rows.part(), self.span(first)
        own.put(first.rows)
        await self._walk(pushdown, own, told, top.newest or told)
        past, still = narrow(pushdown, self._contract, None, told), True
        if past is not None:
            still = await self._read_fixed(past, own, await self.page(past), Course())
        rows.close(own)
        again = await self.page(pushdown)
        return still and await own.count() == top.total == again.total

    async def _read_fixed(
        self, pushdown: Pushdown, rows: Gathering, first: Page, course: Course
    ) -> bool:
        top, own = self.span(first), course.met or rows.part()
        fixed = narrow(pushdown, self._contract, None, top.newest) or pushdown
        if not course.spans:
            own.put(first.rows)
            course.spans[0], course.met = top, own
        await self._skim(fixed, own, top, course)
        spans = sorted(course.spans.values(), key=_by_skip)
        unmoved = all(span.total == top.total for span in spans)
        complete = await own.count() == top.total
        if not (unmoved and complete):
            await self._side_by_side(
                partial(self._walk, pushdown, own, lower, upper) for lower, upper in gaps(spans)
            )
            complete = await own.count() == top.total
        rows.close(own)
        return unmoved and complete

    async def _skim(
        self, pushdown: Pushdown, rows: Gathering, top: PageSpan, course: Course
    ) -> None:
        """The pages behind the first, to one that is not full: a total may be capped."""
        ordered = InOrder(rows.put)

        async def read(skip: int) -> None:
            page = await self.page(pushdown, skip)
            course.spans[skip] = self.span(page, skip)
            ordered.came(skip, page.rows)

        def jobs() -> Iterator[Job]:
            for skip in course.missing(self._limit, top.total):
                ordered.expect(skip)
                yield partial(read, skip)

        try:
            await self._side_by_side(jobs())
            last = max(course.spans.values(), key=_by_skip)
            if last.rows == self._limit:
                ordered.expect(last.skip + last.rows)
                await read(last.skip + last.rows)
        finally:
            ordered.give_up()

    async def _walk(
        self, pushdown: Pushdown, rows: Gathering, lower: int | None, upper: int
    ) -> None:
        """Collect what lies between two instants, each page starting where the last one ended."""
        while lower is None or lower <= upper:
            part = narrow(pushdown, self._contract, lower, upper)
            if part is None:
                return
            page = await self.page(part)
            rows.put(page.rows)
            oldest = self.span(page).oldest
            if self.is_whole(page) or oldest is None:
                return
            if oldest < upper:
                upper = oldest
            else:
                await self._read_tie(pushdown, rows, upper)
                upper -= self._step

    async def _read_tie(self, pushdown: Pushdown, rows: Gathering, instant: int) -> None:
        """Rows that no range can part: all are there when a total that stays was met in full."""
        tie = narrow(pushdown, self._contract, instant - self._step, instant) or pushdown
        seen, total, skip = Collected(self._contract), -1, 0
        for _ in range(_PASSES):
            while skip <= max(total, 0):
                page = await self.page(tie, skip)
                if page.total != total:
                    seen, total = Collected(self._contract), page.total
                seen.put(page.rows)
                rows.put(page.rows)
                skip += self._limit
            if await seen.count() == total:
                return
            skip = 0
        raise keeps_changing()

    async def _side_by_side(self, jobs: Iterable[Job]) -> None:
        """Run jobs, started in order; the first failure ends the others and is raised as it is."""
        waiting = iter(jobs)

        async def work() -> None:
            for job in waiting:
                await job()

        failure: BaseException | None = None
        try:
            async with anyio.create_task_group() as group:
                for _ in range(self._concurrency):
                    group.start_soon(work)
        except BaseExceptionGroup as failures:
            failure = _first(failures)
        if failure is not None:  # outside of the handler, or the group becomes its context
            raise failure


def gaps(spans: list[PageSpan]) -> Iterator[tuple[int | None, int]]:
    """Between which instants (oldest first, both included) rows may have slipped through."""
    told = [span for span in spans if span.rows]
    for before, after in pairwise(told):
        assert before.oldest is not None  # noqa: S101 - it has rows
        assert after.newest is not None  # noqa: S101
        overlap = after.newest > before.oldest
        unmoved = after.total == before.total and after.skip <= before.skip + before.rows
        if not overlap and not (unmoved and after.newest < before.oldest):
            yield after.newest, before.oldest
    last = told[-1]
    if last.skip + last.rows < last.total and last.oldest is not None:
        yield None, last.oldest


def keeps_changing() -> UpstreamKeepsChanging:
    """The refusal to pass on what could not be read consistently."""
    return UpstreamKeepsChanging(
        "the Analytics API's data changed so much while it was read that no consistent copy"
        " could be made; try again in a quieter minute",
        retry_after_seconds=30,
    )


def _by_skip(span: PageSpan) -> int:
    return span.skip


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The failure that stopped the others; what is not ours comes before what is."""
    found = failures.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found
