"""Turns at something that only a few may do at once, shared round robin between callers.

First come, first served would let one caller with sixty requests make everybody else wait for all
of them. Here each caller has a line, and the lines take turns. Lives on the event loop.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio


class Turns:
    """At most `at_once` turns run together, and up to `reserve` more for callers without one.

    The reserve keeps a caller with a few long turns from making a small one of another caller wait
    until the first of them has ended.
    """

    def __init__(self, at_once: int, reserve: int = 0) -> None:
        self._at_once = at_once
        self._reserve = reserve
        self._running: Counter[str] = Counter()
        self._lines: dict[str, deque[_Ticket]] = {}
        """Callers that wait, the one whose turn comes next first."""

    @property
    def is_idle(self) -> bool:
        """True if no turn runs and no caller waits."""
        return not (self._running or self._lines)

    def waiting(self, caller: str) -> int:
        """Return how many turns of a caller wait."""
        return len(self._lines.get(caller, ()))

    @asynccontextmanager
    async def turn(self, caller: str) -> AsyncIterator[None]:
        """Wait for a turn in the caller's line, and hold it until the block ends."""
        await self.acquire(caller)
        try:
            yield
        finally:
            self.release(caller)

    async def acquire(self, caller: str) -> None:
        """Wait for a turn in the caller's line; whoever stops waiting leaves the line."""
        if self._has_room(caller) and not self.waiting(caller):
            self._running[caller] += 1
            return
        ticket = _Ticket()
        self._lines.setdefault(caller, deque()).append(ticket)
        try:
            await ticket.called.wait()
        except BaseException:
            self._leave(caller, ticket)
            raise

    def release(self, caller: str) -> None:
        """End a turn; the next caller in line whose turn may run gets it."""
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
        return next((caller for caller in self._lines if self._has_room(caller)), None)

    def _call(self, caller: str) -> None:
        """Give the caller's oldest ticket its turn, and move the caller behind all others."""
        line = self._lines.pop(caller)
        line.popleft().called.set()
        self._running[caller] += 1
        if line:
            self._lines[caller] = line

    def _leave(self, caller: str, ticket: _Ticket) -> None:
        """Give back a turn that was granted meanwhile, or give up the place in the line."""
        if ticket.called.is_set():
            self.release(caller)
            return
        line = self._lines[caller]
        line.remove(ticket)
        if not line:
            del self._lines[caller]


class _Ticket:
    """A place in a line."""

    __slots__ = ("called",)

    def __init__(self) -> None:
        self.called = anyio.Event()
