"""The status of a workspace as one view shows it: snapshots, running extracts, and their counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from gateway.observe.oddities import OddRows
from gateway.planner.explain import explain_pushdown
from gateway.roles.view import View
from gateway.snapshots.cache import SnapshotFreshness
from gateway.snapshots.facts import StoredTable
from gateway.snapshots.load.extract_run import Progress


@dataclass(frozen=True, slots=True)
class SnapshotCounts:
    """Facts about all rows of a snapshot; `holds` describes its filter upstream."""

    holds: str
    rows: int
    bytes: int
    odd: tuple[OddRows, ...]


@dataclass(frozen=True, slots=True)
class SnapshotStatus:
    """A snapshot; `complete_at` is when its last extract of all rows began.

    `counts` is None for callers who may not see all rows.
    """

    id: str
    taken_at: datetime
    complete_at: datetime
    freshness: SnapshotFreshness
    has_all_results: bool
    counts: SnapshotCounts | None


@dataclass(frozen=True, slots=True)
class ExtractCounts:
    """Facts about all rows of a running extract; `total` is None while it is unknown."""

    holds: str
    rows: int
    total: int | None
    rows_a_second: float


@dataclass(frozen=True, slots=True)
class ExtractStatus:
    """A running extract; `counts` is None for callers who may not see all rows."""

    id: str
    began: datetime
    is_paused: bool
    has_all_results: bool
    counts: ExtractCounts | None


@dataclass(frozen=True, slots=True)
class WorkspaceStatus:
    """The snapshots, youngest first, and the running extracts."""

    snapshots: tuple[SnapshotStatus, ...]
    extracts: tuple[ExtractStatus, ...]
    shows_counts: bool

    @property
    def newest(self) -> SnapshotStatus | None:
        """The newest snapshot of all results, None without one."""
        return next((each for each in self.snapshots if each.has_all_results), None)

    @property
    def running(self) -> ExtractStatus | None:
        """The running extract of all results, None without one."""
        running = (each for each in self.extracts if not each.is_paused)
        return next((each for each in running if each.has_all_results), None)


def status_of(
    view: View,
    tables: Iterable[StoredTable],
    extracts: Iterable[Progress],
    freshness: Callable[[StoredTable], SnapshotFreshness],
) -> WorkspaceStatus:
    """Return what the status shows to the callers of a view.

    A role gets the snapshots and extracts of all results, which serve it too; the others would show
    what other callers filter by.
    """
    shown = sorted(tables, key=lambda table: table.taken_at, reverse=True)
    return WorkspaceStatus(
        tuple(_snapshot(view, t, freshness(t)) for t in shown if view.shows(t.key.pushdown)),
        tuple(_extract(view, p) for p in extracts if view.shows(p.key.pushdown)),
        view.sees_everything,
    )


def _snapshot(view: View, table: StoredTable, freshness: SnapshotFreshness) -> SnapshotStatus:
    pushdown, extracted = table.key.pushdown, table.extracted
    counts = SnapshotCounts(explain_pushdown(pushdown), table.rows, table.bytes, extracted.odd)
    return SnapshotStatus(
        table.id,
        table.taken_at,
        extracted.complete_at,
        freshness,
        not pushdown.terms,
        view.reveal(counts),
    )


def _extract(view: View, progress: Progress) -> ExtractStatus:
    pushdown = progress.key.pushdown
    counts = ExtractCounts(
        explain_pushdown(pushdown), progress.rows, progress.total, progress.rows_a_second
    )
    return ExtractStatus(
        progress.id, progress.began, progress.is_paused, not pushdown.terms, view.reveal(counts)
    )
