"""Turns at work that only a few may do at once, shared round robin between callers.

In a single queue, one caller with sixty requests would make all other callers wait for all of
them. Here each caller has a queue, and the queues take turns. Runs on the event loop.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio


class RoundRobin:
    """A limit of `at_once` turns together, and up to `reserve` more for callers without one.

    The reserve lets a short turn of one caller run while the long turns of another use the limit.
    """

    def __init__(self, at_once: int, reserve: int = 0) -> None:
        self._at_once = at_once
        self._reserve = reserve
        self._running: Counter[str] = Counter()
        self._queues: dict[str, deque[_QueuePlace]] = {}
        """Queues by caller, in the order of their next turns."""

    @property
    def is_idle(self) -> bool:
        """True if no turn is running and no caller is waiting."""
        return not (self._running or self._queues)

    def waiting(self, caller: str) -> int:
        """Return the number of turns that a caller is waiting for."""
        return len(self._queues.get(caller, ()))

    @asynccontextmanager
    async def turn(self, caller: str) -> AsyncIterator[None]:
        """Wait for a turn in the caller's queue, and hold it until the block ends."""
        await self.acquire(caller)
        try:
            yield
        finally:
            self.release(caller)

    async def acquire(self, caller: str) -> None:
        """Wait for a turn in the caller's queue; a cancelled wait leaves the queue."""
        if self._has_room(caller) and not self.waiting(caller):
            self._running[caller] += 1
            return
        ticket = _QueuePlace()
        self._queues.setdefault(caller, deque()).append(ticket)
        try:
            await ticket.called.wait()
        except BaseException:
            self._leave(caller, ticket)
            raise

    def release(self, caller: str) -> None:
        """End a turn, and give it to the next caller that may run one."""
        self._running[caller] -= 1
        if not self._running[caller]:
            del self._running[caller]
        while (following := self._next()) is not None:
            self._call(following)

    def _has_room(self, caller: str) -> bool:
        running = self._running.total()
        first = not self._running[caller]
        return running < self._at_once + (self._reserve if first else 0)

    def _next(self) -> str | None:
        return next((caller for caller in self._queues if self._has_room(caller)), None)

    def _call(self, caller: str) -> None:
        """Give the caller's oldest ticket its turn, and move its queue behind all others."""
        queue = self._queues.pop(caller)
        queue.popleft().called.set()
        self._running[caller] += 1
        if queue:
            self._queues[caller] = queue

    def _leave(self, caller: str, ticket: _QueuePlace) -> None:
        """Remove a ticket from its queue, or release the turn that it got meanwhile."""
        if ticket.called.is_set():
            self.release(caller)
            return
        queue = self._queues[caller]
        queue.remove(ticket)
        if not queue:
            del self._queues[caller]


class _QueuePlace:
    """A place in a queue."""

    __slots__ = ("called",)

    def __init__(self) -> None:
        self.called = anyio.Event()
