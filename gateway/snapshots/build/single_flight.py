"""All extracts that are being made: one for all who want it, outliving who started it.

One that failed half-way for a reason that may pass is kept for a while, and goes on where it
stopped when it is wanted again. Runs on the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import anyio.to_thread
from cachetools import LRUCache, TTLCache

from gateway.errors import (
    GatewayError,
    InternalError,
    UpstreamKeepsChanging,
    UpstreamUnavailable,
)
from gateway.snapshots.facts import SnapshotKey
from gateway.snapshots.build.extract_run import ExtractRun, Progress, ExtractTools
from gateway.snapshots.build.draft import DraftTable
from gateway.snapshots.keep.catalog import Entry

_RESUMABLE_SECONDS = 600
_FAILURES = 1_000


@dataclass(frozen=True, slots=True)
class ExtractFailure:
    """Why the last extract has failed, and when."""

    at: datetime
    error: GatewayError


class SingleFlight:
    """Extracts that run or wait to be resumed."""

    def __init__(self, workshop: ExtractTools) -> None:
        self._with = workshop
        self._flights: dict[SnapshotKey, ExtractRun] = {}
        self._chores: set[asyncio.Task[None]] = set()
        self._failures: TTLCache[tuple[str, str], GatewayError] = TTLCache(
            _FAILURES, _RESUMABLE_SECONDS, workshop.clock.monotonic
        )
        self._troubles: LRUCache[str, ExtractFailure] = LRUCache(_FAILURES)
        self._is_closed = False

    def start(self, key: SnapshotKey) -> ExtractRun:
        """The extract that runs for `key`; started, or resumed, when none does."""
        self._forget_overdue()
        flight = self._flights.get(key)
        if flight is not None and self._runs(flight):
            return flight
        flight = self._flights[key] = ExtractRun(key, self._with)
        self._take_off(flight)
        return flight

    def find(self, scope: str, snapshot_id: str) -> ExtractRun | None:
        """The extract of this id, going on if it was paused; None when there is none."""
        found = [f for f in self._flights.values() if (f.key.scope, f.id) == (scope, snapshot_id)]
        return found[0] if found and self._runs(found[0]) else None

    def failure(self, scope: str, snapshot_id: str) -> GatewayError | None:
        """Why the extract of this id came to nothing, if it lately did."""
        return self._failures.get((scope, snapshot_id))

    def trouble(self, scope: str) -> ExtractFailure | None:
        """Why the last extract of a scope failed; None when one has been made since."""
        return self._troubles.get(scope)

    def keeps(self, flight: ExtractRun) -> bool:
        """Whether it is under way or paused, and its draft is there."""
        return self._flights.get(flight.key) is flight

    async def land(self, flight: ExtractRun) -> Entry:
        """Wait for the snapshot, held; a waiter that leaves ends nothing.

        Raises:
            GatewayError: what reading an extract raises; every waiter gets it.
        """
        task = flight.task
        assert task is not None  # noqa: S101 - a started flight has one
        flight.waiters += 1
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.cancelled() and not _is_cancelled_itself():
                raise _shutting_down() from error
            if task.done() and not task.cancelled() and task.exception() is None:
                self._with.shelf.let_go(task.result())
            if flight.task is task:  # or it goes on, and nobody waits yet
                flight.waiters -= 1
            raise

    @contextmanager
    def reading(self, flight: ExtractRun) -> Iterator[None]:
        """A draft is read; it is there until its last reader leaves, and so is what it becomes."""
        flight.readers += 1
        try:
            yield
        finally:
            flight.readers -= 1
            if flight.landed is not None:
                self._with.shelf.let_go(flight.landed)
            self._tidy(flight)

    def progress(self) -> tuple[Progress, ...]:
        """What is being read, and what waits to be resumed."""
        return tuple(flight.progress() for flight in self._flights.values())

    def progress_of(self, key: SnapshotKey) -> Progress | None:
        """How far the extract of just this key has come."""
        flight = self._flights.get(key)
        return None if flight is None else flight.progress()

    async def close(self) -> None:
        """End all; who waits for one is told to come again, and drafts go with their readers."""
        flights = [*self._flights.values()]
        tasks = [flight.task for flight in flights if flight.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._flights.clear()
        self._is_closed = True
        for flight in flights:
            self._drop_soon(flight)
        await asyncio.gather(*self._chores)

    def _take_off(self, flight: ExtractRun) -> None:
        flight.waiters = 0
        flight.task = asyncio.create_task(self._make(flight))
        flight.task.add_done_callback(lambda task: self._landed(flight, task))

    async def _make(self, flight: ExtractRun) -> Entry:
        with self._with.observer.extract() as extract:
            entry = await flight.make()
            extract.rows = entry.table.rows
        self._troubles.pop(flight.key.scope, None)
        await self._with.shelf.make_room()
        entry.readers += flight.waiters + flight.readers - 1
        flight.landed = entry
        del self._flights[flight.key]  # now, not in a callback: who comes later must find the entry
        return entry

    def _runs(self, flight: ExtractRun) -> bool:
        """Whether a flight is under way, or can be made to go on; else it is forgotten."""
        if flight.paused_at is None:
            return True
        if self._is_overdue(flight) or flight.growing is None:
            self._forget(flight)
            return False
        flight.paused_at = None
        flight.growing.go_on()
        self._take_off(flight)
        return True

    def _is_overdue(self, flight: ExtractRun) -> bool:
        now = self._with.clock.monotonic()
        return flight.paused_at is not None and now - flight.paused_at > _RESUMABLE_SECONDS

    def _forget_overdue(self) -> None:
        """A draft that nobody asked for any more takes room until then."""
        for flight in [*self._flights.values()]:
            if self._is_overdue(flight):
                self._forget(flight)

    def _landed(self, flight: ExtractRun, task: asyncio.Task[Entry]) -> None:
        error = None if task.cancelled() else task.exception()
        flight.decide()
        if task.cancelled():
            self._fail(flight, _shutting_down())
        elif isinstance(error, GatewayError):
            self._with.observer.extract_failed(error.message)
            self._fail(flight, error)
        elif error is not None:
            self._with.observer.fault("an extract failed", error)
            self._fail(flight, InternalError("the gateway failed; its log tells why"))
        self._tidy(flight)

    def _fail(self, flight: ExtractRun, error: GatewayError) -> None:
        """Tell the readers, and keep what may go on."""
        self._troubles[flight.key.scope] = ExtractFailure(self._with.clock.now(), error)
        growing = flight.growing
        if growing is not None:
            growing.end(error)
            if growing.came and _may_pass(error):
                flight.paused_at = self._with.clock.monotonic()
                return
        self._failures[flight.key.scope, flight.id] = error
        self._forget(flight)

    def _forget(self, flight: ExtractRun) -> None:
        if self._flights.get(flight.key) is flight:
            del self._flights[flight.key]
        self._tidy(flight)

    def _tidy(self, flight: ExtractRun) -> None:
        """Drop the draft of a flight that is over when nobody reads it."""
        if not (flight.readers or self.keeps(flight) or self._is_closed):
            self._drop_soon(flight)

    def _drop_soon(self, flight: ExtractRun) -> None:
        chore = asyncio.create_task(self._drop_draft(flight.id, flight.growing))
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)

    async def _drop_draft(self, snapshot_id: str, growing: DraftTable | None) -> None:
        if growing is not None:
            await growing.close()
        await anyio.to_thread.run_sync(self._with.store.abandon, snapshot_id)


def _may_pass(error: GatewayError) -> bool:
    return isinstance(error, UpstreamUnavailable) and not isinstance(error, UpstreamKeepsChanging)


def _shutting_down() -> UpstreamUnavailable:
    message = "the gateway is shutting down; try again in a moment"
    return UpstreamUnavailable(message, retry_after_seconds=5)


def _is_cancelled_itself() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
