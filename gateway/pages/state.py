"""The state of a workspace as pages tell it: which rows are at hand, what is being read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.service.service import QueryService
from gateway.snapshots.facts import StoredTable
from gateway.snapshots.load.extract_run import Progress
from gateway.snapshots.load.single_flight import ExtractFailure


@dataclass(frozen=True, slots=True)
class WorkspaceState:
    """What a caller may know of it.

    `rows`, `read` and `of` are numbers of all rows, None for a role, which must not learn them.
    `reading` is the id of the extract of all rows that is under way.
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
        """How much of the running extract is there, None while that is not known."""
        if self.read is None or not self.of:
            return None
        return min(100, 100 * self.read // self.of)


def state_of(service: QueryService) -> WorkspaceState:
    """The state now."""
    _, extracts = service.status()
    table, running = newest(service), _of_all(extracts)
    tells = not service.is_limited
    return WorkspaceState(
        taken_at=table.taken_at if table else None,
        age=service.now() - table.taken_at if table else None,
        rows=table.rows if table and tells else None,
        reading=running.id if running else None,
        read=running.rows if running and tells else None,
        of=running.total if running and tells else None,
        trouble=service.trouble(),
    )


def newest(service: QueryService) -> StoredTable | None:
    """The youngest snapshot of all rows; None when there is none."""
    tables, _ = service.status()
    return next((table for table in tables if not table.key.pushdown.terms), None)


def _of_all(extracts: tuple[Progress, ...]) -> Progress | None:
    """The extract of all rows that is under way."""
    running = (each for each in extracts if not each.is_paused)
    return next((each for each in running if not each.key.pushdown.terms), None)
