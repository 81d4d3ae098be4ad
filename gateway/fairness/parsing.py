"""Long queries are parsed in a worker thread, one at a time.

Parsing is Python and holds the interpreter, so that several threads at once are no faster; they
only keep the event loop from its turn, and with it every small request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread

from gateway.fairness.turns import Turns
from gateway.fairness.visit import current_visit

T = TypeVar("T")


class Parser:
    """The thread of one process, and the line in front of it; all workspaces share it."""

    def __init__(self, at_once: int = 1) -> None:
        self._turns = Turns(at_once)
        self._threads = anyio.CapacityLimiter(at_once)

    async def run(self, seconds: float, work: Callable[..., T], *arguments: object) -> T:
        """Run work in the thread, in the turn of the request's caller.

        `seconds` is the time limit of the whole request.

        Raises:
            ServiceUnavailable: the turn did not come in time.
            QueryTimeout: the request had used up its time before.
        """
        async with current_visit().turn(self._turns, seconds):
            return await anyio.to_thread.run_sync(work, *arguments, limiter=self._threads)
