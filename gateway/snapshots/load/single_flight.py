"""Single flight: one running extract for all requests that need it, even if the first one ends.

A run that failed half-way with a temporary error is retained for a while, and resumes when it is
needed again. Runs on the event loop.
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
from gateway.snapshots.keep.catalog import Entry
from gateway.snapshots.load.draft import DraftTable
from gateway.snapshots.load.extract_run import ExtractRun, ExtractTools, Progress

_RESUMABLE_SECONDS = 600
_MAX_FAILURES = 1_000


@dataclass(frozen=True, slots=True)
class ExtractFailure:
    """The error of the last extract, and its time."""

    at: datetime
    error: GatewayError


class SingleFlight:
    """The extracts that run or wait to be resumed."""

    def __init__(self, tools: ExtractTools) -> None:
        self._tools = tools
        self._runs: dict[SnapshotKey, ExtractRun] = {}
        self._cleanups: set[asyncio.Task[None]] = set()
        self._failures: TTLCache[tuple[str, str], GatewayError] = TTLCache(
            _MAX_FAILURES, _RESUMABLE_SECONDS, tools.clock.monotonic
        )
        self._last_failures: LRUCache[str, ExtractFailure] = LRUCache(_MAX_FAILURES)
        self._is_closed = False

    def start(self, key: SnapshotKey) -> ExtractRun:
        """Return the run for `key`: the current one, a resumed one, or a new one."""
        self._forget_overdue()
        run = self._runs.get(key)
        if run is not None and self._ensure_running(run):
            return run
        run = self._runs[key] = ExtractRun(key, self._tools)
        self._start_task(run)
        return run

    def find(self, scope: str, snapshot_id: str) -> ExtractRun | None:
        """Return the run with this id, resumed if it was paused; None if there is none."""
        found = [
            run for run in self._runs.values() if (run.key.scope, run.id) == (scope, snapshot_id)
        ]
        return found[0] if found and self._ensure_running(found[0]) else None

    def failure(self, scope: str, snapshot_id: str) -> GatewayError | None:
        """Return the recent error that ended the extract with this id; None if there is none."""
        return self._failures.get((scope, snapshot_id))

    def last_failure(self, scope: str) -> ExtractFailure | None:
        """Return why the last extract of a scope failed; None if one has succeeded since."""
        return self._last_failures.get(scope)

    def is_active(self, run: ExtractRun) -> bool:
        """True if the run is under way or paused, so that its draft exists."""
        return self._runs.get(run.key) is run

    async def wait_for(self, run: ExtractRun) -> Entry:
        """Wait for the snapshot and return it, acquired; a cancelled waiter does not end the run.

        Raises:
            GatewayError: the extract failed; all its waiters get the same error.
        """
        task = run.task
        assert task is not None  # noqa: S101 - a started run has one
        run.waiters += 1
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.cancelled() and not _is_cancelled_itself():
                raise _shutting_down() from error
            if task.done() and not task.cancelled() and task.exception() is None:
                self._tools.catalog.release(task.result())
            if run.task is task:  # otherwise it has resumed, with no waiters yet
                run.waiters -= 1
            raise

    @contextmanager
    def reading(self, run: ExtractRun) -> Iterator[None]:
        """Hold a draft, and the snapshot that it becomes, until the block ends."""
        run.readers += 1
        try:
            yield
        finally:
            run.readers -= 1
            if run.entry is not None:
                self._tools.catalog.release(run.entry)
            self._tidy(run)

    def progress(self) -> tuple[Progress, ...]:
        """Return the progress of all runs, also of paused ones."""
        return tuple(run.progress() for run in self._runs.values())

    def progress_of(self, key: SnapshotKey) -> Progress | None:
        """Return the progress of the run for exactly this key; None if there is none."""
        run = self._runs.get(key)
        return None if run is None else run.progress()

    async def close(self) -> None:
        """Cancel all runs and drop their drafts; waiters get an error that they can retry."""
        runs = [*self._runs.values()]
        tasks = [run.task for run in runs if run.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._runs.clear()
        self._is_closed = True
        for run in runs:
            self._drop_draft_soon(run)
        await asyncio.gather(*self._cleanups)

    def _start_task(self, run: ExtractRun) -> None:
        run.waiters = 0
        run.task = asyncio.create_task(self._make(run))
        run.task.add_done_callback(lambda task: self._on_done(run, task))

    async def _make(self, run: ExtractRun) -> Entry:
        with self._tools.observer.extract() as extract:
            entry = await run.make()
            extract.rows = entry.table.rows
        self._last_failures.pop(run.key.scope, None)
        await self._tools.catalog.make_room()
        entry.readers += run.waiters + run.readers - 1
        run.entry = entry
        del self._runs[run.key]  # now, not in a callback: later requests must find the entry
        return entry

    def _ensure_running(self, run: ExtractRun) -> bool:
        """Return True if a run is under way or has been resumed; otherwise forget it."""
        if run.paused_at is None:
            return True
        if self._is_overdue(run) or run.draft is None:
            self._forget(run)
            return False
        run.paused_at = None
        run.draft.resume()
        self._start_task(run)
        return True

    def _is_overdue(self, run: ExtractRun) -> bool:
        now = self._tools.clock.monotonic()
        return run.paused_at is not None and now - run.paused_at > _RESUMABLE_SECONDS

    def _forget_overdue(self) -> None:
        """Forget runs that were not resumed in time, whose drafts still take up space."""
        for run in [*self._runs.values()]:
            if self._is_overdue(run):
                self._forget(run)

    def _on_done(self, run: ExtractRun, task: asyncio.Task[Entry]) -> None:
        error = None if task.cancelled() else task.exception()
        run.decide()
        if task.cancelled():
            self._fail(run, _shutting_down())
        elif isinstance(error, GatewayError):
            self._tools.observer.extract_failed(error.message)
            self._fail(run, error)
        elif error is not None:
            self._tools.observer.fault("an extract failed", error)
            self._fail(run, InternalError.unexpected())
        self._tidy(run)

    def _fail(self, run: ExtractRun, error: GatewayError) -> None:
        """Pass an error to the readers, and pause the run if it can resume."""
        self._last_failures[run.key.scope] = ExtractFailure(self._tools.clock.now(), error)
        draft = run.draft
        if draft is not None:
            draft.end(error)
            if run.has_begun and _may_pass(error):
                run.paused_at = self._tools.clock.monotonic()
                return
        self._failures[run.key.scope, run.id] = error
        self._forget(run)

    def _forget(self, run: ExtractRun) -> None:
        if self._runs.get(run.key) is run:
            del self._runs[run.key]
        self._tidy(run)

    def _tidy(self, run: ExtractRun) -> None:
        """Drop the draft of a run that is over, unless it has readers."""
        if not (run.readers or self.is_active(run) or self._is_closed):
            self._drop_draft_soon(run)

    def _drop_draft_soon(self, run: ExtractRun) -> None:
        cleanup = asyncio.create_task(self._drop_draft(run.id, run.draft))
        self._cleanups.add(cleanup)
        cleanup.add_done_callback(self._cleanups.discard)

    async def _drop_draft(self, snapshot_id: str, draft: DraftTable | None) -> None:
        if draft is not None:
            await draft.close()
        await anyio.to_thread.run_sync(self._tools.store.abandon, snapshot_id)


def _may_pass(error: GatewayError) -> bool:
    return isinstance(error, UpstreamUnavailable) and not isinstance(error, UpstreamKeepsChanging)


def _shutting_down() -> UpstreamUnavailable:
    message = "the gateway is shutting down; try again in a moment"
    return UpstreamUnavailable(message, retry_after_seconds=5)


def _is_cancelled_itself() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
