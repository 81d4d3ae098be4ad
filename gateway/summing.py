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

from gateway.analytics.figures import Figures, rows_told
from gateway.contract.model import Contract
from gateway.engine.run import Relation, Selection, count_rows, fetch_rows
from gateway.exchange import Reply
from gateway.planner.plan import QueryPlan
from gateway.query.projection import Projection
from gateway.query.transformations import BoundApply
from gateway.reading import Machinery, Reading

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Few:
    """Rows that an answer is cut from without a snapshot, and what is left of $apply.

    `date` is the upstream's clock, None when it did not say.
    """

    rows: pa.Table
    apply: BoundApply | None
    date: datetime | None = None


@dataclass(frozen=True, slots=True)
class Summed:
    """A whole collection: its rows as JSON, and how many there are without $skip and $top.

    Behind $top there may be one row more, which is not sent: it tells that there are rows.
    """

    rows: list[bytes]
    count: int | None
    date: datetime | None


class Summing:
    """Answers from the statistics of one workspace; None where they do not."""

    def __init__(self, rows: Reading, machinery: Machinery, contract: Contract) -> None:
        self._contract = contract
        self._rows = rows
        self._with = machinery

    async def few(self, plan: QueryPlan, reply: Reply) -> Few | None:
        """What the statistics tell of the plan's $apply."""
        if plan.told is None or self._rows.answers_here(plan, reply):
            return None
        figures = await self._rows.asked(self._figures(plan), plan, reply)
        if figures is None or not self._with.totals.are_ours(plan.pushdown):
            return None
        if not all(figures.tells(s, self._contract) for s in plan.told.statistics):
            return None
        return Few(rows_told(figures, plan.told), plan.told.rest, figures.date)

    async def _figures(self, plan: QueryPlan) -> Figures:
        await self._with.totals.look_beyond(plan.pushdown)
        return await self._with.client.fetch_statistics(plan.pushdown)

    async def count(self, plan: QueryPlan, reply: Reply) -> int | None:
        """How many rows $apply makes."""
        few = await self.few(plan, reply)
        return None if few is None else await self._count(few)

    async def collection(
        self, plan: QueryPlan, projection: Projection, reply: Reply
    ) -> Summed | None:
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
        return Summed(rows, await self._count(few) if query.count else None, few.date)

    async def _count(self, few: Few) -> int:
        return await self._on(few, count_rows, None, few.apply)

    async def _on(self, few: Few, run: Callable[..., T], *arguments: object) -> T:
        def on(relation: Relation) -> T:
            return run(relation, *arguments)

        return await self._rows.queried(self._rows.run_transient, few.rows, on)
