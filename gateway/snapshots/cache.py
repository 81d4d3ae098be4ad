"""Which snapshot answers: at hand, being made, or to be made; kept while it is read.

A snapshot answers its own selection and every narrower one. Single flight: many requests for one
extract cause one, and it outlives the client that started it. A snapshot whose pages are being
read is kept for `token_lifetime` after its last page, so that a nextLink leads into the same
extract whatever happens upstream meanwhile (law 4). Runs on the event loop; the store's blocking
work goes to worker threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import anyio.to_thread
import pyarrow as pa

from gateway.errors import GatewayError, UpstreamUnavailable
from gateway.observe import Clock, Observer
from gateway.planner.cover import covers
from gateway.planner.pushdown import Pushdown
from gateway.snapshots.freshness import FreshnessPolicy, Verdict
from gateway.snapshots.store import SnapshotKey, SnapshotStore, StoredTable

Fill = Callable[[Pushdown], Awaitable[pa.Table]]


@dataclass(frozen=True, slots=True)
class KeepPolicy:
    """`token_lifetime` in seconds; `byte_budget` bounds all snapshots together."""

    token_lifetime: float
    byte_budget: int


@dataclass(slots=True)
class _Entry:
    """A table that is kept; never dropped while it has readers. `last_read` is monotonic."""

    table: StoredTable
    last_read: float
    readers: int = 0


class _Flight:
    """A running extract. Who waits for it is a reader of its table from the moment it is there."""

    def __init__(self) -> None:
        self.waiters = 0
        self.task: asyncio.Task[_Entry] | None = None


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
        self._flights: dict[SnapshotKey, _Flight] = {}

    async def recover(self) -> None:
        """Take over what an earlier process left on disk; its age counts from its own clock."""
        for table in await anyio.to_thread.run_sync(self._store.recover, self._clock.now()):
            self._entries[table.id] = _Entry(table, self._clock.monotonic())
        await self._make_room()

    async def close(self) -> None:
        """End running extracts and close the store; who waits for one is told to come again."""
        tasks = [flight.task for flight in self._flights.values() if flight.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
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
        entry, status = await self._choose(key, fresher=fresher)
        with self._reading(entry, status) as snapshot:
            yield snapshot

    @asynccontextmanager
    async def pinned(self, snapshot_id: str) -> AsyncIterator[Snapshot | None]:
        """The snapshot that a nextLink names, however old; None when it is gone."""
        entry = self._entries.get(snapshot_id)
        if entry is None:
            yield None
            return
        with self._reading(_held(entry), "hit") as snapshot:
            yield snapshot

    async def _choose(self, key: SnapshotKey, *, fresher: bool) -> tuple[_Entry, str]:
        """The snapshot that answers, held for its reader, and the Cache-Status of that."""
        found = self._best(key)
        if found is None:
            return await self._fly(key), "fwd=miss"
        match self._judge(found, fresher=fresher):
            case Verdict.FRESH:
                return _held(found), "hit"
            case Verdict.STALE:
                self._start(found.table.key)
                return _held(found), "hit; detail=refreshing"
            case Verdict.EXPIRED:
                return await self._fly(key), "fwd=stale"
        with self._reading(_held(found), "") as _:  # or making another one may drop it
            try:
                return await self._fly(key), "fwd=stale"
            except UpstreamUnavailable as error:
                self._observer.warn(f"an older snapshot answers, because: {error.message}")
                return _held(found), f"hit; detail={error.code}"

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
        """A snapshot of the future, which a corrected clock makes, is as old as it is early."""
        age = (self._clock.now() - entry.table.taken_at).total_seconds()
        return self._freshness.judge(abs(age), fresher=fresher)

    @contextmanager
    def _reading(self, entry: _Entry, status: str) -> Iterator[Snapshot]:
        """A held entry as the reader sees it; let go at the end."""
        table = entry.table
        name = self._store.table_name(table.id)
        try:
            yield Snapshot(table.id, name, table.rows, table.taken_at, table.key.pushdown, status)
        finally:
            self._let_go(entry)

    def _let_go(self, entry: _Entry) -> None:
        entry.readers -= 1
        entry.last_read = self._clock.monotonic()

    async def _fly(self, key: SnapshotKey) -> _Entry:
        """Wait for the extract of `key`, held; a waiter that leaves ends nothing."""
        flight = self._start(key)
        task = flight.task
        assert task is not None  # noqa: S101 - a started flight has one
        flight.waiters += 1
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.cancelled() and not _is_cancelled_itself():
                message = "the gateway is shutting down; try again in a moment"
                raise UpstreamUnavailable(message, retry_after_seconds=5) from error
            if task.done() and not task.cancelled() and task.exception() is None:
                self._let_go(task.result())
            flight.waiters -= 1
            raise

    def _start(self, key: SnapshotKey) -> _Flight:
        """The extract that runs for `key`, started when none does."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight()
            flight.task = asyncio.create_task(self._make(key, flight))
            flight.task.add_done_callback(lambda done: self._landed(key, done))
        return flight

    def _landed(self, key: SnapshotKey, task: asyncio.Task[_Entry]) -> None:
        flight = self._flights.get(key)
        if flight is not None and flight.task is task:
            del self._flights[key]
        error = None if task.cancelled() else task.exception()
        if isinstance(error, GatewayError):
            self._observer.warn(f"an extract failed: {error.message}")
        elif error is not None:
            self._observer.fault("an extract failed", error)

    async def _make(self, key: SnapshotKey, flight: _Flight) -> _Entry:
        taken_at, snapshot_id = self._clock.now(), uuid4().hex[:16]
        rows = await self._fill(key.pushdown)
        table = await anyio.to_thread.run_sync(self._store.add, snapshot_id, key, taken_at, rows)
        entry = self._entries[table.id] = _Entry(table, self._clock.monotonic(), readers=1)
        self._observer.info(f"snapshot {snapshot_id} holds {table.rows} rows")
        await self._make_room()
        entry.readers += flight.waiters - 1
        del self._flights[key]  # now, not in a callback: who comes later must find the entry
        return entry

    async def _make_room(self) -> None:
        for table in self._victims():
            await anyio.to_thread.run_sync(self._store.drop, table.id)

    def _victims(self) -> list[StoredTable]:
        """Take out what nobody needs; then, over budget, what was read longest ago."""
        held = sum(entry.table.bytes for entry in self._entries.values())
        victims: list[StoredTable] = []
        for entry in sorted(self._entries.values(), key=lambda entry: entry.last_read):
            over = held > self._keeping.byte_budget
            if entry.readers == 0 and (over or self._is_useless(entry)):
                held -= entry.table.bytes
                victims.append(self._entries.pop(entry.table.id).table)
        return victims

    def _is_useless(self, entry: _Entry) -> bool:
        """Read to its end, and either too old for anything or replaced by a younger one."""
        if self._clock.monotonic() - entry.last_read <= self._keeping.token_lifetime:
            return False
        expired = self._judge(entry, fresher=False) is Verdict.EXPIRED
        return expired or self._best(entry.table.key) is not entry


def _held(entry: _Entry) -> _Entry:
    entry.readers += 1
    return entry


def _is_cancelled_itself() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
