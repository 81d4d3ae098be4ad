"""All rows of a pushdown, read over many pages while the data moves, as one consistent table.

The upstream pages by skip and limit. Pages are read newest first: a row that changes moves to the
front, so the rows behind it shift back and are met again (repeats, dropped by key), and the moved
row itself is found by the catch-up, which asks for everything changed since the start. At the end
the number of rows must equal the upstream's total; otherwise rows were deleted or lost, and the
extract starts again. What cannot be read consistently is refused, never passed on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import anyio
import pyarrow as pa

from gateway.analytics.payload import PageRequest
from gateway.analytics.rows import Page, arrow_schema
from gateway.contract.model import Contract
from gateway.errors import UpstreamKeepsChanging
from gateway.observe import Clock
from gateway.planner.pushdown import Pushdown, PushedRange, PushedTerm

FetchPage = Callable[[PageRequest], Awaitable[Page]]


@dataclass(frozen=True, slots=True)
class ExtractPolicy:
    """`concurrency` pages in flight; `attempts` whole reads; `rounds` catch-ups in each."""

    concurrency: int = 4
    attempts: int = 3
    rounds: int = 6


class Extractor:
    """Reads extracts by one contract."""

    def __init__(
        self,
        fetch: FetchPage,
        contract: Contract,
        policy: ExtractPolicy,
        clock: Clock,
    ) -> None:
        self._fetch = fetch
        self._contract = contract
        self._policy = policy
        self._wall = clock

    async def read(self, pushdown: Pushdown) -> pa.Table:
        """Every row of the pushdown once, in no particular order.

        Each row that existed throughout is there with a version not older than the start.

        Raises:
            UpstreamKeepsChanging: the data moved faster than it could be read.
        """
        for _ in range(self._policy.attempts):
            collected = await self._read_once(pushdown)
            if collected is not None:
                return collected
        raise UpstreamKeepsChanging(
            "the Analytics API's data changed so much while it was read that no consistent copy"
            " could be made; try again in a quieter minute",
            retry_after_seconds=30,
        )

    async def _read_once(self, pushdown: Pushdown) -> pa.Table | None:
        rows = _Collected(self._contract)
        first = await self._fetch(self._page(pushdown, 0))
        rows.put(first.rows)
        if len(rows) == first.total:
            return rows.table()
        since = self._clock(first)
        await self._read_rest(pushdown, rows, first.total)
        for _ in range(self._policy.rounds):
            await self._catch_up(pushdown, rows, since)
            newest = await self._fetch(self._page(pushdown, 0))
            rows.put(newest.rows)
            if len(rows) == newest.total:
                return rows.table()
        return None

    def _clock(self, page: Page) -> datetime:
        """From when changes are caught up: the upstream's own clock where it tells it."""
        overlap = timedelta(seconds=self._contract.overlap_seconds)
        return (page.date or self._wall.now()) - overlap

    async def _read_rest(self, pushdown: Pushdown, rows: _Collected, total: int) -> None:
        """All pages after the first, concurrently, to the largest total that any page states."""
        limit = self._contract.request.page_limit
        next_skip = limit

        async def worker() -> None:
            nonlocal next_skip, total
            while next_skip < total:
                skip, next_skip = next_skip, next_skip + limit
                page = await self._fetch(self._page(pushdown, skip))
                rows.put(page.rows)
                total = max(total, page.total)

        try:
            async with anyio.create_task_group() as group:
                for _ in range(self._policy.concurrency):
                    group.start_soon(worker)
        except BaseExceptionGroup as failures:
            raise _first(failures) from failures

    async def _catch_up(self, pushdown: Pushdown, rows: _Collected, since: datetime) -> None:
        """Take in what changed: new versions replace old ones, rows that left are removed.

        Who belongs is the upstream's own judgement: it is asked without the filters, then with
        them, so that a row that enters in between is not taken for one that left.
        """
        everyone = await self._read_changed(Pushdown(), since) if pushdown.terms else None
        mine = await self._read_changed(pushdown, since)
        if everyone is not None:
            rows.remove(everyone.keys() - mine.keys())
        rows.put(mine.table())

    async def _read_changed(self, pushdown: Pushdown, since: datetime) -> _Collected:
        changed = _Collected(self._contract)
        narrowed = _since(pushdown, self._contract.order_column, since)
        if narrowed is None:
            return changed
        skip, total = 0, 1
        while skip < total:
            page = await self._fetch(self._page(narrowed, skip))
            changed.put(page.rows)
            skip, total = skip + self._contract.request.page_limit, page.total
        return changed

    def _page(self, pushdown: Pushdown, skip: int) -> PageRequest:
        limit = self._contract.request.page_limit
        return PageRequest(pushdown, skip, limit, self._contract.order_column)


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The failure that stopped the others; cancellation wins, because it comes from outside."""
    cancelled, others = failures.split(anyio.get_cancelled_exc_class())
    chosen = cancelled or others or failures
    found = chosen.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found


def _since(pushdown: Pushdown, column: str, since: datetime) -> Pushdown | None:
    """The pushdown, restricted to rows changed since; None when that leaves nothing."""
    whole_seconds = since.replace(microsecond=0)
    kept: list[PushedTerm] = []
    wanted = PushedRange(column, whole_seconds, None)
    for term in pushdown.terms:
        if isinstance(term, PushedRange) and term.column == column:
            lower = whole_seconds if term.lower is None else max(term.lower, whole_seconds)
            if term.upper is not None and term.upper < lower:
                return None
            wanted = replace(term, lower=lower)
        else:
            kept.append(term)
    return Pushdown((*kept, wanted))


class _Collected:
    """Rows by key, the newest version of each; grows while pages arrive in any order."""

    def __init__(self, contract: Contract) -> None:
        self._schema = arrow_schema(contract)
        self._key = contract.schema.entity_sets[0].entity_type.key
        self._order = contract.order_column
        self._parts: list[pa.Table] = []
        self._rows = 0
        self._latest: dict[str, tuple[datetime | None, int]] = {}

    def __len__(self) -> int:
        return len(self._latest)

    def keys(self) -> set[str]:
        return set(self._latest)

    def put(self, page: pa.Table) -> None:
        """Add rows; of two versions the newer stays, of two equal ones the later read."""
        keys = page.column(self._key).to_pylist()
        changed = page.column(self._order).to_pylist()
        for index, (key, at) in enumerate(zip(keys, changed, strict=True), self._rows):
            known = self._latest.get(key)
            if known is None or known[0] is None or at is None or at >= known[0]:
                self._latest[key] = (at, index)
        self._parts.append(page)
        self._rows += page.num_rows

    def remove(self, keys: set[str]) -> None:
        for key in keys:
            self._latest.pop(key, None)

    def table(self) -> pa.Table:
        if not self._parts:
            return self._schema.empty_table()
        whole = pa.concat_tables(self._parts)
        if len(self._latest) == self._rows:
            return whole
        return whole.take(pa.array(sorted(index for _, index in self._latest.values())))
