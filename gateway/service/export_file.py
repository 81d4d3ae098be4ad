"""A whole collection as one file: CSV, an Arrow stream or Parquet, written while it is sent.

There are no pages, because these formats cannot link to a next page. A response of 200 starts only
after the rows are chosen and the first part is written, so that errors until then have their own
status. The rest is read from the same snapshot, each part after the previous one is sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

import pyarrow as pa

from gateway.edm.labels import column_label
from gateway.edm.model import Property
from gateway.engine.columns import Columns, named, text_columns, typed_columns
from gateway.engine.sql import Sql
from gateway.errors import LimitExceeded, OptionNotAllowed
from gateway.fairness.budget import current_budget
from gateway.observe.record import note_rows
from gateway.query.request import ODataRequest
from gateway.query.tree.queries import BoundQuery
from gateway.service.messages import CacheHeaders, ExportStream
from gateway.service.workbooks import Workbooks, sent
from gateway.writer.format import EXPORTS, Format, Media
from gateway.writer.tables import write_arrow, write_csv, write_parquet
from gateway.writer.workbook import WorkbookFacts

ROWS_PER_PART = 20_000
MAX_APPLY_ROWS = 200_000
_SHOWN = frozenset({"filter", "select", "orderby", "top", "skip", "apply", "compute", "search"})
Part = TypeVar("Part", pa.Table, pa.ChunkedArray)
InThread = Callable[..., Awaitable[bytes | None]]
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FileFormat:
    """The format of a file with the rows of a query."""

    query: BoundQuery
    format: Format

    @property
    def columns(self) -> Sql:
        """Return the SQL expressions of the columns, by name."""
        return named(self._columns)

    @property
    def computed(self) -> tuple[Sql, ...]:
        """Return the expressions that may fail for some rows."""
        return tuple(sql for prop, sql in self._columns.items() if prop.dynamic)

    @property
    def _columns(self) -> Columns:
        properties, computed = self.query.select, self.query.computed
        if self.format.media is Media.CSV:
            return text_columns(properties, computed, defused=self.format.spreadsheet)
        return typed_columns(properties, computed)

    def write(self, tables: Iterable[pa.Table]) -> Iterator[bytes]:
        """Yield the file, a part for each table; the first part includes the header."""
        match self.format.media:
            case Media.CSV:
                return write_csv(tables, marked=self.format.spreadsheet)
            case Media.ARROW | Media.XLSX:
                return write_arrow(tables, self._properties)
            case _:
                return write_parquet(tables, self._properties)

    @property
    def _properties(self) -> tuple[Property, ...]:
        """Return the columns; after $apply all are nullable, since rows may lack some of them."""
        if self.query.apply is None:
            return self.query.select
        return tuple(replace(prop, nullable=True) for prop in self.query.select)

    def facts(self, about: tuple[tuple[str, str], ...]) -> WorkbookFacts:
        """Return what a workbook says beside the rows."""
        names = tuple(prop.name for prop in self.query.select)
        labels = tuple(column_label(prop) for prop in self.query.select)
        twice = {label for label, number in Counter(labels).items() if number > 1}
        shown = (f"{label} ({name})" if label in twice else label
                 for name, label in zip(names, labels, strict=True))  # fmt: skip
        headers = tuple(shown) if self.format.labels else names
        return WorkbookFacts(self.query.entity_set.name, headers, about)

    @property
    def headers(self) -> Headers:
        """Return the file's name; names of sets are identifiers and need no escaping."""
        name = f"{self.query.entity_set.name}.{EXPORTS[self.format.media]}"
        return (("Content-Disposition", f'attachment; filename="{name}"'),)


def check_export(request: ODataRequest, query: BoundQuery) -> None:
    """Refuse options that a file cannot represent.

    Raises:
        OptionNotAllowed: a total count, nested rows, or a link to a page.
    """
    if query.count:
        raise OptionNotAllowed(
            f"this format cannot include $count; request {query.entity_set.name}/$count, or count"
            " the rows of the file: it has all of them",
            target="$count",
        )
    if query.views:
        raise OptionNotAllowed(
            "this format cannot include a part of a list; $select the whole list",
            target="$select",
        )
    if query.expand or query.selected_navigation:
        raise OptionNotAllowed(
            "this format cannot include related rows; instead of $expand or $select of them, add"
            " columns, e.g. $compute=user/name as person, or request their own table",
            target="$expand",
        )
    if request.options.skiptoken is not None:
        raise OptionNotAllowed(
            "$skiptoken is only for JSON; this format has no pages, leave $skiptoken out",
            target="$skiptoken",
        )


def about_rows(request: ODataRequest, at: datetime) -> tuple[tuple[str, str], ...]:
    """Return what a workbook says of its rows: the query, without a key, and the time of the data.

    Other options than OData's are left out, because one may hold the caller's key.
    """
    path = "/".join(segment.name for segment in request.path.segments)
    known = ((f"${name.lstrip('$')}", value) for name, value in request.pairs
             if name.lstrip("$").lower() in _SHOWN)  # fmt: skip
    lines = [("Table", path), *known]
    return (*lines, ("Data as of", f"{at:%Y-%m-%d %H:%M:%S} UTC"))


def made_rows(query: BoundQuery) -> int:
    """Return the number of rows of $apply to fetch: at most one more than a file may have."""
    return min(MAX_APPLY_ROWS + 1, MAX_APPLY_ROWS + 1 if query.top is None else query.top)


def check_apply_rows(rows: pa.Table) -> pa.Table:
    """Return the rows of $apply, which are all in memory, unlike those of an entity set.

    Raises:
        LimitExceeded: there are more than `MAX_APPLY_ROWS`.
    """
    if len(rows) > MAX_APPLY_ROWS:
        raise LimitExceeded(
            f"$apply makes more than {MAX_APPLY_ROWS} rows, the limit of a file; group by fewer"
            " columns, add $top, or request JSON, whose pages have no such limit",
            target="$apply",
        )
    return rows


def in_parts(rows: Part) -> Iterator[Part]:
    """Yield rows, or their numbers, in parts; a single empty part if there are none."""
    for start in range(0, max(1, len(rows)), ROWS_PER_PART):
        yield rows.slice(start, ROWS_PER_PART)


async def begin(
    file: FileFormat, tables: Iterable[pa.Table], in_thread: InThread, headers: Headers = ()
) -> ExportStream:
    """Return the file with its first part written; errors until then have their own status."""
    parts = file.write(_counted(tables))
    first = await in_thread(next, parts, None)
    content_type = file.format.content_type
    return ExportStream(_all(first, parts, in_thread), content_type, (*file.headers, *headers))


async def begin_workbook(
    file: FileFormat,
    tables: Iterable[pa.Table],
    in_thread: InThread,
    workbooks: Workbooks,
    about: tuple[tuple[str, str], ...],
    headers: Headers = (),
) -> ExportStream:
    """Return a workbook that is whole: until then, errors have their own status."""
    made = await workbooks.make(file.facts(about), file.write(_counted(tables)), in_thread)
    content_type, named = file.format.content_type, (*file.headers, *headers)
    return ExportStream(sent(made), content_type, named, made.close)


def _counted(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Yield the tables, and note the number of rows in the request's record."""
    rows = 0
    for table in tables:
        rows += len(table)
        note_rows(rows)
        yield table


def unchanged(file: FileFormat, about: CacheHeaders) -> ExportStream:
    """Return the response for a client that has the file already (304)."""
    headers = (*file.headers, *about.headers)
    return ExportStream(None, file.format.content_type, headers)


async def _all(
    first: bytes | None, parts: Iterator[bytes], in_thread: InThread
) -> AsyncIterator[bytes]:
    """Yield the parts, each written on demand: a slow client holds no thread and no memory."""
    part = first
    while part is not None:
        yield part
        current_budget().renew()  # the client sets the pace: each part has the whole time
        part = await in_thread(next, parts, None)
