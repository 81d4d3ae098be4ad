"""The snapshots that are kept: found by what they hold, dropped when nobody needs them.

A snapshot whose pages are being read is kept for `token_lifetime` after its last page, so that a
nextLink leads into the same extract whatever happens upstream meanwhile (law 4).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import anyio.to_thread

from gateway.observe import Clock
from gateway.planner.cover import covers
from gateway.snapshots.facts import SnapshotKey, StoredTable
from gateway.snapshots.freshness import FreshnessPolicy, Verdict
from gateway.snapshots.store import SnapshotStore


@dataclass(frozen=True, slots=True)
class KeepPolicy:
    """`token_lifetime` in seconds; `byte_budget` bounds all snapshots together."""

    token_lifetime: float
    byte_budget: int


@dataclass(slots=True)
class Entry:
    """A table that is kept; never dropped while it has readers. `last_read` is monotonic."""

    table: StoredTable
    last_read: float
    readers: int = 0

    def held(self) -> Entry:
        """This entry with one more reader."""
        self.readers += 1
        return self


class Shelf:
    """All finished snapshots of this process."""

    def __init__(
        self,
        store: SnapshotStore,
        policies: tuple[FreshnessPolicy, KeepPolicy],
        clock: Clock,
    ) -> None:
        self._store = store
        self._freshness, self._keeping = policies
        self._clock = clock
        self._entries: dict[str, Entry] = {}

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

    def judge(self, entry: Entry, *, fresher: bool = False) -> Verdict:
        """A snapshot of the future, which a corrected clock makes, is as old as it is early."""
        age = (self._clock.now() - entry.table.taken_at).total_seconds()
        return self._freshness.judge(abs(age), fresher=fresher)

    def let_go(self, entry: Entry) -> None:
        """A reader leaves."""
        entry.readers -= 1
        entry.last_read = self._clock.monotonic()

    async def recover(self) -> None:
        """Take over what an earlier process left on disk; its age counts from its own clock."""
        for table in await anyio.to_thread.run_sync(self._store.recover, self._clock.now()):
            self.put(table)
        await self.make_room()

    async def make_room(self) -> None:
        """Drop what nobody needs; then, over budget, what was read longest ago."""
        for table in self._victims():
            await anyio.to_thread.run_sync(self._store.drop, table.id)

    def _victims(self) -> list[StoredTable]:
        held = sum(entry.table.bytes for entry in self._entries.values())
        victims: list[StoredTable] = []
        for entry in sorted(self._entries.values(), key=lambda entry: entry.last_read):
            over = held > self._keeping.byte_budget
            if entry.readers == 0 and (over or self._is_useless(entry)):
                held -= entry.table.bytes
                victims.append(self._entries.pop(entry.table.id).table)
        return victims

    def _is_useless(self, entry: Entry) -> bool:
        """Read to its end, and either too old for anything or replaced by a younger one."""
        if self._clock.monotonic() - entry.last_read <= self._keeping.token_lifetime:
            return False
        expired = self.judge(entry) is Verdict.EXPIRED
        return expired or self.best(entry.table.key) is not entry


def _youngest(entries: Iterable[Entry]) -> Entry | None:
    return max(entries, key=lambda entry: (entry.table.taken_at, -entry.table.rows), default=None)
