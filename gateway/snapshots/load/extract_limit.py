"""The limit on extracts of one scope that run at once; others wait for a limited time.

Each extract requests several pages at once and takes up memory or a file. Without the limit, a
report with twenty filters would start twenty of them.
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
    """A limit of `at_once` extracts per scope, shared round robin between callers.

    Up to `max_waiting` extracts of each caller wait, for `patience_seconds` each.
    """

    def __init__(
        self, at_once: int = 4, max_waiting: int = 64, patience_seconds: float = 120.0
    ) -> None:
        self._at_once = at_once
        self.max_waiting = max_waiting
        self.patience_seconds = patience_seconds
        self._by_scope: dict[str, RoundRobin] = {}

    @asynccontextmanager
    async def turn(self, scope: str) -> AsyncIterator[None]:
        """Wait for a turn in the queue of the request's caller, and hold it until the block ends.

        Raises:
            ServiceUnavailable: the caller's queue is full, or the turn did not come in time.
        """
        caller = current_budget().caller
        turns = self._by_scope.setdefault(scope, RoundRobin(self._at_once))
        if turns.waiting(caller) >= self.max_waiting:
            raise self._busy()
        try:
            with anyio.fail_after(self.patience_seconds):
                await turns.acquire(caller)
        except TimeoutError:
            raise self._busy() from None
        try:
            yield
        finally:
            turns.release(caller)
            if turns.is_idle:
                del self._by_scope[scope]

    def _busy(self) -> ServiceUnavailable:
        return ServiceUnavailable(
            f"the gateway is loading {self._at_once} extracts, and more are waiting; try again"
            " later, or request all rows: their one extract serves every filter (the gateway's"
            " owner can raise --extract-concurrency)",
            retry_after_seconds=_RETRY_SECONDS,
        )
