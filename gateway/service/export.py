"""Files of whole collections: which rows they have, and when the rows are read.

`gateway.service.export_file` writes the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import pyarrow as pa

from gateway.engine.batches import all_rows, row_numbers, rows_at
from gateway.engine.run import Selection
from gateway.service.export_file import (
    FileFormat,
    about_rows,
    begin,
    begin_workbook,
    check_apply_rows,
    check_export,
    in_parts,
    made_rows,
    unchanged,
)
from gateway.service.messages import ExportStream, PlannedRequest, ResponseOptions
from gateway.service.page_cache import PageKey
from gateway.service.planning import plan_of
from gateway.service.related import RelatedRows
from gateway.service.rows import RowReader
from gateway.service.source import SnapshotRows, Source, residual_of, selection_of
from gateway.service.workbooks import Workbooks, check_rows
from gateway.writer.format import Media


class ExportService:
    """The writer of files of one workspace's collections."""

    def __init__(self, rows: RowReader, related: RelatedRows, workbooks: Workbooks) -> None:
        self._rows = rows
        self._related = related
        self._workbooks = workbooks

    def check(self, request: PlannedRequest) -> None:
        """Refuse options that a file cannot represent.

        Raises:
            OptionNotAllowed: see `gateway.service.export_file.check_export`.
        """
        check_export(request.request, plan_of(request).query)

    async def file(
        self, request: PlannedRequest, source: Source, options: ResponseOptions
    ) -> ExportStream:
        """Return the file with its first part written; valid while the source is open.

        Raises:
            GatewayError: before the first part is written.
        """
        plan = plan_of(request)
        file = FileFormat(plan.query, options.format)
        if not isinstance(source, SnapshotRows):
            selection = selection_of(source, plan, plan.order, plan.query.skip, plan.query.top)
            table = await self._rows.run(source, plan, all_rows, selection, file.columns)
            await self._related.check(request, options, found=len(table) > 0)
            return await self._begin(file, (table,), len(table), request, date=None)
        facts = (request.request.path, request.request.pairs, plan.query.moment, options.format)
        headers = self._rows.cache_headers(source.snapshot, PageKey(source.snapshot.id, facts))
        if options.has(headers.etag):
            return unchanged(file, headers)
        found, tables = await self._tables(file, request, source)
        await self._related.check(request, options, found=found > 0)
        taken_at = source.snapshot.taken_at
        return await self._begin(file, tables, found, request, taken_at, headers.headers)

    async def _begin(
        self,
        file: FileFormat,
        tables: Iterable[pa.Table],
        rows: int,
        request: PlannedRequest,
        date: datetime | None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> ExportStream:
        if file.format.media is not Media.XLSX:
            return await begin(file, tables, self._rows.in_thread, headers)
        check_rows(rows)
        about = about_rows(request.request, self._rows.now() if date is None else date)
        return await begin_workbook(
            file, tables, self._rows.in_thread, self._workbooks, about, headers
        )

    async def _tables(
        self, file: FileFormat, request: PlannedRequest, source: SnapshotRows
    ) -> tuple[int, Iterator[pa.Table]]:
        """Return the number of the file's rows, and an iterator of them in parts.

        Rows are read by their numbers, except rows of $apply.
        """
        plan = plan_of(request)
        query, rows = plan.query, self._rows
        if query.apply is not None:
            selection = selection_of(source, plan, plan.order, query.skip, made_rows(query))
            table = check_apply_rows(
                await rows.run(source, plan, all_rows, selection, file.columns)
            )
            return len(table), in_parts(table)
        order = plan.order if query.orderby else ()
        selection = Selection(residual_of(source, plan), order, query.skip, query.top)
        numbers = await rows.run(source, plan, row_numbers, selection, file.computed)
        return len(numbers), (
            rows.run_here(source, plan, rows_at, part, file.columns) for part in in_parts(numbers)
        )
