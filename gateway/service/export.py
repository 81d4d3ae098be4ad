"""A whole collection as one file: which rows it has, and when they are read.

How a file is made of rows is `gateway.service.export_file`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial

import pyarrow as pa

from gateway.analytics.read.page import schema_of
from gateway.edm.model import EntityType
from gateway.engine.batches import all_rows, row_numbers, rows_at
from gateway.engine.run import Selection
from gateway.engine.sql import Sql
from gateway.planner.plan import QueryPlan, Route
from gateway.query.tree.transformations import POSITION
from gateway.service.export_file import (
    FileFormat,
    begin,
    check_export,
    check_made,
    in_parts,
    made_rows,
    unchanged,
)
from gateway.service.messages import ExportStream, PlannedRequest, ResponseOptions
from gateway.service.page_cache import PageKey
from gateway.service.paging import left_to_check, planned
from gateway.service.rows import RowReader
from gateway.service.single import SingleService
from gateway.service.statistics import SmallResult, StatisticsService
from gateway.snapshots.cache import Snapshot


class ExportService:
    """Makes files of one workspace's collections."""

    def __init__(self, rows: RowReader, summing: StatisticsService, single: SingleService) -> None:
        self._rows = rows
        self._summing = summing
        self._single = single

    @asynccontextmanager
    async def export(
        self, question: PlannedRequest, reply: ResponseOptions
    ) -> AsyncIterator[ExportStream]:
        """The whole collection; its snapshot is held until the `async with` ends.

        Raises:
            GatewayError: before the first part is there; see `gateway.service.export_file`.
        """
        request, plan = question.request, planned(question)
        query = plan.query
        check_export(request, query)
        file = FileFormat(query, reply.format)
        few = await self._few_rows(plan, reply)
        if few is not None:
            table = await self._all_of(few, plan, file.columns)
            await self._single.check_source(query, reply, found=len(table) > 0)
            yield await begin(file, (table,), self._rows.in_thread)
            return
        async with self._rows.snapshot(plan.pushdown, fresher=reply.fresher) as snapshot:
            key = PageKey(snapshot.id, (request.path, request.pairs, query.moment, reply.format))
            about = self._rows.about(snapshot, key)
            if about.etag in reply.known or "*" in reply.known:
                yield unchanged(file, about)
                return
            found, tables = await self._tables(file, plan, snapshot)
            await self._single.check_source(query, reply, found=found)
            yield await begin(file, tables, self._rows.in_thread, about.headers)

    async def _tables(
        self, file: FileFormat, plan: QueryPlan, snapshot: Snapshot
    ) -> tuple[bool, Iterator[pa.Table]]:
        """Return whether the file has rows, and the rows, some at a time.

        They are read by their numbers, unless $apply makes them.
        """
        query, left = plan.query, left_to_check(plan, snapshot)
        if query.apply is not None:
            made = Selection(left, plan.order, query.skip, made_rows(query), query.apply)
            table = check_made(await self._rows.on(snapshot, plan, all_rows, made, file.columns))
            return len(table) > 0, in_parts(table)
        order = plan.order if query.orderby else ()
        selection = Selection(left, order, query.skip, query.top)
        numbers = await self._rows.on(snapshot, plan, row_numbers, selection, file.computed)
        return len(numbers) > 0, (
            self._rows.run_on(snapshot, plan, rows_at, p, file.columns) for p in in_parts(numbers)
        )

    async def _few_rows(self, plan: QueryPlan, reply: ResponseOptions) -> SmallResult | None:
        """All rows that the answer is cut from when no snapshot is needed, else None."""
        if plan.route is Route.NOTHING:
            return SmallResult(_no_rows(plan.query.entity_set.entity_type), plan.query.apply)
        if not self._rows.goes_straight_through(plan, reply):
            return await self._summing.few(plan, reply)
        page = await self._rows.window_page(plan, reply)
        return None if page is None else SmallResult(page.rows, None)

    async def _all_of(self, few: SmallResult, plan: QueryPlan, columns: Sql) -> pa.Table:
        query = plan.query
        top = 0 if plan.route is Route.NOTHING else query.top
        selection = Selection(None, plan.order, query.skip, top, few.apply)
        cut = partial(all_rows, selection=selection, columns=columns)
        return await self._rows.queried(
            self._rows.run_transient, few.rows, cut, query.referenced_sets
        )


def _no_rows(entity_type: EntityType) -> pa.Table:
    number = pa.field(POSITION.name, pa.int64())
    return schema_of(entity_type.properties).append(number).empty_table()
