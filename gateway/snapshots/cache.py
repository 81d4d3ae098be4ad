"""Which snapshot answers: found fresh, being made, or to be made; kept while it is read.

Single flight: many requests for one extract cause one, and it outlives the client that started it.
A snapshot whose pages are being read is kept for `token_lifetime` after its last page, so that a
nextLink leads into the same extract whatever happens upstream meanwhile (law 4). Runs on the
event loop; the store's blocking work goes to worker threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

import anyio.to_thread
import pyarrow as pa

from gateway.observe import Clock, Observer
from gateway.snapshots.store import SnapshotStore, StoredTable

Fill = Callable[[], Awaitable[pa.Table]]


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """Times in seconds; `byte_budget` bounds all snapshots together."""

    fresh_for: float
    token_lifetime: float
    byte_budget: int


@dataclass(slots=True)
class _Entry:
    table: StoredTable
    fresh_until: float
    last_read: float
    readers: int = field(default=0)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot in use; valid inside the `async with` that gave it."""

    id: str
    table_name: str
    rows: int
    taken_at: datetime


class SnapshotCache:
    """All snapshots of this process."""

    def __init__(
        self,
        store: SnapshotStore,
        policy: CachePolicy,
        clock: Clock,
        observer: Observer,
    ) -> None:
        self._store = store
        self._policy = policy
        self._clock = clock
        self._observer = observer
        self._entries: dict[str, _Entry] = {}
        self._current: dict[str, str] = {}
        self._flights: dict[str, asyncio.Task[str]] = {}

    async def recover(self) -> None:
        """Take over what an earlier process left on disk; its age counts from its own clock."""
        for table in await anyio.to_thread.run_sync(self._store.recover, self._clock.now()):
            age = max(0.0, (self._clock.now() - table.taken_at).total_seconds())
            self._keep(table, self._clock.monotonic() - age + self._policy.fresh_for)

    async def close(self) -> None:
        """End running extracts and close the store."""
        for task in self._flights.values():
            task.cancel()
        await asyncio.gather(*self._flights.values(), return_exceptions=True)
        await anyio.to_thread.run_sync(self._store.close)

    def is_fresh(self, key: str) -> bool:
        """Whether a snapshot for `key` would answer now without an upstream call."""
        snapshot_id = self._current.get(key)
        if snapshot_id is None:
            return False
        return self._entries[snapshot_id].fresh_until > self._clock.monotonic()

    @asynccontextmanager
    async def fresh(self, key: str, fill: Fill) -> AsyncIterator[Snapshot]:
        """A snapshot for `key` not older than `fresh_for`; made by `fill` when there is none.

        Raises:
            GatewayError: what `fill` raises; every waiter gets it.
        """
        snapshot_id = self._current[key] if self.is_fresh(key) else await self._fly(key, fill)
        async with self._reading(snapshot_id) as snapshot:
            yield snapshot

    @asynccontextmanager
    async def pinned(self, snapshot_id: str) -> AsyncIterator[Snapshot | None]:
        """The snapshot that a nextLink names, however old; None when it is gone."""
        if snapshot_id not in self._entries:
            yield None
            return
        async with self._reading(snapshot_id) as snapshot:
            yield snapshot

    @asynccontextmanager
    async def _reading(self, snapshot_id: str) -> AsyncIterator[Snapshot]:
        entry = self._entries[snapshot_id]
        entry.readers += 1
        try:
            name = self._store.table_name(snapshot_id)
            yield Snapshot(snapshot_id, name, entry.table.rows, entry.table.taken_at)
        finally:
            entry.readers -= 1
            entry.last_read = self._clock.monotonic()

    async def _fly(self, key: str, fill: Fill) -> str:
        """Join the extract that runs for `key`, or start it; a waiter that leaves ends nothing."""
        task = self._flights.get(key)
        if task is None:
            task = asyncio.create_task(self._make(key, fill))
            self._flights[key] = task
            task.add_done_callback(lambda done: self._landed(key, done))
        return await asyncio.shield(task)

    def _landed(self, key: str, task: asyncio.Task[str]) -> None:
        self._flights.pop(key, None)
        if not task.cancelled() and task.exception() is not None:
            self._observer.warn(f"an extract failed: {task.exception()}")

    async def _make(self, key: str, fill: Fill) -> str:
        taken_at, started = self._clock.now(), self._clock.monotonic()
        rows = await fill()
        snapshot_id = uuid4().hex[:16]
        await self._make_room(rows.nbytes)
        table = await anyio.to_thread.run_sync(self._store.add, snapshot_id, key, taken_at, rows)
        self._keep(table, started + self._policy.fresh_for)
        self._observer.info(f"snapshot {snapshot_id} holds {table.rows} rows")
        return snapshot_id

    def _keep(self, table: StoredTable, fresh_until: float) -> None:
        self._entries[table.id] = _Entry(table, fresh_until, self._clock.monotonic())
        self._current[table.key] = table.id

    async def _make_room(self, wanted: int) -> None:
        """Drop what nobody needs; then, over budget, what was read longest ago."""
        now = self._clock.monotonic()
        idle = sorted(
            (entry for entry in self._entries.values() if entry.readers == 0),
            key=lambda entry: entry.last_read,
        )
        held = sum(entry.table.bytes for entry in self._entries.values())
        for entry in idle:
            over = held + wanted > self._policy.byte_budget
            read_to_its_end = now - entry.last_read > self._policy.token_lifetime
            wanted_no_more = read_to_its_end and entry.fresh_until <= now
            if entry.readers == 0 and (over or wanted_no_more):
                held -= entry.table.bytes
                await self._drop(entry.table)

    async def _drop(self, table: StoredTable) -> None:
        del self._entries[table.id]
        if self._current.get(table.key) == table.id:
            del self._current[table.key]
        await anyio.to_thread.run_sync(self._store.drop, table.id)
