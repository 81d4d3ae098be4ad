"""What a process holds, and how late its event loop is: looked at now and then, for the metrics."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import anyio.to_thread
import duckdb

from gateway.observe import Clock, Observer
from gateway.observe.directory import WRITABLE, DataDirectory
from gateway.observe.metrics import Levels
from gateway.service.page_cache import PageCache
from gateway.snapshots.cache import SnapshotCache
from gateway.snapshots.facts import StoredTable
from gateway.snapshots.keep.store import SnapshotStore

_BEAT_SECONDS = 0.5
_LOOK_EVERY = 10
"""Beats between two looks, for who asks another worker."""


@dataclass(frozen=True, slots=True)
class Gauges:
    """Beats while the application runs; `held` is what each workspace has."""

    held: tuple[tuple[SnapshotCache, SnapshotStore], ...]
    pages: PageCache
    directory: DataDirectory
    clock: Clock
    observer: Observer

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Until the block ends; what it raises comes out as it is, not in a group."""
        task = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def look(self) -> None:
        """Tell what is held now."""
        snapshots = _by_workspace(tuple(t for cache, _ in self.held for t in cache.tables))
        pages, page_bytes = self.pages.size
        memory = await anyio.to_thread.run_sync(self._memory)
        writable = await self.directory.state() == WRITABLE
        self.observer.metrics.set_levels(Levels(snapshots, page_bytes, pages, memory, writable))

    async def _beat(self) -> None:
        beats = 0
        while True:
            if beats % _LOOK_EVERY == 0:
                await self._look()
            beats += 1
            due = self.clock.monotonic() + _BEAT_SECONDS
            await anyio.sleep(_BEAT_SECONDS)
            self.observer.metrics.observe_lag(max(0.0, self.clock.monotonic() - due))

    async def _look(self) -> None:
        """A failure is told, and ends no beating."""
        try:
            await self.look()
        except Exception as error:
            self.observer.fault("what the process holds could not be told to the metrics", error)

    def _memory(self) -> int:
        """Bytes of all databases, as DuckDB counts them."""
        return sum(_memory_of(store) for _, store in self.held)


def _memory_of(store: SnapshotStore) -> int:
    """0 while it is being closed."""
    try:
        with store.cursor() as cursor:
            [(found,)] = cursor.execute(
                "SELECT sum(memory_usage_bytes) FROM duckdb_memory()"
            ).fetchall()
    except duckdb.Error:
        return 0
    return int(found or 0)


def _by_workspace(tables: tuple[StoredTable, ...]) -> tuple[tuple[str, int, int, float], ...]:
    """Scopes begin with the workspace's name."""
    number, size, newest = Counter[str](), Counter[str](), dict[str, float]()
    for table in tables:
        workspace = table.key.scope.partition("/")[0]
        number[workspace] += 1
        size[workspace] += table.bytes
        newest[workspace] = max(newest.get(workspace, 0.0), table.taken_at.timestamp())
    return tuple((name, number[name], size[name], newest[name]) for name in number)
