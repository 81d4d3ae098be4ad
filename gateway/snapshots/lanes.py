"""How many extracts run at once for one scope: the others wait in line, and not for ever.

Each extract asks for several pages at once and holds memory or a file; a report with twenty filters
would else start twenty.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from gateway.errors import ServiceUnavailable

_RETRY_SECONDS = 30


class Lanes:
    """`at_once` extracts a scope; `longest` wait, `patience` seconds each."""

    def __init__(self, at_once: int = 4, longest: int = 64, patience: float = 120.0) -> None:
        self._at_once = at_once
        self.longest = longest
        self.patience = patience
        self._lanes: dict[str, anyio.CapacityLimiter] = {}

    @asynccontextmanager
    async def turn(self, scope: str) -> AsyncIterator[None]:
        """Wait for one's turn, and have it until this ends.

        Raises:
            ServiceUnavailable: the line is too long, or one's turn has not come in time.
        """
        lane = self._lanes.setdefault(scope, anyio.CapacityLimiter(self._at_once))
        if lane.statistics().tasks_waiting >= self.longest:
            raise self._busy()
        extract = object()
        with anyio.move_on_after(self.patience) as waiting:
            await lane.acquire_on_behalf_of(extract)
        if waiting.cancelled_caught:
            raise self._busy()
        try:
            yield
        finally:
            lane.release_on_behalf_of(extract)
            if not (lane.borrowed_tokens or lane.statistics().tasks_waiting):
                del self._lanes[scope]

    def _busy(self) -> ServiceUnavailable:
        return ServiceUnavailable(
            f"the gateway is reading {self._at_once} extracts at once, and others wait before this"
            " one; try again later, or ask for all rows, whose one extract answers every filter"
            " (its owner can raise --extract-concurrency)",
            retry_after_seconds=_RETRY_SECONDS,
        )
