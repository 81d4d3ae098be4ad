"""How many extracts run at once for one scope: the others wait in line, and not for ever.

Each extract asks for several pages at once and holds memory or a file; a report with twenty filters
would else start twenty.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from gateway.errors import ServiceUnavailable
from gateway.fairness.budget import current_budget
from gateway.fairness.round_robin import RoundRobin

_RETRY_SECONDS = 30


class ExtractLimit:
    """`at_once` extracts a scope, in fair turns between callers.

    `longest` of each caller wait, `patience` seconds each.
    """

    def __init__(self, at_once: int = 4, longest: int = 64, patience: float = 120.0) -> None:
        self._at_once = at_once
        self.longest = longest
        self.patience = patience
        self._lanes: dict[str, RoundRobin] = {}

    @asynccontextmanager
    async def turn(self, scope: str) -> AsyncIterator[None]:
        """Wait for a turn in the line of the request's caller, and hold it until the block ends.

        Raises:
            ServiceUnavailable: the caller's line is too long, or the turn has not come in time.
        """
        caller = current_budget().caller
        lane = self._lanes.setdefault(scope, RoundRobin(self._at_once))
        if lane.waiting(caller) >= self.longest:
            raise self._busy()
        try:
            with anyio.fail_after(self.patience):
                await lane.acquire(caller)
        except TimeoutError:
            raise self._busy() from None
        try:
            yield
        finally:
            lane.release(caller)
            if lane.is_idle:
                del self._lanes[scope]

    def _busy(self) -> ServiceUnavailable:
        return ServiceUnavailable(
            f"the gateway is reading {self._at_once} extracts at once, and others wait before this"
            " one; try again later, or ask for all rows, whose one extract answers every filter"
            " (its owner can raise --extract-concurrency)",
            retry_after_seconds=_RETRY_SECONDS,
        )
