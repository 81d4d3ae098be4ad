"""The sources of a response's rows: one union, of which `gateway.service.choose` picks one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias, assert_never

import pyarrow as pa

from gateway.analytics.read.strange_values import Keys
from gateway.engine.run import Selection
from gateway.planner.plan import QueryPlan
from gateway.query.tree.expressions import BoundExpr, BoundOrder
from gateway.query.tree.transformations import BoundApply
from gateway.snapshots.cache import Snapshot


@dataclass(frozen=True, slots=True)
class NoRows:
    """No row can match, or none is wanted: no call, and no snapshot."""


@dataclass(frozen=True, slots=True)
class Total:
    """The number of matching rows, from the Analytics API; no row is wanted.

    `odd` has the keys of odd rows in the response.
    """

    number: int
    odd: Keys = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UpstreamRows:
    """All rows that a response is cut from, in one response of the Analytics API.

    `apply` is what is left of $apply. `count` is the number of rows without $skip and $top, if it
    is known. `date` is the clock of the Analytics API, None if it did not say. `odd` has the keys
    of odd rows.
    """

    rows: pa.Table
    apply: BoundApply | None = None
    count: int | None = None
    date: datetime | None = None
    odd: Keys = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SnapshotRows:
    """A snapshot, open until the source is left.

    `is_early` is True for a response that began while the extract ran: its rows are in the order in
    which they arrived, on all pages.
    """

    snapshot: Snapshot
    is_early: bool = False


Source: TypeAlias = NoRows | Total | UpstreamRows | SnapshotRows


def residual_of(source: Source, plan: QueryPlan) -> BoundExpr | None:
    """Return what is left to check of the filter: all of it on a snapshot that has more rows."""
    if not isinstance(source, SnapshotRows):
        return None
    is_same = source.snapshot.pushdown == plan.pushdown
    return plan.residual if is_same else plan.query.filter


def selection_of(
    source: Source,
    plan: QueryPlan,
    order: tuple[BoundOrder, ...],
    offset: int,
    limit: int | None,
) -> Selection:
    """Return which rows of a source a response has."""
    match source:
        case NoRows() | Total():
            return Selection(None, order, limit=0, apply=plan.query.apply)
        case UpstreamRows():
            return Selection(None, order, offset, limit, source.apply)
        case SnapshotRows():
            return Selection(residual_of(source, plan), order, offset, limit, plan.query.apply)
        case _:
            assert_never(source)
