"""Calls to the Analytics API that single requests wait for: windows, totals and statistics.

Extracts have lanes of their own (`gateway.snapshots.build.extract_limit`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from gateway.errors import ServiceUnavailable
from gateway.fairness.turns import Turns
from gateway.fairness.visit import current_visit

_PATIENCE_SECONDS = 120.0
_RETRY_SECONDS = 10


class Calls:
    """The calls of one workspace, in fair turns between callers.

    Twice as many run as an extract makes at once; half as many more for callers that make none.
    """

    def __init__(self, concurrency: int, patience: float = _PATIENCE_SECONDS) -> None:
        self._turns = Turns(2 * concurrency, concurrency)
        self._patience = patience

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn in the line of the request's caller, and hold it until the block ends.

        Raises:
            ServiceUnavailable: the turn has not come in time.
        """
        caller = current_visit().caller
        try:
            with anyio.fail_after(self._patience):
                await self._turns.acquire(caller)
        except TimeoutError:
            raise ServiceUnavailable(
                "many requests wait for the Analytics API, and this one's turn did not come in"
                " time; try again later (the gateway's owner can raise --upstream-concurrency)",
                retry_after_seconds=_RETRY_SECONDS,
            ) from None
        try:
            yield
        finally:
            self._turns.release(caller)
