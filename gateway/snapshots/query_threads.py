"""A client's query on the database: its turn, its time, and its end when its client has left.

A query that runs holds a thread and memory. It is interrupted when its time is over, and when its
client has left; then its thread is waited for, because its snapshot must stay until then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Lock, local
from typing import TypeVar

import anyio
import anyio.to_thread
import duckdb

from gateway.errors import QueryTimeout
from gateway.fairness.budget import current_budget
from gateway.fairness.round_robin import RoundRobin

T = TypeVar("T")
_AGAIN_SECONDS = 0.05
"""An interruption between two statements is lost, so it is repeated until the work has ended."""
_RESERVE = 1


class RunningQuery:
    """The cursors of one question, in whatever thread they are."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._cursors: list[duckdb.DuckDBPyConnection] = []

    @contextmanager
    def using(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """The cursor can be interrupted until this ends, and is never closed meanwhile."""
        with self._lock:
            self._cursors.append(cursor)
        try:
            yield
        finally:
            with self._lock:
                self._cursors.remove(cursor)

    def interrupt(self) -> None:
        """What runs fails with `duckdb.InterruptException`."""
        with self._lock:
            for cursor in self._cursors:
                cursor.interrupt()


class Threads:
    """Which question the work of this thread belongs to."""

    def __init__(self) -> None:
        self._here = local()

    @property
    def asked(self) -> RunningQuery | None:
        """The question; None for what nobody waits for, such as an extract."""
        return getattr(self._here, "asked", None)

    def work_for(self, asked: RunningQuery, work: Callable[[], T]) -> T:
        """Do the work in this thread."""
        self._here.asked = asked
        try:
            return work()
        finally:
            self._here.asked = None


class QueryPool:
    """Runs a few queries at once, because DuckDB uses all cores for each; others wait.

    Callers take turns, and one more query may run for a caller that has none running. `seconds` is
    the time limit of a request, all its queries and waits together.
    """

    def __init__(self, threads: Threads, seconds: float, at_once: int = 2) -> None:
        self._threads = threads
        self._seconds = seconds
        self._turns = RoundRobin(at_once, _RESERVE)
        self._workers = anyio.CapacityLimiter(at_once + _RESERVE)

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Run blocking work in a worker thread.

        Raises:
            ServiceUnavailable: its turn did not come in time, or so late that too little was left.
            QueryTimeout: it took too long.
        """
        visit = current_budget()
        try:
            async with visit.turn(self._turns, self._seconds) as left:
                return await self._run(partial(work, *arguments), left)
        except QueryTimeout as error:
            raise visit.out_of_time(self._seconds) from error

    async def _run(self, work: Callable[[], T], seconds: float) -> T:
        asked = RunningQuery()
        job = partial(self._threads.work_for, asked, work)
        task = asyncio.ensure_future(anyio.to_thread.run_sync(job, limiter=self._workers))
        ending = asyncio.get_running_loop().call_later(seconds, _end, asked, task)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_note_end)
            _end(asked, task)
            with anyio.CancelScope(shield=True):
                await asyncio.wait([task])
            raise
        finally:
            ending.cancel()


def _end(asked: RunningQuery, task: asyncio.Future[T]) -> None:
    """Interrupt the work until it has ended, however it ends."""
    if not task.done():
        asked.interrupt()
        asyncio.get_running_loop().call_later(_AGAIN_SECONDS, _end, asked, task)


def _note_end(task: asyncio.Future[T]) -> None:
    """Nobody asks any more how it ended, and asyncio is not to complain of that."""
    if not task.cancelled():
        task.exception()
