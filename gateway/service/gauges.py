"""Periodic samples for the metrics: snapshots and memory of the process, lag of its event loop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import anyio.to_thread
import duckdb

from gateway.observe import Clock, Observer
from gateway.observe.directory import DataDirectory
from gateway.observe.health import TokenFacts
from gateway.observe.metrics import Levels
from gateway.service.page_cache import PageCache
from gateway.snapshots.cache import SnapshotCache
from gateway.snapshots.facts import StoredTable
from gateway.snapshots.keep.store import SnapshotStore

_BEAT_SECONDS = 0.5
_BEATS_PER_SAMPLE = 10


@dataclass(frozen=True, slots=True)
class Gauges:
    """The sampler of an application; `held` has the cache and the store of each workspace.

    `tokens` has the name of each workspace, and a function that returns the facts of its token.
    """

    held: tuple[tuple[SnapshotCache, SnapshotStore], ...]
    tokens: tuple[tuple[str, Callable[[], TokenFacts]], ...]
    pages: PageCache
    directory: DataDirectory
    clock: Clock
    observer: Observer

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Sample until the block ends; exceptions of the block are not wrapped in a group."""
        task = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def sample(self) -> None:
        """Set the gauges to current values."""
        snapshots = _by_workspace(tuple(t for cache, _ in self.held for t in cache.tables))
        pages, page_bytes = self.pages.size
        memory = await anyio.to_thread.run_sync(self._memory)
        disk = await self.directory.state()
        ends = await anyio.to_thread.run_sync(self._token_ends)
        levels = Levels(
            snapshots, page_bytes, pages, memory, disk.is_writable, disk.free_bytes, ends
        )
        self.observer.metrics.set_levels(levels)

    async def _beat(self) -> None:
        beats = 0
        while True:
            if beats % _BEATS_PER_SAMPLE == 0:
                await self._try_sample()
            beats += 1
            due = self.clock.monotonic() + _BEAT_SECONDS
            await anyio.sleep(_BEAT_SECONDS)
            self.observer.metrics.observe_lag(max(0.0, self.clock.monotonic() - due))

    async def _try_sample(self) -> None:
        """Sample once; log a failure, so that sampling goes on."""
        try:
            await self.sample()
        except Exception as error:
            self.observer.fault("the gauges of snapshots and memory could not be sampled", error)

    def _token_ends(self) -> tuple[tuple[str, float], ...]:
        """Return the end of each workspace's token; 0 if it has none, or renews itself."""
        return tuple((name, facts().ends_at or 0.0) for name, facts in self.tokens)

    def _memory(self) -> int:
        """Return the memory of all databases in bytes, as DuckDB reports it."""
        return sum(_memory_of(store) for _, store in self.held)


def _memory_of(store: SnapshotStore) -> int:
    """Return the memory of a store's database in bytes; 0 if it is closing."""
    try:
        with store.cursor() as cursor:
            [(found,)] = cursor.execute(
                "SELECT sum(memory_usage_bytes) FROM duckdb_memory()"
            ).fetchall()
    except duckdb.Error:
        return 0
    return int(found or 0)


def _by_workspace(tables: tuple[StoredTable, ...]) -> tuple[tuple[str, int, int, float], ...]:
    """Return name, snapshots, bytes and newest instant by workspace; scopes start with the name."""
    number, size, newest = Counter[str](), Counter[str](), dict[str, float]()
    for table in tables:
        workspace = table.key.scope.partition("/")[0]
        number[workspace] += 1
        size[workspace] += table.bytes
        newest[workspace] = max(newest.get(workspace, 0.0), table.taken_at.timestamp())
    return tuple((name, number[name], size[name], newest[name]) for name in number)
