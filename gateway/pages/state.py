"""The state of a workspace as pages show it: the newest snapshot and the running extract."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.service.service import QueryService
from gateway.snapshots.load.single_flight import ExtractFailure


@dataclass(frozen=True, slots=True)
class WorkspaceState:
    """The state of a workspace, as far as the caller may know it.

    `rows`, `read` and `of` count all rows; they are None for a role, which must not learn them.
    `reading` is the id of the running extract of all rows.
    """

    taken_at: datetime | None
    age: timedelta | None
    rows: int | None
    reading: str | None
    read: int | None
    of: int | None
    trouble: ExtractFailure | None

    @property
    def percent(self) -> int | None:
        """Return the progress of the running extract (0-100), or None if it is not known."""
        if self.read is None or not self.of:
            return None
        return min(100, 100 * self.read // self.of)


def state_of(service: QueryService) -> WorkspaceState:
    """Return the current state."""
    status = service.status()
    newest, running = status.newest, status.running
    rows, progress = newest and newest.counts, running and running.counts
    return WorkspaceState(
        taken_at=newest.taken_at if newest else None,
        age=service.now() - newest.taken_at if newest else None,
        rows=rows.rows if rows else None,
        reading=running.id if running else None,
        read=progress.rows if progress else None,
        of=progress.total if progress else None,
        trouble=service.trouble(),
    )
