"""Choice of the snapshot for a request: a cached one, one that is loading, or a new one.

A snapshot serves its own selection and every narrower one. Concurrent requests for one extract
share a single run. Requests for the rows in their natural order can read while the extract is
still running; rows that were read once stay the same. Runs on the event loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime

import anyio.to_thread

from gateway.errors import GatewayError, Stopgap, UpstreamKeepsChanging
from gateway.observe.oddities import OddRows
from gateway.observe.record import Stage, note_cache
from gateway.planner.pushdown import Pushdown
from gateway.snapshots.facts import SnapshotKey, StoredTable
from gateway.snapshots.freshness import Verdict, may_replace
from gateway.snapshots.keep.catalog import Entry
from gateway.snapshots.load.draft import DraftTable
from gateway.snapshots.load.extract_run import ExtractRun, ExtractTools, Progress
from gateway.snapshots.load.single_flight import ExtractFailure, SingleFlight


@dataclass(frozen=True, slots=True)
class SnapshotChoice:
    """The snapshot that would be served now, how fresh it is, and the extract that is running."""

    table: StoredTable | None
    verdict: Verdict
    age_seconds: float
    extract: Progress | None


@dataclass(frozen=True, slots=True)
class SnapshotFreshness:
    """The freshness of a snapshot; `instead_of` is the code of the error that it stands in for."""

    verdict: Verdict
    instead_of: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot in use; valid inside the `async with` that gave it.

    `pushdown` is the selection that was extracted: a query with another one must check its whole
    filter. `status` is the Cache-Status member (RFC 9211). `instead_of` is the code of the error
    that the snapshot stands in for, empty otherwise. `made_at` is when the extract of its rows
    began; `taken_at` is later if an incremental extract found no change since. `draft` is set while
    the rows are still arriving. `odd` lists what is strange about the rows, once all are there.
    """

    id: str
    table_name: str
    taken_at: datetime
    pushdown: Pushdown
    status: str
    made_at: datetime
    rows: int
    draft: DraftTable | None = None
    instead_of: str = ""
    odd: tuple[OddRows, ...] = ()

    @property
    def is_complete(self) -> bool:
        """True if all rows have arrived, so that they are consistent."""
        return self.draft is None or self.draft.is_complete

    async def reach(self, rows: int) -> int:
        """Wait until this many rows, or all, have arrived; return how many have.

        Raises:
            GatewayError: the extract failed.
        """
        return self.rows if self.draft is None else await self.draft.reach(rows)


class SnapshotCache:
    """The snapshots of one workspace in this process."""

    def __init__(self, tools: ExtractTools) -> None:
        self.tools = tools
        self._catalog = tools.catalog
        self._single_flight = SingleFlight(tools)

    @property
    def tables(self) -> tuple[StoredTable, ...]:
        """The finished snapshots."""
        return self._catalog.tables

    def progress(self) -> tuple[Progress, ...]:
        """Return the progress of all extracts that run or wait to be resumed."""
        return self._single_flight.progress()

    def begin(self, key: SnapshotKey) -> None:
        """Start an extract in the background, unless one is running or has just been made."""
        if not self.is_fresh(key, fresher=True):
            self._single_flight.start(key)

    def last_failure(self, scope: str) -> ExtractFailure | None:
        """Return why the last extract of a scope failed; None if one has succeeded since."""
        return self._single_flight.last_failure(scope)

    def freshness(self, table: StoredTable) -> SnapshotFreshness:
        """Return how good a snapshot is now, and the error that it is served in place of."""
        verdict, failure = self._catalog.judge(table), self._failure_since(table)
        if verdict in (Verdict.FRESH, Verdict.STALE) or failure is None:
            return SnapshotFreshness(verdict)
        is_replacement = may_replace(verdict, failure.error.stopgap)
        return SnapshotFreshness(verdict, failure.error.code if is_replacement else "")

    def _failure_since(self, table: StoredTable) -> ExtractFailure | None:
        """Return the failure of the last extract, if a younger snapshot was wanted by then."""
        failure = self._single_flight.last_failure(table.key.scope)
        return failure if failure is not None and failure.at >= table.taken_at else None

    async def recover(self) -> None:
        """Adopt the snapshots that an earlier process left on disk."""
        await self._catalog.recover()

    async def end(self) -> None:
        """Stop running extracts; requests that wait for one get an error and can be retried."""
        await self._single_flight.close()

    async def close(self) -> None:
        """Stop running extracts and close the store."""
        await self.end()
        await self.tools.peers.close()
        await anyio.to_thread.run_sync(self.tools.store.close)

    def is_fresh(self, key: SnapshotKey, *, fresher: bool = False) -> bool:
        """Return True if a snapshot could be served now without an upstream call."""
        return self.choice(key, fresher=fresher).verdict is Verdict.FRESH

    def choice(self, key: SnapshotKey, *, fresher: bool = False) -> SnapshotChoice:
        """Return the snapshot that `open` would choose, without starting an extract."""
        extract = self._single_flight.progress_of(key)
        found = self._catalog.best(key)
        if found is None:
            return SnapshotChoice(None, Verdict.EXPIRED, 0.0, extract)
        age = (self.tools.clock.now() - found.table.taken_at).total_seconds()
        return SnapshotChoice(
            found.table, self._catalog.judge(found.table, fresher=fresher), age, extract
        )

    @asynccontextmanager
    async def open(
        self, key: SnapshotKey, *, fresher: bool = False, early: bool = False
    ) -> AsyncIterator[Snapshot]:
        """Open a snapshot that has all rows of `key`; make one if none is fresh enough.

        With `early`, its rows may still be arriving, if they arrive in an order that stays.

        Raises:
            GatewayError: the extract failed; all its waiters get the same error.
        """
        with Stage("snapshot"):
            chosen = await self._choose(key, fresher=fresher, early=early)
        with chosen as snapshot:
            yield snapshot

    @asynccontextmanager
    async def pinned(self, scope: str, snapshot_id: str) -> AsyncIterator[Snapshot | None]:
        """Open the snapshot that a nextLink names, however old; yield None if it was evicted.

        If its extract failed, resume the extract; if another process is making the snapshot, wait
        for it. Only snapshots of the same scope are found (law 5).

        Raises:
            GatewayError: its extract failed for good.
        """
        with Stage("snapshot"):
            draft = await self._draft_of(scope, snapshot_id)
            entry = None if draft else await self._catalog.find(scope, snapshot_id)
        note_cache("fresh" if draft or entry else "gone")
        if entry is not None:
            instead_of = self.freshness(entry.table).instead_of
            with self._reading(entry.acquire(), "hit", instead_of) as snapshot:
                yield snapshot
        elif draft is not None:
            with self._reading_draft(*draft, "hit; detail=reading") as snapshot:
                yield snapshot
        else:
            failure = self._single_flight.failure(scope, snapshot_id)
            if failure is not None:
                raise copy(failure)
            yield None

    def retain(self, snapshot_id: str) -> None:
        """Retain a snapshot for `pinned`, because a deltaLink names it."""
        self._catalog.retain(snapshot_id)

    async def _choose(
        self, key: SnapshotKey, *, fresher: bool, early: bool
    ) -> AbstractContextManager[Snapshot]:
        if not self.is_fresh(key, fresher=fresher):
            await self._catalog.discover(key)
        found = self._catalog.best(key)
        if found is None:
            return await self._load(key, "fwd=miss", early=early)
        match self._catalog.judge(found.table, fresher=fresher):
            case Verdict.FRESH:
                note_cache("fresh")
                return self._reading(found.acquire(), "hit")
            case Verdict.STALE if self._may_be_refreshed_behind(found):
                self._single_flight.start(found.table.key)
                note_cache("stale")
                return self._reading(found.acquire(), "hit; detail=refreshing")
            case Verdict.EXPIRED:
                return await self._load(key, "fwd=stale", early=early)
        with self._reading(found.acquire(), "") as _:  # or loading another one may evict it
            try:
                return await self._load(key, "fwd=stale", early=early)
            except GatewayError as error:
                if not may_replace(self._catalog.judge(found.table), error.stopgap):
                    raise
                self.tools.observer.warn(f"serving an older snapshot, because: {error.message}")
                note_cache("last_resort")
                return self._reading(found.acquire(), "hit", error.code)

    def _may_be_refreshed_behind(self, found: Entry) -> bool:
        """Return False if a refresh has failed with an error that old rows must not hide."""
        failure = self._failure_since(found.table)
        return failure is None or failure.error.stopgap is not Stopgap.NEVER

    async def _load(
        self, key: SnapshotKey, status: str, *, early: bool
    ) -> AbstractContextManager[Snapshot]:
        """Return a new snapshot, or its draft as soon as the draft has rows.

        The upstream can say which rows match a selection only if no row changes meanwhile. If rows
        keep changing, extract all rows instead: that always works, and serves the selection too.
        """
        try:
            return await self._load_exactly(key, status, early=early)
        except UpstreamKeepsChanging as error:
            if not key.pushdown.terms:
                raise
            self.tools.observer.warn(
                f"extracting all rows instead of a selection, because: {error.message}"
            )
            return await self._load_exactly(replace(key, pushdown=Pushdown()), status, early=False)

    async def _load_exactly(
        self, key: SnapshotKey, status: str, *, early: bool
    ) -> AbstractContextManager[Snapshot]:
        note_cache("waited" if self._single_flight.progress_of(key) else "made")
        run = self._single_flight.start(key)
        draft = await run.readable_draft() if early else None
        if draft is not None:
            await draft.reach(1)
            if not draft.is_complete and self._single_flight.is_active(run):
                return self._reading_draft(run, draft, f"{status}; detail=reading")
        entry = run.result
        if entry is None:
            return self._reading(await self._single_flight.wait_for(run), status)
        if self._catalog.get(entry.table.id) is not entry:  # finished and evicted while we waited
            return await self._load_exactly(key, status, early=False)
        return self._reading(entry.acquire(), status)

    async def _draft_of(self, scope: str, snapshot_id: str) -> tuple[ExtractRun, DraftTable] | None:
        """Return a running extract and its draft, if the draft can be read."""
        run = self._single_flight.find(scope, snapshot_id)
        draft = None if run is None else await run.readable_draft()
        if run is None or draft is None or draft.is_complete:
            return None
        return run, draft

    @contextmanager
    def _reading(self, entry: Entry, status: str, instead_of: str = "") -> Iterator[Snapshot]:
        """Yield an acquired entry as a snapshot, and release it at the end."""
        table = entry.table
        if instead_of:
            status = f"{status}; detail={instead_of}"
        try:
            yield Snapshot(
                table.id,
                self.tools.store.table_name(table.id),
                table.taken_at,
                table.key.pushdown,
                status,
                table.made_at,
                table.rows,
                instead_of=instead_of,
                odd=table.extracted.odd,
            )
        finally:
            self._catalog.release(entry)

    @contextmanager
    def _reading_draft(self, run: ExtractRun, draft: DraftTable, status: str) -> Iterator[Snapshot]:
        with self._single_flight.reading(run):
            yield Snapshot(
                run.id,
                self.tools.store.draft_name(run.id),
                run.began,
                run.key.pushdown,
                status,
                run.began,
                rows=draft.rows,
                draft=draft,
            )
