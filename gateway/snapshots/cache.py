"""Which snapshot answers: at hand, being made, or to be made; kept while it is read.

A snapshot answers its own selection and every narrower one. Single flight: many requests for one
extract cause one, and it outlives the client that started it. A snapshot whose pages are being
read is kept for `token_lifetime` after its last page, so that a nextLink leads into the same
extract whatever happens upstream meanwhile (law 4). Runs on the event loop; the store's blocking
work goes to worker threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import anyio.to_thread
import pyarrow as pa

from gateway.errors import UpstreamUnavailable
from gateway.observe import Clock, Observer
from gateway.planner.cover import covers
from gateway.planner.pushdown import Pushdown
from gateway.snapshots.freshness import FreshnessPolicy, Verdict
from gateway.snapshots.store import SnapshotKey, SnapshotStore, StoredTable

Fill = Callable[[Pushdown], Awaitable[pa.Table]]
_READING_TRIES = 3


@dataclass(frozen=True, slots=True)
class KeepPolicy:
    """`token_lifetime` in seconds; `byte_budget` bounds all snapshots together."""

    token_lifetime: float
    byte_budget: int


@dataclass(slots=True)
class _Entry:
    table: StoredTable
    last_read: float
    readers: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot in use; valid inside the `async with` that gave it.

    `pushdown` is what it was extracted with: a query with another one must check its whole filter.
    `status` says how it came to answer, as a Cache-Status member (RFC 9211).
    """

    id: str
    table_name: str
    rows: int
    taken_at: datetime
    pushdown: Pushdown
    status: str


class SnapshotCache:
    """All snapshots of this process; `fill` reads an extract."""

    def __init__(
        self,
        store: SnapshotStore,
        fill: Fill,
        policies: tuple[FreshnessPolicy, KeepPolicy],
        clock: Clock,
        observer: Observer,
    ) -> None:
        self._store = store
        self._fill = fill
        self._freshness, self._keeping = policies
        self._clock = clock
        self._observer = observer
        self._entries: dict[str, _Entry] = {}
        self._flights: dict[SnapshotKey, asyncio.Task[str]] = {}

    async def recover(self) -> None:
        """Take over what an earlier process left on disk; its age counts from its own clock."""
        for table in await anyio.to_thread.run_sync(self._store.recover, self._clock.now()):
            self._entries[table.id] = _Entry(table, self._clock.monotonic())

    async def close(self) -> None:
        """End running extracts and close the store."""
        flights = list(self._flights.values())
        for task in flights:
            task.cancel()
        await asyncio.gather(*flights, return_exceptions=True)
        await anyio.to_thread.run_sync(self._store.close)

    def is_fresh(self, key: SnapshotKey, *, fresher: bool = False) -> bool:
        """Whether a snapshot would answer now without an upstream call."""
        found = self._best(key)
        return found is not None and self._judge(found, fresher=fresher) is Verdict.FRESH

    @asynccontextmanager
    async def open(self, key: SnapshotKey, *, fresher: bool = False) -> AsyncIterator[Snapshot]:
        """A snapshot that has all rows of `key`, made when none is young enough.

        Raises:
            GatewayError: what reading an extract raises; every waiter gets it.
        """
        for _ in range(_READING_TRIES):
            snapshot_id, status = await self._choose(key, fresher=fresher)
            if snapshot_id in self._entries:  # it may have been dropped for lack of room
                break
        async with self._reading(snapshot_id, status) as snapshot:
            yield snapshot

    @asynccontextmanager
    async def pinned(self, snapshot_id: str) -> AsyncIterator[Snapshot | None]:
        """The snapshot that a nextLink names, however old; None when it is gone."""
        if snapshot_id not in self._entries:
            yield None
            return
        async with self._reading(snapshot_id, "hit") as snapshot:
            yield snapshot

    async def _choose(self, key: SnapshotKey, *, fresher: bool) -> tuple[str, str]:
        """The snapshot that answers, and the Cache-Status of that."""
        found = self._best(key)
        if found is None:
            return await self._fly(key), "fwd=miss"
        match self._judge(found, fresher=fresher):
            case Verdict.FRESH:
                return found.table.id, "hit"
            case Verdict.STALE:
                self._start(found.table.key)
                return found.table.id, "hit; detail=refreshing"
            case Verdict.EXPIRED:
                return await self._fly(key), "fwd=stale"
        try:
            return await self._fly(key), "fwd=stale"
        except UpstreamUnavailable as error:
            self._observer.warn(f"an older snapshot answers, because: {error.message}")
            return found.table.id, f"hit; detail={error.code}"

    def _best(self, key: SnapshotKey) -> _Entry | None:
        """The youngest snapshot that has all rows of `key`; of two equally young, the smaller."""
        fitting = [
            entry
            for entry in self._entries.values()
            if entry.table.key.scope == key.scope and covers(entry.table.key.pushdown, key.pushdown)
        ]
        if not fitting:
            return None
        return max(fitting, key=lambda entry: (entry.table.taken_at, -entry.table.rows))

    def _judge(self, entry: _Entry, *, fresher: bool) -> Verdict:
        age = (self._clock.now() - entry.table.taken_at).total_seconds()
        return self._freshness.judge(age, fresher=fresher)

    @asynccontextmanager
    async def _reading(self, snapshot_id: str, status: str) -> AsyncIterator[Snapshot]:
        entry = self._entries[snapshot_id]
        entry.readers += 1
        table = entry.table
        name = self._store.table_name(snapshot_id)
        try:
            yield Snapshot(table.id, name, table.rows, table.taken_at, table.key.pushdown, status)
        finally:
            entry.readers -= 1
            entry.last_read = self._clock.monotonic()

    async def _fly(self, key: SnapshotKey) -> str:
        """Wait for the extract of `key`; a waiter that leaves ends nothing."""
        return await asyncio.shield(self._start(key))

    def _start(self, key: SnapshotKey) -> asyncio.Task[str]:
        """The extract that runs for `key`, started when none does."""
        task = self._flights.get(key)
        if task is None:
            task = asyncio.create_task(self._make(key))
            self._flights[key] = task
            task.add_done_callback(lambda done: self._landed(key, done))
        return task

    def _landed(self, key: SnapshotKey, task: asyncio.Task[str]) -> None:
        self._flights.pop(key, None)
        if not task.cancelled() and task.exception() is not None:
            self._observer.warn(f"an extract failed: {task.exception()}")

    async def _make(self, key: SnapshotKey) -> str:
        taken_at = self._clock.now()
        rows = await self._fill(key.pushdown)
        snapshot_id = uuid4().hex[:16]
        await self._make_room(rows.nbytes)
        table = await anyio.to_thread.run_sync(self._store.add, snapshot_id, key, taken_at, rows)
        self._entries[table.id] = _Entry(table, self._clock.monotonic())
        self._observer.info(f"snapshot {snapshot_id} holds {table.rows} rows")
        return snapshot_id

    async def _make_room(self, wanted: int) -> None:
        """Drop what nobody needs; then, over budget, what was read longest ago."""
        idle = sorted(self._entries.values(), key=lambda entry: entry.last_read)
        held = sum(entry.table.bytes for entry in idle)
        for entry in idle:
            over = held + wanted > self._keeping.byte_budget
            if entry.readers == 0 and (over or self._is_useless(entry)):
                held -= entry.table.bytes
                del self._entries[entry.table.id]
                await anyio.to_thread.run_sync(self._store.drop, entry.table.id)

    def _is_useless(self, entry: _Entry) -> bool:
        """Read to its end, and either too old for anything or replaced by a younger one."""
        if self._clock.monotonic() - entry.last_read <= self._keeping.token_lifetime:
            return False
        expired = self._judge(entry, fresher=False) is Verdict.EXPIRED
        return expired or self._best(entry.table.key) is not entry
