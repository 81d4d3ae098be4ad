"""A cache in front of a real extractor over an upstream in memory, and feeds read through it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from pathlib import Path

from gateway.analytics.extract.extractor import Extractor, ExtractPolicy
from gateway.analytics.read.page import Page, arrow_schema
from gateway.analytics.read.request import PageRequest
from gateway.errors import UpstreamKeepsChanging, UpstreamUnavailable
from gateway.planner.pushdown import Pushdown, PushedValues
from gateway.service.paging import rows_ready
from gateway.snapshots.cache import Snapshot, SnapshotCache
from gateway.snapshots.facts import SnapshotKey
from gateway.snapshots.freshness import FreshnessPolicy
from gateway.snapshots.keep.catalog import Catalog, RetentionPolicy
from gateway.snapshots.keep.store import SnapshotStore, TableLayout
from gateway.snapshots.load.extract_run import ExtractTools
from gateway.snapshots.peers.interface import Alone
from gateway.writer.skiptoken import Position
from tests.analytics.moving import Upstream, Version
from tests.analytics.small_contract import small_contract
from tests.snapshots.tables import Watch

PAGE = 7
"""Rows a page of a feed; the upstream's have ten."""
PLENTY = 10**9


@dataclass
class Gated(Upstream):
    """Stops before page number `stops_at`, counted from 1, and is down when told to be.

    Totals, which extracts compare before they read on, are no pages: they are neither counted nor
    stopped.

    While `is_restless`, no selection can be read consistently.
    """

    stops_at: int = 0
    is_down: bool = False
    is_restless: bool = False
    called: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def fetch(self, request: PageRequest) -> Page:
        if request.for_total:
            return await super().fetch(request)
        self.called += 1
        if self.called >= self.stops_at > 0:
            await self.gate.wait()
        if self.is_down:
            raise UpstreamUnavailable("down", retry_after_seconds=5)
        chosen = any(isinstance(term, PushedValues) for term in request.pushdown.terms)
        if self.is_restless and chosen:
            raise UpstreamKeepsChanging("restless", retry_after_seconds=30)
        return await super().fetch(request)


class Feeds:
    """The clock is the upstream's: a second for each of its calls, and `wait`."""

    def __init__(
        self,
        upstream: Gated,
        directory: Path | None,
        *,
        budget: int = PLENTY,
        freshness: FreshnessPolicy | None = None,
    ) -> None:
        contract, clock, observer = upstream.contract, upstream.clock(), Watch().observer
        layout = TableLayout(arrow_schema(contract), "id", "changed", "$position", "$arrival")
        policies = freshness or FreshnessPolicy(300, 0, 3600, 3600), RetentionPolicy(3600, budget)
        peers = Alone()
        self.upstream = upstream
        self.directory = directory
        self.store = SnapshotStore(layout, directory, observer)
        extractor = Extractor(upstream.fetch, contract, ExtractPolicy(2), clock)
        catalog = Catalog(self.store, peers, policies, clock)
        self.cache = SnapshotCache(
            ExtractTools(self.store, catalog, peers, extractor, clock, observer)
        )

    def key(self, pushdown: Pushdown | None = None, scope: str = "scope") -> SnapshotKey:
        return SnapshotKey(scope, pushdown or Pushdown())

    @asynccontextmanager
    async def first(
        self, pushdown: Pushdown | None = None, *, early: bool = True, scope: str = "scope"
    ) -> AsyncIterator[Snapshot]:
        async with self.cache.open(self.key(pushdown, scope), early=early) as snapshot:
            yield snapshot

    async def page(
        self, snapshot: Snapshot, offset: int, *, early: bool = False
    ) -> tuple[list[Version], bool]:
        """A page as the service cuts it, and whether it is the last."""
        wanted = await rows_ready(snapshot, Position(snapshot.id, offset, None), PAGE)
        place = "$arrival" if early or snapshot.draft else "$position"
        window = (snapshot.table_name, offset, wanted + 1)
        rows = await asyncio.to_thread(self.read, *window, place)
        return rows[:wanted], len(rows) <= wanted

    def read(self, table: str, offset: int, limit: int, place: str = "$arrival") -> list[Version]:
        text = (
            f'SELECT * EXCLUDE ("$position", "$arrival") FROM {table}'
            f' WHERE "{place}" >= ? AND "{place}" < ? ORDER BY "{place}"'
        )
        with self.store.cursor() as cursor:
            found = cursor.execute(text, (offset, offset + limit)).fetchall()
        return [Version(k, s, tuple(g), at.replace(tzinfo=UTC)) for k, s, g, at in found]

    async def next(
        self, snapshot_id: str, offset: int, scope: str = "scope", *, early: bool = True
    ) -> tuple[list[Version], bool] | None:
        """The page that a nextLink leads to; None when its snapshot is gone."""
        async with self.cache.pinned(scope, snapshot_id) as snapshot:
            return None if snapshot is None else await self.page(snapshot, offset, early=early)

    async def rest(self, snapshot_id: str, offset: int) -> list[Version]:
        """All of a feed, or what is behind its early pages."""
        rows: list[Version] = []
        is_last, early = False, offset > 0
        while not is_last:
            found = await self.next(snapshot_id, offset + len(rows), early=early)
            assert found is not None
            rows += found[0]
            is_last = found[1]
        return rows

    def wait(self, seconds: float) -> None:
        self.upstream.now += timedelta(seconds=seconds)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.001)

    async def at_rest(self) -> None:
        """No extract runs, and what is over is tidied up."""
        await self.until(lambda: all(p.is_paused for p in self.cache.progress()))
        await asyncio.sleep(0.02)

    async def tidied(self) -> None:
        """No extract runs, and nothing is left of drafts."""
        await self.at_rest()
        await self.until(lambda: not self.drafts() and not self.files())

    def drafts(self) -> set[str]:
        """Ids of tables that are there and no snapshots."""
        text = "SELECT database_name FROM duckdb_databases() WHERE len(database_name) > 16"
        with self.store.cursor() as cursor:
            names = [name for (name,) in cursor.execute(text).fetchall()]
        kept = {f"snapshot_{table.id}" for table in self.cache.tables}
        return {name.partition("_")[2] for name in names if name not in kept}

    def files(self) -> set[str]:
        """What is in building/."""
        if self.directory is None:
            return set()
        return {path.name for path in (self.directory / "building").iterdir()}


@asynccontextmanager
async def feeds(
    directory: Path | None = None,
    *,
    rows: int = 95,
    budget: int = PLENTY,
    freshness: FreshnessPolicy | None = None,
    seed: int = 0,
) -> AsyncIterator[Feeds]:
    upstream = Gated(small_contract(limit=10), seed)
    upstream.fill(rows)
    made = Feeds(upstream, directory, budget=budget, freshness=freshness)
    await made.cache.recover()
    try:
        yield made
    finally:
        upstream.gate.set()
        await made.cache.close()
