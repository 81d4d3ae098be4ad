"""Which snapshot answers: at hand, being made, or to be made; kept while it is read.

A snapshot answers its own selection and every narrower one. Many requests for one extract cause
one. Where the rows' own order is asked for, they can be read while the extract is still running,
and what is read of it once stays as it is. Runs on the event loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime

import anyio.to_thread

from gateway.errors import GatewayError, Stopgap, UpstreamKeepsChanging
from gateway.observe.record import Stage, note_cache
from gateway.planner.pushdown import Pushdown
from gateway.snapshots.facts import SnapshotKey, StoredTable
from gateway.snapshots.freshness import Verdict, may_stand_in
from gateway.snapshots.keep.catalog import Entry
from gateway.snapshots.load.draft import DraftTable
from gateway.snapshots.load.extract_run import ExtractRun, ExtractTools, Progress
from gateway.snapshots.load.single_flight import ExtractFailure, SingleFlight


@dataclass(frozen=True, slots=True)
class SnapshotChoice:
    """What would answer now: the best snapshot at hand, how good it is, and what is being made."""

    table: StoredTable | None
    verdict: Verdict
    age_seconds: float
    extract: Progress | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How good a snapshot is; `instead_of` is the code of the error that it stands in for."""

    verdict: Verdict
    instead_of: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot in use; valid inside the `async with` that gave it.

    `pushdown` is what it was extracted with: a query with another one must check its whole filter.
    `status` says how it came to answer, as a Cache-Status member (RFC 9211). `instead_of` is the
    code of the error in whose place it is served, empty otherwise. `made_at` is as of when it
    tells, which `taken_at` outlives while nothing changes. `growing` is there while not all of its
    rows are.
    """

    id: str
    table_name: str
    taken_at: datetime
    pushdown: Pushdown
    status: str
    made_at: datetime
    rows: int
    growing: DraftTable | None = None
    instead_of: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether all of its rows are there, of one moment."""
        return self.growing is None or self.growing.is_complete

    async def reach(self, rows: int) -> int:
        """Wait until so many rows are there, or all; how many are.

        Raises:
            GatewayError: what reading the extract raises.
        """
        return self.rows if self.growing is None else await self.growing.reach(rows)


class SnapshotCache:
    """All snapshots of this process."""

    def __init__(self, workshop: ExtractTools) -> None:
        self.workshop = workshop
        self._with = workshop
        self._shelf = workshop.shelf
        self._flights = SingleFlight(workshop)

    @property
    def tables(self) -> tuple[StoredTable, ...]:
        """The finished snapshots."""
        return self._shelf.tables

    def progress(self) -> tuple[Progress, ...]:
        """The extracts that are being made."""
        return self._flights.progress()

    def begin(self, key: SnapshotKey) -> None:
        """Begin an extract that nobody waits for, unless one runs or was made this moment."""
        if not self.is_fresh(key, fresher=True):
            self._flights.start(key)

    def trouble(self, scope: str) -> ExtractFailure | None:
        """Why the last extract of a scope failed; None when one has been made since."""
        return self._flights.trouble(scope)

    def standing(self, table: StoredTable) -> Standing:
        """Return how good a snapshot is now, and the error that it is served in place of."""
        verdict, trouble = self._shelf.judge(table), self._trouble_since(table)
        if verdict in (Verdict.FRESH, Verdict.STALE) or trouble is None:
            return Standing(verdict)
        stands_in = may_stand_in(verdict, trouble.error.stopgap)
        return Standing(verdict, trouble.error.code if stands_in else "")

    def _trouble_since(self, table: StoredTable) -> ExtractFailure | None:
        """Return the failure of the last extract, if a younger snapshot was wanted by then."""
        trouble = self._flights.trouble(table.key.scope)
        return trouble if trouble is not None and trouble.at >= table.taken_at else None

    async def recover(self) -> None:
        """Take over what an earlier process left on disk."""
        await self._shelf.recover()

    async def end(self) -> None:
        """End running extracts; who waits for one is told to come again."""
        await self._flights.close()

    async def close(self) -> None:
        """The same, and close the store."""
        await self.end()
        await self._with.peers.close()
        await anyio.to_thread.run_sync(self._with.store.close)

    def is_fresh(self, key: SnapshotKey, *, fresher: bool = False) -> bool:
        """Whether a snapshot would answer now without an upstream call."""
        return self.choice(key, fresher=fresher).verdict is Verdict.FRESH

    def choice(self, key: SnapshotKey, *, fresher: bool = False) -> SnapshotChoice:
        """What `open` would choose; nothing is begun."""
        extract = self._flights.progress_of(key)
        found = self._shelf.best(key)
        if found is None:
            return SnapshotChoice(None, Verdict.EXPIRED, 0.0, extract)
        age = (self._with.clock.now() - found.table.taken_at).total_seconds()
        return SnapshotChoice(
            found.table, self._shelf.judge(found.table, fresher=fresher), age, extract
        )

    @asynccontextmanager
    async def open(
        self, key: SnapshotKey, *, fresher: bool = False, early: bool = False
    ) -> AsyncIterator[Snapshot]:
        """A snapshot that has all rows of `key`, made when none is young enough.

        With `early` it may be one whose rows are still coming, if they come in an order that stays.

        Raises:
            GatewayError: what reading an extract raises; every waiter gets it.
        """
        with Stage("snapshot"):
            chosen = await self._choose(key, fresher=fresher, early=early)
        with chosen as snapshot:
            yield snapshot

    @asynccontextmanager
    async def pinned(self, scope: str, snapshot_id: str) -> AsyncIterator[Snapshot | None]:
        """The snapshot that a nextLink names, however old; None when it is gone.

        One whose extract had failed goes on being read; one that another process is making is
        waited for. Of another scope there is nothing (law 5).

        Raises:
            GatewayError: its extract came to nothing, for this reason.
        """
        with Stage("snapshot"):
            draft = await self._draft_of(scope, snapshot_id)
            entry = None if draft else await self._shelf.find(scope, snapshot_id)
        note_cache("fresh" if draft or entry else "gone")
        if entry is not None:
            instead_of = self.standing(entry.table).instead_of
            with self._reading(entry.held(), "hit", instead_of) as snapshot:
                yield snapshot
        elif draft is not None:
            with self._reading_draft(*draft, "hit; detail=reading") as snapshot:
                yield snapshot
        else:
            failure = self._flights.failure(scope, snapshot_id)
            if failure is not None:
                raise copy(failure)
            yield None

    def promise(self, snapshot_id: str) -> None:
        """Keep a snapshot for `pinned`, because a deltaLink names it."""
        self._shelf.promise(snapshot_id)

    async def _choose(
        self, key: SnapshotKey, *, fresher: bool, early: bool
    ) -> AbstractContextManager[Snapshot]:
        if not self.is_fresh(key, fresher=fresher):
            await self._shelf.discover(key)
        found = self._shelf.best(key)
        if found is None:
            return await self._made(key, "fwd=miss", early=early)
        match self._shelf.judge(found.table, fresher=fresher):
            case Verdict.FRESH:
                note_cache("fresh")
                return self._reading(found.held(), "hit")
            case Verdict.STALE if self._may_be_refreshed_behind(found):
                self._flights.start(found.table.key)
                note_cache("stale")
                return self._reading(found.held(), "hit; detail=refreshing")
            case Verdict.EXPIRED:
                return await self._made(key, "fwd=stale", early=early)
        with self._reading(found.held(), "") as _:  # or making another one may drop it
            try:
                return await self._made(key, "fwd=stale", early=early)
            except GatewayError as error:
                if not may_stand_in(self._shelf.judge(found.table), error.stopgap):
                    raise
                self._with.observer.warn(f"an older snapshot answers, because: {error.message}")
                note_cache("last_resort")
                return self._reading(found.held(), "hit", error.code)

    def _may_be_refreshed_behind(self, found: Entry) -> bool:
        """Return False once a refresh has failed in a way that old rows must not hide."""
        trouble = self._trouble_since(found.table)
        return trouble is None or trouble.error.stopgap is not Stopgap.NEVER

    async def _made(
        self, key: SnapshotKey, status: str, *, early: bool
    ) -> AbstractContextManager[Snapshot]:
        """A new snapshot, or its draft as soon as that has rows.

        Who belongs to a selection can be told only while nothing changes for a moment; all rows can
        be read in any case, and answer too.
        """
        try:
            return await self._made_of(key, status, early=early)
        except UpstreamKeepsChanging as error:
            if not key.pushdown.terms:
                raise
            self._with.observer.warn(f"all rows are read instead, because: {error.message}")
            return await self._made_of(replace(key, pushdown=Pushdown()), status, early=False)

    async def _made_of(
        self, key: SnapshotKey, status: str, *, early: bool
    ) -> AbstractContextManager[Snapshot]:
        note_cache("waited" if self._flights.progress_of(key) else "made")
        flight = self._flights.start(key)
        growing = await flight.draft() if early else None
        if growing is not None:
            await growing.reach(1)
            if not growing.is_complete and self._flights.keeps(flight):
                return self._reading_draft(flight, growing, f"{status}; detail=reading")
        entry = flight.made
        if entry is None:
            return self._reading(await self._flights.land(flight), status)
        if self._shelf.get(entry.table.id) is not entry:  # made while we waited, and dropped again
            return await self._made_of(key, status, early=False)
        return self._reading(entry.held(), status)

    async def _draft_of(self, scope: str, snapshot_id: str) -> tuple[ExtractRun, DraftTable] | None:
        """The draft of an extract that runs."""
        flight = self._flights.find(scope, snapshot_id)
        growing = None if flight is None else await flight.draft()
        if flight is None or growing is None or growing.is_complete:
            return None
        return flight, growing

    @contextmanager
    def _reading(self, entry: Entry, status: str, instead_of: str = "") -> Iterator[Snapshot]:
        """A held entry as the reader sees it; let go at the end."""
        table = entry.table
        if instead_of:
            status = f"{status}; detail={instead_of}"
        try:
            yield Snapshot(
                table.id,
                self._with.store.table_name(table.id),
                table.taken_at,
                table.key.pushdown,
                status,
                table.made_at,
                table.rows,
                instead_of=instead_of,
            )
        finally:
            self._shelf.let_go(entry)

    @contextmanager
    def _reading_draft(
        self, flight: ExtractRun, growing: DraftTable, status: str
    ) -> Iterator[Snapshot]:
        with self._flights.reading(flight):
            yield Snapshot(
                flight.id,
                self._with.store.draft_name(flight.id),
                flight.began,
                flight.key.pushdown,
                status,
                flight.began,
                rows=growing.rows,
                growing=growing,
            )
