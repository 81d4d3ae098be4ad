"""The finished snapshots of this process: found by their contents, evicted when unused.

Snapshots of other processes that share a directory or a Redis are adopted when they are needed.

A snapshot whose pages are being read is retained for `token_lifetime` after its last page, so that
a nextLink leads into the same extract whatever happens upstream meanwhile (law 4). A snapshot that
a deltaLink names is retained for `delta_lifetime`, while there is space.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import anyio.to_thread

from gateway.observe import Clock
from gateway.planner.cover import covers
from gateway.snapshots.facts import SnapshotKey, StoredTable
from gateway.snapshots.freshness import FreshnessPolicy, Verdict
from gateway.snapshots.keep.store import SnapshotStore
from gateway.snapshots.peers.interface import Peers

_RECENT_READ_SECONDS = 5.0
"""A process that is reading a snapshot has marked it within this time."""


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """Lifetimes in seconds; `byte_budget` bounds all snapshots together."""

    token_lifetime: float
    byte_budget: int
    delta_lifetime: float = 0.0


@dataclass(slots=True)
class Entry:
    """A snapshot in the catalog; never evicted while it has readers.

    `last_read` and `retained_until` are monotonic; until the latter a deltaLink may come back.
    """

    table: StoredTable
    last_read: float
    readers: int = 0
    retained_until: float = 0.0

    def acquire(self) -> Entry:
        """Add a reader, and return the entry."""
        self.readers += 1
        return self


class Catalog:
    """All finished snapshots of this process."""

    def __init__(
        self,
        store: SnapshotStore,
        peers: Peers,
        policies: tuple[FreshnessPolicy, RetentionPolicy],
        clock: Clock,
    ) -> None:
        self._store = store
        self._peers = peers
        self._freshness, self._retention = policies
        self._clock = clock
        self._entries: dict[str, Entry] = {}
        self._adoption = asyncio.Lock()

    @property
    def tables(self) -> tuple[StoredTable, ...]:
        """The tables of all entries."""
        return tuple(entry.table for entry in self._entries.values())

    def put(self, table: StoredTable, *, readers: int = 0) -> Entry:
        """Add a published table."""
        entry = self._entries[table.id] = Entry(table, self._clock.monotonic(), readers)
        return entry

    def get(self, snapshot_id: str) -> Entry | None:
        """Return the snapshot with this id, however old."""
        return self._entries.get(snapshot_id)

    def best(self, key: SnapshotKey) -> Entry | None:
        """Return the newest snapshot that has all rows of `key`; the smaller of two equally new."""
        return _newest(
            entry
            for entry in self._entries.values()
            if entry.table.key.scope == key.scope and covers(entry.table.key.pushdown, key.pushdown)
        )

    def base(self, key: SnapshotKey) -> Entry | None:
        """Return the newest snapshot of exactly this key that an incremental extract can use."""
        found = _newest(entry for entry in self._entries.values() if entry.table.key == key)
        if found is None or found.table.extracted.since is None:
            return None
        age = (self._clock.now() - found.table.extracted.complete_at).total_seconds()
        return found if self._freshness.may_build_on(abs(age)) else None

    def judge(self, table: StoredTable, *, fresher: bool = False) -> Verdict:
        """Return the verdict on a snapshot's age.

        A snapshot from the future, as a corrected clock makes it, counts as old as it is early.
        """
        age = (self._clock.now() - table.taken_at).total_seconds()
        return self._freshness.judge(abs(age), fresher=fresher)

    def release(self, entry: Entry) -> None:
        """Remove a reader."""
        entry.readers -= 1
        entry.last_read = self._clock.monotonic()
        self._peers.touch(entry.table.id)

    def retain(self, snapshot_id: str) -> None:
        """Retain a snapshot that a deltaLink names, after its last read and after restarts."""
        entry, seconds = self._entries.get(snapshot_id), self._retention.delta_lifetime
        if entry is not None:
            entry.retained_until = self._clock.monotonic() + seconds
            self._peers.retain(snapshot_id, seconds)

    async def discover(self, key: SnapshotKey) -> None:
        """Adopt the newest snapshot that another process has made for `key`, if it is fresh."""
        for table in await self._peers.offers(key.scope):
            if table.id in self._entries or self.judge(table) is not Verdict.FRESH:
                return
            if covers(table.key.pushdown, key.pushdown) and await self._adopt(table):
                return

    async def find(self, scope: str, snapshot_id: str) -> Entry | None:
        """Return the snapshot with this id, however old; look in other processes if necessary."""
        if snapshot_id not in self._entries:
            table = await self._peers.find(scope, snapshot_id)
            if table is not None:
                await self._adopt(table)
        found = self._entries.get(snapshot_id)
        return found if found is not None and found.table.key.scope == scope else None

    async def _adopt(self, table: StoredTable) -> bool:
        """Fetch a snapshot of another process; withdraw it from all processes if it is unusable."""
        async with self._adoption:
            if table.id in self._entries:
                return True
            path = self._store.path(table.id)
            if path is None or not await self._peers.fetch(table, path):
                return False
            adopted = await anyio.to_thread.run_sync(self._store.adopt, table.id)
            if adopted is None:
                await self._peers.withdraw(table.id)
                return False
            self.put(adopted)
            return True

    async def recover(self) -> None:
        """Adopt the snapshots that an earlier process left on disk; ages count from their start."""
        for table in await anyio.to_thread.run_sync(self._store.recover):
            self.put(table)
        await self.make_room()

    async def make_room(self) -> None:
        """Evict unneeded snapshots; over budget, then the least recently read, retained or not."""
        now = self._clock.now()
        await anyio.to_thread.run_sync(self._store.remove_leftovers, now)
        for table in self._take_evictable():
            await anyio.to_thread.run_sync(self._store.drop, table.id)
            await self._peers.forget(table.id)

    def _take_evictable(self) -> list[StoredTable]:
        total = sum(self._bytes(entry.table) for entry in self._entries.values())
        evicted: list[StoredTable] = []
        for entry in sorted(self._entries.values(), key=self._eviction_rank, reverse=True):
            over = total > self._retention.byte_budget
            read_elsewhere = self._peers.idle_seconds(entry.table.id) < _RECENT_READ_SECONDS
            in_use = entry.readers or (
                read_elsewhere and self._own_idle(entry) > _RECENT_READ_SECONDS
            )
            if not in_use and (over or self._is_obsolete(entry)):
                total -= self._bytes(entry.table)
                evicted.append(self._entries.pop(entry.table.id).table)
        return evicted

    def _bytes(self, table: StoredTable) -> int:
        return table.bytes + self._store.derived_bytes(table.id)

    def _is_obsolete(self, entry: Entry) -> bool:
        """Return True if it is no longer read, and either expired or replaced by a newer one."""
        if self._idle_seconds(entry) <= self._retention.token_lifetime or self._is_retained(entry):
            return False
        expired = self.judge(entry.table) is Verdict.EXPIRED
        return expired or self.best(entry.table.key) is not entry

    def _eviction_rank(self, entry: Entry) -> tuple[bool, float]:
        return self._is_obsolete(entry), self._idle_seconds(entry)

    def _is_retained(self, entry: Entry) -> bool:
        """Return True if this process, another one or an earlier one retains it."""
        left = entry.retained_until - self._clock.monotonic()
        return max(left, self._peers.retained_seconds(entry.table.id)) > 0

    def _idle_seconds(self, entry: Entry) -> float:
        """Return the seconds since the last read, in this process or another one."""
        return min(self._own_idle(entry), self._peers.idle_seconds(entry.table.id))

    def _own_idle(self, entry: Entry) -> float:
        return self._clock.monotonic() - entry.last_read


def _newest(entries: Iterable[Entry]) -> Entry | None:
    return max(entries, key=lambda entry: (entry.table.taken_at, -entry.table.rows), default=None)
