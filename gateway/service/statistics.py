"""Answers that the upstream's statistics tell: one call in the place of an extract.

A snapshot at hand answers instead, as one does where the Analytics API cannot be reached; and where
there are more rows than a page takes, because a nextLink leads into a snapshot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import pyarrow as pa

from gateway.analytics.read.statistics import rows_told
from gateway.contract.model import Contract
from gateway.engine.run import Relation, Selection, count_rows, fetch_rows
from gateway.planner.plan import QueryPlan
from gateway.query.tree.projection import Projection
from gateway.query.tree.transformations import BoundApply
from gateway.service.messages import ResponseOptions
from gateway.service.rows import Dependencies, RowReader

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SmallResult:
    """Rows that an answer is cut from without a snapshot, and what is left of $apply.

    `date` is the upstream's clock, None when it did not say.
    """

    rows: pa.Table
    apply: BoundApply | None
    date: datetime | None = None


@dataclass(frozen=True, slots=True)
class StatisticsRows:
    """A whole collection: its rows as JSON, and how many there are without $skip and $top.

    Behind $top there may be one row more, which is not sent: it tells that there are rows.
    """

    rows: list[bytes]
    count: int | None
    date: datetime | None


class StatisticsService:
    """Answers from the statistics of one workspace; None where they do not."""

    def __init__(self, rows: RowReader, machinery: Dependencies, contract: Contract) -> None:
        self._contract = contract
        self._rows = rows
        self._with = machinery

    async def few(self, plan: QueryPlan, reply: ResponseOptions) -> SmallResult | None:
        """What the statistics tell of the plan's $apply."""
        if plan.statistics_plan is None or self._rows.at_hand(plan, reply):
            return None
        call = self._with.client.fetch_statistics(plan.pushdown)
        figures = await self._rows.asked(call, plan, reply)
        told_all = figures is not None and all(
            figures.tells(statistic, self._contract)
            for statistic in plan.statistics_plan.statistics
        )
        if figures is None or not told_all:
            return None
        return SmallResult(
            rows_told(figures, plan.statistics_plan), plan.statistics_plan.rest, figures.date
        )

    async def count(self, plan: QueryPlan, reply: ResponseOptions) -> int | None:
        """How many rows $apply makes."""
        few = await self.few(plan, reply)
        return None if few is None else await self._count(few)

    async def collection(
        self, plan: QueryPlan, projection: Projection, reply: ResponseOptions
    ) -> StatisticsRows | None:
        """The rows of the one page, and their number if it is asked for."""
        few = await self.few(plan, reply)
        if few is None:
            return None
        query, size = plan.query, self._rows.page_size(reply.preferences)
        wanted = size if query.top is None else min(size, query.top)
        selection = Selection(None, plan.order, query.skip, wanted + 1, few.apply)
        rows: list[bytes] = await self._on(few, fetch_rows, selection, projection)
        if len(rows) > wanted and wanted != query.top:
            return None
        return StatisticsRows(rows, await self._count(few) if query.count else None, few.date)

    async def _count(self, few: SmallResult) -> int:
        return await self._on(few, count_rows, None, few.apply)

    async def _on(self, few: SmallResult, run: Callable[..., T], *arguments: object) -> T:
        def on(relation: Relation) -> T:
            return run(relation, *arguments)

        return await self._rows.queried(self._rows.run_transient, few.rows, on)
