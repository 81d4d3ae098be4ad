"""One extract on its way to become a snapshot.

It builds on an older snapshot when only changes are to be read. Otherwise its rows grow in a draft,
which may be read meanwhile. After a failure that may pass, `make` goes on where it stopped.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import uuid4

import anyio.to_thread
import pyarrow as pa

from gateway.errors import UpstreamKeepsChanging
from gateway.observe import Clock, Observer
from gateway.observe.oddities import OddRows, told_together
from gateway.snapshots.facts import Extracted, SnapshotKey, StoredTable
from gateway.snapshots.freshness import Verdict
from gateway.snapshots.keep.catalog import Catalog, Entry
from gateway.snapshots.keep.store import SnapshotStore
from gateway.snapshots.load.draft import DraftTable
from gateway.snapshots.load.extract_limit import ExtractLimit
from gateway.snapshots.load.extract_source import (
    BaseSnapshot,
    ChangesReader,
    ExtractReader,
    ExtractSource,
)
from gateway.snapshots.peers.interface import Peers


@dataclass(frozen=True, slots=True)
class ExtractTools:
    """What snapshots are made with."""

    store: SnapshotStore
    shelf: Catalog
    peers: Peers
    extracts: ExtractSource
    clock: Clock
    observer: Observer
    lanes: ExtractLimit = field(default_factory=ExtractLimit)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an extract has come: `rows` of `total`, None while that is not known."""

    id: str
    key: SnapshotKey
    began: datetime
    rows: int
    total: int | None
    rows_a_second: float
    is_paused: bool


class ExtractRun:
    """One extract; `readers` read its draft, `waiters` wait for the snapshot.

    All of them hold `landed`, the snapshot, once it is there: in memory it is the draft itself.
    """

    def __init__(self, key: SnapshotKey, workshop: ExtractTools) -> None:
        self.key = key
        self.id = uuid4().hex[:16]
        self.began = workshop.clock.now()
        self.waiters = 0
        self.readers = 0
        self.paused_at: float | None = None
        self.growing: DraftTable | None = None
        self.landed: Entry | None = None
        self.task: asyncio.Task[Entry] | None = None
        self._with = workshop
        self._started = workshop.clock.monotonic()
        self._extraction: ExtractReader | None = None
        self._decided = asyncio.Event()

    async def make(self) -> Entry:
        """The snapshot, held once; of all processes that share, only one makes it."""
        peers, turn = self._with.peers, self._with.lanes.turn(self.key.scope)
        async with turn, peers.lease(self.key), peers.making(self.id):
            if self._extraction is None:
                entry = await self._made_elsewhere() or await self._amend()
                if entry is not None:
                    return entry
            entry = await self._read_all()
            self._with.observer.info(f"snapshot {self.id} holds {entry.table.rows} rows")
            await self._offer(entry.table)
            return entry

    async def _made_elsewhere(self) -> Entry | None:
        """What another process has made while this one waited for its turn, held."""
        shelf = self._with.shelf
        before = shelf.best(self.key)
        await shelf.discover(self.key)
        found = shelf.best(self.key)
        if found is None or found is before or shelf.judge(found.table) is not Verdict.FRESH:
            return None
        return found.held()

    async def draft(self) -> DraftTable | None:
        """The draft, once it is known whether its rows can be read while they come."""
        await self._decided.wait()
        gradual = self._extraction is not None and self._extraction.is_gradual
        return self.growing if gradual else None

    @property
    def made(self) -> Entry | None:
        """The snapshot, if it is there; not held."""
        task = self.task
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return None
        return task.result()

    def decide(self) -> None:
        """Let nobody wait for a draft any more."""
        self._decided.set()

    def progress(self) -> Progress:
        """How far it has come."""
        seconds = self._with.clock.monotonic() - self._started
        rows = self.growing.came if self.growing else 0
        total = self._extraction.total if self._extraction else None
        rate = rows / max(seconds, 0.001)
        paused = self.paused_at is not None
        return Progress(self.id, self.key, self.began, rows, total, rate, paused)

    async def _read_all(self) -> Entry:
        if self._extraction is None or self.growing is None:
            self.growing = DraftTable(self._with.store, self.id)
            self._extraction = self._with.extracts.begin(self.key.pushdown, self.growing)
        self.decide()
        since = await self._extraction.read()
        await self.growing.flush()
        odd = self._odd(())
        published = await self._publish(Extracted(self.began, self.began, since, odd))
        entry = self._with.shelf.put(published, readers=1)
        self.growing.end()
        return entry

    async def _amend(self) -> Entry | None:
        """An older snapshot with what has changed since, held; None when all must be read."""
        base = self._with.shelf.base(self.key)
        if base is None:
            return None
        base.held()
        try:
            changes = await self._changes(base.table)
            return None if changes is None else await self._apply(changes, base)
        finally:
            self._with.shelf.let_go(base)

    async def _changes(self, table: StoredTable) -> ChangesReader | None:
        """What has changed since a snapshot; so much that it cannot be told is None, too."""
        since = table.extracted.since
        assert since is not None  # noqa: S101 - the shelf gives no other as a base
        source = BaseSnapshot(self._with.store, table)
        try:
            return await self._with.extracts.changes(self.key.pushdown, since, source)
        except UpstreamKeepsChanging:
            return None

    async def _apply(self, changes: ChangesReader, base: Entry) -> Entry:
        """A new snapshot, or the old one, which is then known to be one of now."""
        before = base.table.extracted
        odd = self._odd(before.odd)
        extracted = Extracted(self.began, before.complete_at, changes.since, odd)
        gone = pa.array(changes.gone, pa.string())
        changed = await anyio.to_thread.run_sync(
            self._with.store.amend, self.id, base.table.id, changes.rows, gone
        )
        if not changed:
            base.table = replace(base.table, extracted=extracted)
            await self._offer(base.table)
            return base.held()
        published = await self._publish(extracted)
        self._with.observer.info(
            f"snapshot {self.id} builds on {base.table.id}: {published.rows} rows"
        )
        await self._offer(published)
        return self._with.shelf.put(published, readers=1)

    def _odd(self, before: tuple[OddRows, ...]) -> tuple[OddRows, ...]:
        """What is strange about the rows; told when it is not what was known before."""
        odd = self._with.extracts.oddities(self.key.pushdown, before)
        if odd and odd != before:
            self._with.observer.warn(f"snapshot {self.id} has strange rows: {told_together(odd)}")
            self._with.observer.metrics.found_odd(odd)
        return odd

    async def _publish(self, extracted: Extracted) -> StoredTable:
        draft = StoredTable(self.id, self.key, extracted, rows=0, bytes=0, made_at=self.began)
        return await anyio.to_thread.run_sync(self._with.store.publish, draft)

    async def _offer(self, table: StoredTable) -> None:
        path = self._with.store.path(table.id)
        if path is not None:
            await self._with.peers.offer(table, path)
