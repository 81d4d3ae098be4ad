"""A scan: read a pushdown page by page, and miss no row that does not change meanwhile.

Pages come newest first, by skip and limit, several at once. After the first page the upper end is
fixed (before rows dated in the future), so a changed row can only leave. If every page states the
same total and the scan found as many rows, no row moved. Otherwise rows have shifted between pages.
Each page is consistent: it misses no row strictly between its first and its last instant. Where two
neighbouring pages neither overlap in that sense nor meet without a shift or a tie, the scan reads
the gap again as a range of instants, which no shift affects.

Rows are passed on in the order of the pages, so they can be served during the scan.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

import anyio
import pyarrow as pa

from gateway.analytics.extract.collected import PageCollector
from gateway.analytics.extract.fetching import FetchPage, timeless
from gateway.analytics.extract.ranges import grid_step, narrow, to_micros
from gateway.analytics.extract.tie import TieReader
from gateway.analytics.read.page import Page
from gateway.analytics.read.request import PageRequest
from gateway.contract.model import Contract, Paging
from gateway.observe import Clock
from gateway.planner.pushdown import Pushdown

Job = Callable[[], Awaitable[None]]

_MICROSECONDS_PER_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class PageSpan:
    """The extent of one page; instants in microseconds, None if it is empty."""

    skip: int
    rows: int
    total: int
    newest: int | None
    oldest: int | None


@dataclass(slots=True)
class Tied:
    """The pages of a scan on which all rows have one instant."""

    instant: int
    pages: list[pa.Table] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)

    def add(self, rows: pa.Table, key: str) -> bool:
        """Add a page; return True if it has a row of an earlier one."""
        keys = rows.column(key).to_pylist()
        repeats = not self.keys.isdisjoint(keys)
        self.keys.update(keys)
        self.pages.append(rows)
        return repeats


@dataclass(slots=True)
class ScanProgress:
    """The progress of a scan: the extent of each page, by its skip, and the rows found.

    A caller that may retry after a failure keeps it, so that no page is read twice. `is_reshuffled`
    is set by pages of one instant that share a row: their order differs from call to call, so
    further pages would mostly repeat rows. `newest_tie` is the newest instant with more rows than a
    page of which all were read, and their number.
    """

    spans: dict[int, PageSpan] = field(default_factory=dict)
    met: PageCollector | None = None
    is_reshuffled: bool = False
    tied: Tied | None = None
    newest_tie: tuple[int, int] | None = None

    def note(self, span: PageSpan, page: Page, key: str, total: int) -> None:
        """Note a page; `total` is that of the first one."""
        self.spans[span.skip] = span
        if span.newest is None or span.newest != span.oldest:
            return
        if self.tied is None or self.tied.instant != span.newest:
            self.tied = Tied(span.newest)
        repeats = self.tied.add(page.rows, key)
        self.is_reshuffled = self.is_reshuffled or (repeats and span.total == total)

    def close(self, instant: int, rows: int) -> None:
        """Note that all rows of an instant were read."""
        if self.newest_tie is None or instant > self.newest_tie[0]:
            self.newest_tie = (instant, rows)

    def missing(self, step: int, total: int) -> Iterator[int]:
        """Yield the skip of each page that is still to be read."""
        known, skip = sorted(self.spans.values(), key=_by_skip), 0
        while skip < total:
            here = [s for s in known if s.skip <= skip < s.skip + (s.rows or step)]
            if here:
                skip = here[-1].skip + (here[-1].rows or step)
            else:
                yield skip
                skip += step - (step // 100 if self._has_moved(total) else 0)

    def missing_numbers(self, step: int, total: int) -> Iterator[int]:
        """Yield the same for pages by number, of which none can start in between."""
        yield from (skip for skip in range(0, total, step) if skip not in self.spans)

    def _has_moved(self, total: int) -> bool:
        """Return True once the total has changed; pages then overlap a little, to avoid gaps."""
        last = next(reversed(self.spans.values()), None)
        return last is not None and last.total != total


class InOrder:
    """A buffer that passes pages on in the order of their requests, not of their arrival."""

    def __init__(self, put: Callable[[pa.Table], None]) -> None:
        self._put = put
        self._waiting: dict[int, pa.Table | None] = {}

    def expect(self, skip: int) -> None:
        """Note that a page is requested."""
        self._waiting[skip] = None

    def came(self, skip: int, rows: pa.Table) -> None:
        """Take a page that arrived, and pass on all pages up to the first missing one."""
        self._waiting[skip] = rows
        while self._waiting:
            first = next(iter(self._waiting))
            found = self._waiting[first]
            if found is None:
                return
            del self._waiting[first]
            self._put(found)

    def give_up(self) -> None:
        """Pass on the pages behind one that did not arrive."""
        for rows in self._waiting.values():
            if rows is not None:
                self._put(rows)
        self._waiting.clear()


class Scanner:
    """A reader of pages for one contract, `concurrency` pages at once."""

    def __init__(
        self, fetch: FetchPage, contract: Contract, concurrency: int, clock: Clock
    ) -> None:
        self._fetch = fetch
        self._contract = contract
        self._clock = clock
        self._concurrency = concurrency
        self._limit = contract.request.page_limit
        self._is_numbered = contract.pages.kind is Paging.PAGE_NUMBER

    async def page(self, pushdown: Pushdown, skip: int = 0) -> Page:
        """Return one full page of the pushdown's rows, newest first."""
        order = self._contract.order_column
        return await self._fetch(PageRequest(pushdown, skip, self._limit, order))

    def is_whole(self, first: Page) -> bool:
        """Return True if a first page is not full: it then has all rows, whatever the total."""
        return int(first.rows.num_rows) < self._limit

    def span(self, page: Page, skip: int = 0) -> PageSpan:
        """Return the extent of a page.

        Raises:
            UpstreamBrokeContract: the order column is null, so that no range contains the row.
        """
        instants = page.rows.column(self._contract.order_column)
        if instants.null_count:
            raise timeless(page, self._contract, skip)
        rows = len(instants)
        ends = (instants[0].value, instants[rows - 1].value) if rows else (None, None)
        return PageSpan(skip, rows, page.total, *ends)

    async def read(
        self,
        pushdown: Pushdown,
        rows: PageCollector,
        first: Page | None = None,
        progress: ScanProgress | None = None,
    ) -> bool:
        """Collect the rows; return True if none changed meanwhile, so that they are complete.

        `first` is the pushdown's first page if it has been read already. With a `progress`, the
        call can be repeated after a failure, with the same `rows` and the same `first`.

        Raises:
            UpstreamKeepsChanging: rows of one instant fill pages and keep changing.
        """
        first = await self.page(pushdown) if first is None else first
        top, progress = self.span(first), progress or ScanProgress()
        if self.is_whole(first) or top.newest is None:
            rows.put(first.rows)
            return True
        now = to_micros(first.date or self._clock.now()) + _MICROSECONDS_PER_SECOND
        if top.newest <= now:
            return await self._read_fixed(pushdown, rows, first, progress)
        return await self._read_with_future(pushdown, rows, first, now)

    async def _read_with_future(
        self, pushdown: Pushdown, rows: PageCollector, first: Page, now: int
    ) -> bool:
        """Read rows dated after `now` as a range, the others as usual."""
        own, top = rows.part(), self.span(first)
        own.put(first.rows)
        await self._walk(pushdown, own, now, top.newest or now)
        past, still = narrow(pushdown, self._contract, None, now), True
        if past is not None:
            still = await self._read_fixed(past, own, await self.page(past), ScanProgress())
        rows.close(own)
        again = await self.page(pushdown)
        return still and await own.count() == top.total == again.total

    async def _read_fixed(
        self, pushdown: Pushdown, rows: PageCollector, first: Page, progress: ScanProgress
    ) -> bool:
        top, own = self.span(first), progress.met or rows.part()
        fixed = narrow(pushdown, self._contract, None, top.newest) or pushdown
        if not progress.spans:
            own.put(first.rows)
            progress.note(top, first, self._contract.key, top.total)
            progress.met = own
        await self._skim(fixed, own, top, progress)
        spans = sorted(progress.spans.values(), key=_by_skip)
        unmoved = all(span.total == top.total for span in spans)
        complete = await own.count() == top.total
        if not (unmoved and complete):
            await self._side_by_side(
                partial(self._walk, pushdown, own, lower, upper, progress)
                for lower, upper in gaps(spans)
            )
            complete = await own.count() == top.total
        elif progress.tied is not None and progress.tied.instant == top.newest:
            progress.close(progress.tied.instant, len(progress.tied.keys))
        rows.close(own)
        return unmoved and complete

    async def _skim(
        self, pushdown: Pushdown, rows: PageCollector, top: PageSpan, progress: ScanProgress
    ) -> None:
        """Read the pages behind the first, up to one that is not full: a total may be capped."""
        ordered = InOrder(rows.put)

        async def read(skip: int) -> None:
            page = await self.page(pushdown, skip)
            progress.note(self.span(page, skip), page, self._contract.key, top.total)
            ordered.came(skip, page.rows)

        def jobs() -> Iterator[Job]:
            missing = progress.missing_numbers if self._is_numbered else progress.missing
            for skip in missing(self._limit, top.total):
                if progress.is_reshuffled:
                    return
                ordered.expect(skip)
                yield partial(read, skip)

        try:
            await self._side_by_side(jobs())
            last = max(progress.spans.values(), key=_by_skip)
            if last.rows == self._limit and not progress.is_reshuffled:
                ordered.expect(last.skip + last.rows)
                await read(last.skip + last.rows)
        finally:
            ordered.give_up()

    async def _walk(
        self,
        pushdown: Pushdown,
        rows: PageCollector,
        lower: int | None,
        upper: int,
        progress: ScanProgress | None = None,
    ) -> None:
        """Collect the rows between two instants, each page starting where the last one ended."""
        progress = progress or ScanProgress()
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
                await self._read_tie(pushdown, rows, upper, progress)
                upper -= 2 * grid_step(self._contract)  # a range ends one step further

    async def _read_tie(
        self, pushdown: Pushdown, rows: PageCollector, instant: int, progress: ScanProgress
    ) -> None:
        """Read rows that no range can split."""
        tie = narrow(pushdown, self._contract, instant - grid_step(self._contract), instant)

        def take(page: Page) -> None:
            rows.put(page.rows)

        reader = TieReader(self._fetch, self._contract, tie or pushdown, take)
        tied = progress.tied
        is_known = progress.is_reshuffled and tied is not None and tied.instant == instant
        progress.close(instant, await reader.read(tied.pages if tied and is_known else ()))

    async def _side_by_side(self, jobs: Iterable[Job]) -> None:
        """Run jobs, started in order; the first failure cancels the others and is raised."""
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
    """Yield the ranges of instants (older first, inclusive) in which rows may be missing.

    Ranges that share an instant are one, so that a tie of many pages is read once.
    """
    lower: int | None
    open_gap: tuple[int | None, int] | None = None
    for lower, upper in _gaps(spans):
        if open_gap is None:
            open_gap = (lower, upper)
        elif open_gap[0] is not None and upper < open_gap[0]:
            yield open_gap
            open_gap = (lower, upper)
        else:
            open_gap = (lower, open_gap[1])
    if open_gap is not None:
        yield open_gap


def _gaps(spans: list[PageSpan]) -> Iterator[tuple[int | None, int]]:
    """Yield the gap between each two pages that do not meet, and that behind the last page."""
    filled = [span for span in spans if span.rows]
    for before, after in pairwise(filled):
        assert before.oldest is not None  # noqa: S101 - it has rows
        assert after.newest is not None  # noqa: S101
        overlap = after.newest > before.oldest
        unmoved = after.total == before.total and after.skip <= before.skip + before.rows
        if not overlap and not (unmoved and after.newest < before.oldest):
            yield after.newest, before.oldest
    last = filled[-1]
    if last.skip + last.rows < last.total and last.oldest is not None:
        yield None, last.oldest


def _by_skip(span: PageSpan) -> int:
    return span.skip


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first failure of a group, which cancelled the other jobs."""
    found = failures.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found
