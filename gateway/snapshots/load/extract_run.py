"""One run of an extract, from its start to the finished snapshot.

If only changes must be read, the run builds on an older snapshot. Otherwise its rows go to a draft,
which can be read meanwhile. After a temporary failure, `make` resumes where it stopped.
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
from gateway.observe.oddities import OddRows, summarize
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
    """The parts that snapshots are made with."""

    store: SnapshotStore
    catalog: Catalog
    peers: Peers
    extracts: ExtractSource
    clock: Clock
    observer: Observer
    extract_limit: ExtractLimit = field(default_factory=ExtractLimit)


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of an extract: `rows` of `total`, which is None while it is unknown."""

    id: str
    key: SnapshotKey
    began: datetime
    rows: int
    total: int | None
    rows_a_second: float
    is_paused: bool


class ExtractRun:
    """One extract; `readers` read its draft, `waiters` wait for the snapshot.

    Each of them holds `entry`, the snapshot, once it exists: in memory it is the draft itself.
    """

    def __init__(self, key: SnapshotKey, tools: ExtractTools) -> None:
        self.key = key
        self.id = uuid4().hex[:16]
        self.began = tools.clock.now()
        self.waiters = 0
        self.readers = 0
        self.paused_at: float | None = None
        self.draft: DraftTable | None = None
        self.entry: Entry | None = None
        self.task: asyncio.Task[Entry] | None = None
        self._tools = tools
        self._started = tools.clock.monotonic()
        self._reader: ExtractReader | None = None
        self._decided = asyncio.Event()

    async def make(self) -> Entry:
        """Make the snapshot, acquired; of all processes that share, only one makes it."""
        peers, turn = self._tools.peers, self._tools.extract_limit.turn(self.key.scope)
        async with turn, peers.lease(self.key), peers.making(self.id):
            if self._reader is None:
                entry = await self._find_shared() or await self._build_on_base()
                if entry is not None:
                    return entry
            entry = await self._read_all()
            self._tools.observer.info(f"snapshot {self.id} has {entry.table.rows} rows")
            await self._offer(entry.table)
            return entry

    async def _find_shared(self) -> Entry | None:
        """Return, acquired, a snapshot that another process made during the wait for the lease."""
        catalog = self._tools.catalog
        before = catalog.best(self.key)
        await catalog.discover(self.key)
        found = catalog.best(self.key)
        if found is None or found is before or catalog.judge(found.table) is not Verdict.FRESH:
            return None
        return found.acquire()

    @property
    def has_begun(self) -> bool:
        """True if the upstream has answered a page, so that the run can be resumed."""
        return self._reader is not None and self._reader.total is not None

    async def readable_draft(self) -> DraftTable | None:
        """Return the draft once known; None if its rows cannot be read while they arrive."""
        await self._decided.wait()
        gradual = self._reader is not None and self._reader.is_gradual
        return self.draft if gradual else None

    @property
    def result(self) -> Entry | None:
        """The snapshot if it is finished, not acquired; otherwise None."""
        task = self.task
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return None
        return task.result()

    def decide(self) -> None:
        """Release callers that wait for a readable draft."""
        self._decided.set()

    def progress(self) -> Progress:
        """Return how far the run has come."""
        seconds = self._tools.clock.monotonic() - self._started
        rows = self.draft.received if self.draft else 0
        total = self._reader.total if self._reader else None
        rate = rows / max(seconds, 0.001)
        paused = self.paused_at is not None
        return Progress(self.id, self.key, self.began, rows, total, rate, paused)

    async def _read_all(self) -> Entry:
        if self._reader is None or self.draft is None:
            self.draft = DraftTable(self._tools.store, self.id)
            self._reader = self._tools.extracts.begin(self.key.pushdown, self.draft)
        self.decide()
        since = await self._reader.read()
        await self.draft.flush()
        odd = self._odd(())
        published = await self._publish(Extracted(self.began, self.began, since, odd))
        entry = self._tools.catalog.put(published, readers=1)
        self.draft.end()
        return entry

    async def _build_on_base(self) -> Entry | None:
        """Return an older snapshot with its changes applied, acquired; None if impossible."""
        base = self._tools.catalog.base(self.key)
        if base is None:
            return None
        base.acquire()
        try:
            changes = await self._changes(base.table)
            return None if changes is None else await self._apply_changes(changes, base)
        finally:
            self._tools.catalog.release(base)

    async def _changes(self, table: StoredTable) -> ChangesReader | None:
        """Read the changes since a snapshot; return None if they cannot be determined."""
        since = table.extracted.since
        assert since is not None  # noqa: S101 - the catalog returns no other base
        source = BaseSnapshot(self._tools.store, table)
        try:
            return await self._tools.extracts.changes(self.key.pushdown, since, source)
        except UpstreamKeepsChanging:
            return None

    async def _apply_changes(self, changes: ChangesReader, base: Entry) -> Entry:
        """Return a new snapshot, or the old one with a new `taken_at` if nothing has changed."""
        before = base.table.extracted
        odd = self._odd(before.odd)
        extracted = Extracted(self.began, before.complete_at, changes.since, odd)
        gone = pa.array(changes.gone, pa.string())
        changed = await anyio.to_thread.run_sync(
            self._tools.store.apply_changes, self.id, base.table.id, changes.rows, gone
        )
        if not changed:
            base.table = replace(base.table, extracted=extracted)
            await self._offer(base.table)
            return base.acquire()
        published = await self._publish(extracted)
        self._tools.observer.info(
            f"snapshot {self.id} was built on {base.table.id}: {published.rows} rows"
        )
        await self._offer(published)
        return self._tools.catalog.put(published, readers=1)

    def _odd(self, before: tuple[OddRows, ...]) -> tuple[OddRows, ...]:
        """Return what is strange about the rows; log and count it if it is new."""
        odd = self._tools.extracts.oddities(self.key.pushdown, before)
        if odd and odd != before:
            self._tools.observer.warn(f"snapshot {self.id} has strange rows: {summarize(odd)}")
            self._tools.observer.metrics.count_odd_rows(odd)
        return odd

    async def _publish(self, extracted: Extracted) -> StoredTable:
        unpublished = StoredTable(self.id, self.key, extracted, rows=0, bytes=0, made_at=self.began)
        return await anyio.to_thread.run_sync(self._tools.store.publish, unpublished)

    async def _offer(self, table: StoredTable) -> None:
        path = self._tools.store.path(table.id)
        if path is not None:
            await self._tools.peers.offer(table, path)
