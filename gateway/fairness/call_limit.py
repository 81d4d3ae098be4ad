"""The limit on calls to the Analytics API for single requests: windows, totals and statistics.

Extracts have a limit of their own (`gateway.snapshots.load.extract_limit`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from gateway.errors import ServiceUnavailable
from gateway.fairness.budget import current_budget
from gateway.fairness.round_robin import RoundRobin

_PATIENCE_SECONDS = 120.0
_RETRY_SECONDS = 10


class CallLimit:
    """The limit of one workspace, shared round robin between callers.

    `concurrency` is the number of calls that an extract makes at once. Twice as many calls run
    together, and up to `concurrency` more for callers that have none running.
    """

    def __init__(self, concurrency: int, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        self._turns = RoundRobin(2 * concurrency, concurrency)
        self._patience_seconds = patience_seconds

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn in the queue of the request's caller, and hold it until the block ends.

        Raises:
            ServiceUnavailable: the turn did not come in time.
        """
        caller = current_budget().caller
        try:
            with anyio.fail_after(self._patience_seconds):
                await self._turns.acquire(caller)
        except TimeoutError:
            raise ServiceUnavailable(
                "too many requests are waiting for the Analytics API, and this one's turn did not"
                " come in time; try again later (the gateway's owner can raise"
                " --upstream-concurrency)",
                retry_after_seconds=_RETRY_SECONDS,
            ) from None
        try:
            yield
        finally:
            self._turns.release(caller)
