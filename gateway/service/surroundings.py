"""Facts about the token, the Analytics API and the disk, for `gateway.service.health`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from gateway.observe.directory import DataDirectory
from gateway.observe.health import DiskFacts, TokenFacts


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The token, the Analytics API and the disk, as functions that read their state.

    `call_seconds` returns the typical time of a call to the Analytics API. `budget_bytes` is the
    size that all snapshots may have, `refresh_due` the age at which a snapshot should be replaced.
    """

    token: Callable[[], TokenFacts]
    call_seconds: Callable[[], float | None]
    directory: DataDirectory
    budget_bytes: int
    refresh_due: timedelta

    async def disk(self, stored_bytes: int) -> DiskFacts:
        """Return the facts about the data directory; without one, nothing is wrong with it."""
        state = await self.directory.state()
        return DiskFacts(state.is_writable, state.free_bytes, stored_bytes, self.budget_bytes)
