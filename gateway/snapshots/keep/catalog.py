"""The snapshots that are kept: found by what they hold, dropped when nobody needs them.

Those of other processes that share a directory or a Redis are taken over when they are wanted.

A snapshot whose pages are being read is kept for `token_lifetime` after its last page, so that a
nextLink leads into the same extract whatever happens upstream meanwhile (law 4). One that a
deltaLink names is kept for `delta_lifetime`, while there is room.
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

_READ_NOW_SECONDS = 5.0
"""Who reads a feed in another process has marked its snapshot so lately."""


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """Lifetimes in seconds; `byte_budget` bounds all snapshots together."""

    token_lifetime: float
    byte_budget: int
    delta_lifetime: float = 0.0


@dataclass(slots=True)
class Entry:
    """A table that is kept; never dropped while it has readers.

    `last_read` is monotonic, and so is `promised_until`: then a deltaLink may still come back.
    """

    table: StoredTable
    last_read: float
    readers: int = 0
    promised_until: float = 0.0

    def held(self) -> Entry:
        """This entry with one more reader."""
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
        self._freshness, self._keeping = policies
        self._clock = clock
        self._entries: dict[str, Entry] = {}
        self._adopting = asyncio.Lock()

    @property
    def tables(self) -> tuple[StoredTable, ...]:
        """What is kept."""
        return tuple(entry.table for entry in self._entries.values())

    def put(self, table: StoredTable, *, readers: int = 0) -> Entry:
        """Keep a table that was published."""
        entry = self._entries[table.id] = Entry(table, self._clock.monotonic(), readers)
        return entry

    def get(self, snapshot_id: str) -> Entry | None:
        """The snapshot of this id, however old."""
        return self._entries.get(snapshot_id)

    def best(self, key: SnapshotKey) -> Entry | None:
        """The youngest snapshot that has all rows of `key`; of two equally young, the smaller."""
        return _youngest(
            entry
            for entry in self._entries.values()
            if entry.table.key.scope == key.scope and covers(entry.table.key.pushdown, key.pushdown)
        )

    def base(self, key: SnapshotKey) -> Entry | None:
        """The youngest snapshot of just this key, if an incremental extract may build on it."""
        found = _youngest(entry for entry in self._entries.values() if entry.table.key == key)
        if found is None or found.table.extracted.since is None:
            return None
        age = (self._clock.now() - found.table.extracted.complete_at).total_seconds()
        return found if self._freshness.may_build_on(abs(age)) else None

    def judge(self, table: StoredTable, *, fresher: bool = False) -> Verdict:
        """A snapshot of the future, which a corrected clock makes, is as old as it is early."""
        age = (self._clock.now() - table.taken_at).total_seconds()
        return self._freshness.judge(abs(age), fresher=fresher)

    def let_go(self, entry: Entry) -> None:
        """A reader leaves."""
        entry.readers -= 1
        entry.last_read = self._clock.monotonic()
        self._peers.touch(entry.table.id)

    def promise(self, snapshot_id: str) -> None:
        """A deltaLink names this one: keep it after it was read, and after restarts."""
        entry, seconds = self._entries.get(snapshot_id), self._keeping.delta_lifetime
        if entry is not None:
            entry.promised_until = self._clock.monotonic() + seconds
            self._peers.promise(snapshot_id, seconds)

    async def discover(self, key: SnapshotKey) -> None:
        """Take over the youngest snapshot that other processes have made for `key`, if fresh."""
        for table in await self._peers.offers(key.scope):
            if table.id in self._entries or self.judge(table) is not Verdict.FRESH:
                return
            if covers(table.key.pushdown, key.pushdown) and await self._adopt(table):
                return

    async def find(self, scope: str, snapshot_id: str) -> Entry | None:
        """The snapshot of this id, however old, from other processes if it is not here."""
        if snapshot_id not in self._entries:
            table = await self._peers.find(scope, snapshot_id)
            if table is not None:
                await self._adopt(table)
        found = self._entries.get(snapshot_id)
        return found if found is not None and found.table.key.scope == scope else None

    async def _adopt(self, table: StoredTable) -> bool:
        """Bring a snapshot here; what cannot be used is withdrawn from all."""
        async with self._adopting:
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
        """Take over what an earlier process left on disk; its age counts from its own clock."""
        for table in await anyio.to_thread.run_sync(self._store.recover):
            self.put(table)
        await self.make_room()

    async def make_room(self) -> None:
        """Drop what nobody needs; over budget then what was read longest ago, promised or not."""
        now = self._clock.now()
        await anyio.to_thread.run_sync(self._store.remove_leftovers, now)
        for table in self._victims():
            await anyio.to_thread.run_sync(self._store.drop, table.id)
            await self._peers.forget(table.id)

    def _victims(self) -> list[StoredTable]:
        held = sum(self._size(entry.table) for entry in self._entries.values())
        victims: list[StoredTable] = []
        for entry in sorted(self._entries.values(), key=self._dispensable, reverse=True):
            over = held > self._keeping.byte_budget
            read_elsewhere = self._peers.idle_seconds(entry.table.id) < _READ_NOW_SECONDS
            in_use = entry.readers or (read_elsewhere and self._own_idle(entry) > _READ_NOW_SECONDS)
            if not in_use and (over or self._is_useless(entry)):
                held -= self._size(entry.table)
                victims.append(self._entries.pop(entry.table.id).table)
        return victims

    def _size(self, table: StoredTable) -> int:
        return table.bytes + self._store.derived_bytes(table.id)

    def _is_useless(self, entry: Entry) -> bool:
        """Read to its end, and either too old for anything or replaced by a younger one."""
        if self._idle_seconds(entry) <= self._keeping.token_lifetime or self._is_promised(entry):
            return False
        expired = self.judge(entry.table) is Verdict.EXPIRED
        return expired or self.best(entry.table.key) is not entry

    def _dispensable(self, entry: Entry) -> tuple[bool, float]:
        return self._is_useless(entry), self._idle_seconds(entry)

    def _is_promised(self, entry: Entry) -> bool:
        """By this process, by another one or by an earlier one."""
        left = entry.promised_until - self._clock.monotonic()
        return max(left, self._peers.promised_seconds(entry.table.id)) > 0

    def _idle_seconds(self, entry: Entry) -> float:
        """How long ago anyone read it, here or in another process."""
        return min(self._own_idle(entry), self._peers.idle_seconds(entry.table.id))

    def _own_idle(self, entry: Entry) -> float:
        return self._clock.monotonic() - entry.last_read


def _youngest(entries: Iterable[Entry]) -> Entry | None:
    return max(entries, key=lambda entry: (entry.table.taken_at, -entry.table.rows), default=None)
