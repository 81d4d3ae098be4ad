"""The threads that run queries on the database: turns, a time limit, and cancellation.

A running query occupies a thread and memory. It is interrupted when its time is over or its client
disconnects. The request then waits for the thread, because the snapshot must stay until it ends.
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
_INTERRUPT_SECONDS = 0.05
"""An interrupt between two statements is lost, so it is repeated this often until the work ends."""
_RESERVED_THREADS = 1


class RunningQuery:
    """The cursors of one query, in whatever threads they are."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._cursors: list[duckdb.DuckDBPyConnection] = []

    @contextmanager
    def track(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Make a cursor interruptible until the block ends; it is not closed inside."""
        with self._lock:
            self._cursors.append(cursor)
        try:
            yield
        finally:
            with self._lock:
                self._cursors.remove(cursor)

    def interrupt(self) -> None:
        """Interrupt all cursors; their statements raise `duckdb.InterruptException`."""
        with self._lock:
            for cursor in self._cursors:
                cursor.interrupt()


class QueryThreads:
    """The query that each worker thread is running."""

    def __init__(self) -> None:
        self._here = local()

    @property
    def query(self) -> RunningQuery | None:
        """The query of this thread; None for background work such as an extract."""
        return getattr(self._here, "query", None)

    def run_for(self, query: RunningQuery, work: Callable[[], T]) -> T:
        """Run work in this thread on behalf of a query."""
        self._here.query = query
        try:
            return work()
        finally:
            self._here.query = None


class QueryPool:
    """A pool that runs a few queries at once, because DuckDB uses all cores for each.

    Callers take turns, and one more query may run for a caller that has none running. `seconds` is
    the time limit of a request: all its queries and waits together.
    """

    def __init__(self, threads: QueryThreads, seconds: float, at_once: int = 2) -> None:
        self._threads = threads
        self._seconds = seconds
        self._turns = RoundRobin(at_once, _RESERVED_THREADS)
        self._workers = anyio.CapacityLimiter(at_once + _RESERVED_THREADS)

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Run blocking work in a worker thread.

        Raises:
            ServiceUnavailable: its turn did not come in time, or so late that too little was left.
            QueryTimeout: it took too long.
        """
        budget = current_budget()
        try:
            async with budget.turn(self._turns, self._seconds) as left:
                return await self._run(partial(work, *arguments), left)
        except QueryTimeout as error:
            raise budget.out_of_time(self._seconds) from error

    async def _run(self, work: Callable[[], T], seconds: float) -> T:
        query = RunningQuery()
        job = partial(self._threads.run_for, query, work)
        task = asyncio.ensure_future(anyio.to_thread.run_sync(job, limiter=self._workers))
        timer = asyncio.get_running_loop().call_later(seconds, _interrupt, query, task)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_retrieve_exception)
            _interrupt(query, task)
            with anyio.CancelScope(shield=True):
                await asyncio.wait([task])
            raise
        finally:
            timer.cancel()


def _interrupt(query: RunningQuery, task: asyncio.Future[T]) -> None:
    """Interrupt the work, repeatedly, until it has ended."""
    if not task.done():
        query.interrupt()
        asyncio.get_running_loop().call_later(_INTERRUPT_SECONDS, _interrupt, query, task)


def _retrieve_exception(task: asyncio.Future[T]) -> None:
    """Retrieve the exception so that asyncio does not log it."""
    if not task.cancelled():
        task.exception()
