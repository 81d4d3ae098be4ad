"""The state of a workspace as pages show it: the newest snapshot and the running extract."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.service.service import QueryService
from gateway.snapshots.facts import StoredTable
from gateway.snapshots.load.extract_run import Progress
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
    _, extracts = service.status()
    table, running = newest(service), _running_extract(extracts)
    shows_numbers = not service.is_limited
    return WorkspaceState(
        taken_at=table.taken_at if table else None,
        age=service.now() - table.taken_at if table else None,
        rows=table.rows if table and shows_numbers else None,
        reading=running.id if running else None,
        read=running.rows if running and shows_numbers else None,
        of=running.total if running and shows_numbers else None,
        trouble=service.trouble(),
    )


def newest(service: QueryService) -> StoredTable | None:
    """Return the newest snapshot of all rows, or None."""
    tables, _ = service.status()
    return next((table for table in tables if not table.key.pushdown.terms), None)


def _running_extract(extracts: tuple[Progress, ...]) -> Progress | None:
    """Return the running extract of all rows, or None."""
    running = (each for each in extracts if not each.is_paused)
    return next((each for each in running if not each.key.pushdown.terms), None)
