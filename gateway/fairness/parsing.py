"""A worker thread that parses long queries, one at a time.

Parsing is pure Python and holds the interpreter lock: several threads would be no faster, and they
would delay the event loop and every small request with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread

from gateway.fairness.budget import current_budget
from gateway.fairness.round_robin import RoundRobin

T = TypeVar("T")


class Parser:
    """The parser thread of one process and its queue; all workspaces share it."""

    def __init__(self, at_once: int = 1) -> None:
        self._turns = RoundRobin(at_once)
        self._threads = anyio.CapacityLimiter(at_once)

    async def run(self, seconds: float, work: Callable[..., T], *arguments: object) -> T:
        """Run work in the thread, when it is the turn of the request's caller.

        `seconds` is the time limit of the whole request.

        Raises:
            ServiceUnavailable: the turn did not come in time.
            QueryTimeout: the request has already used up its time.
        """
        async with current_budget().turn(self._turns, seconds):
            return await anyio.to_thread.run_sync(work, *arguments, limiter=self._threads)
