"""A whole collection as one file: CSV, an Arrow stream or Parquet, made while it is sent.

There are no pages, because these formats have no link to a next one; and there is no 200 that
could not be finished: which rows belong to the answer is known, and its first part is made, before
anything is sent. The rest is read from the same snapshot, a part when the last one has left.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import pyarrow as pa

from gateway.edm.model import Property
from gateway.engine.columns import Columns, named, text_columns, typed_columns
from gateway.engine.sql import Sql
from gateway.errors import LimitExceeded, OptionNotAllowed
from gateway.fairness.budget import current_budget
from gateway.observe.record import note_rows
from gateway.query.request import ODataRequest
from gateway.query.tree.queries import BoundQuery
from gateway.service.messages import CacheHeaders, ExportStream
from gateway.writer.format import EXPORTS, Format, Media
from gateway.writer.tables import write_arrow, write_csv, write_parquet

ROWS_AT_ONCE = 20_000
MOST_MADE_ROWS = 200_000
Part = TypeVar("Part", pa.Table, pa.ChunkedArray)
InThread = Callable[..., Awaitable[bytes | None]]
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How the rows of a query become a file."""

    query: BoundQuery
    format: Format

    @property
    def columns(self) -> Sql:
        """What is asked of the engine for each row."""
        return named(self._columns)

    @property
    def computed(self) -> tuple[Sql, ...]:
        """Those of the columns that could fail on the data."""
        return tuple(sql for prop, sql in self._columns.items() if prop.dynamic)

    @property
    def _columns(self) -> Columns:
        properties, computed = self.query.select, self.query.computed
        if self.format.media is Media.CSV:
            return text_columns(properties, computed, defused=self.format.spreadsheet)
        return typed_columns(properties, computed)

    def write(self, tables: Iterable[pa.Table]) -> Iterator[bytes]:
        """The file, a part for each table; its head is in the first part."""
        match self.format.media:
            case Media.CSV:
                return write_csv(tables, marked=self.format.spreadsheet)
            case Media.ARROW:
                return write_arrow(tables, self._properties)
            case _:
                return write_parquet(tables, self._properties)

    @property
    def _properties(self) -> tuple[Property, ...]:
        """Of the rows that $apply makes, not each has every property."""
        if self.query.apply is None:
            return self.query.select
        return tuple(replace(prop, nullable=True) for prop in self.query.select)

    @property
    def headers(self) -> Headers:
        """The file's name; names of sets are identifiers, so it needs no escaping."""
        name = f"{self.query.entity_set.name}.{EXPORTS[self.format.media]}"
        return (("Content-Disposition", f'attachment; filename="{name}"'),)


def check_export(request: ODataRequest, query: BoundQuery) -> None:
    """Refuse what has no place in a file.

    Raises:
        OptionNotAllowed: a count beside the rows, rows inside of rows, or a link to a page.
    """
    if query.count:
        raise OptionNotAllowed(
            f"$count has no place in this format; ask {query.entity_set.name}/$count, or count the"
            " rows: they all come",
            target="$count",
        )
    if query.views:
        raise OptionNotAllowed(
            "$select of a part of a list has no place in this format; select the list whole",
            target="$select",
        )
    if query.expand or query.selected_navigation:
        raise OptionNotAllowed(
            "$expand and $select of other rows have no place in this format; take their values as"
            " columns, e.g. $compute=user/name as person, or ask for their own table",
            target="$expand",
        )
    if request.options.skiptoken is not None:
        raise OptionNotAllowed(
            "$skiptoken belongs to a feed in JSON; this format comes whole, without pages",
            target="$skiptoken",
        )


def made_rows(query: BoundQuery) -> int:
    """How many of the rows that $apply makes are asked for: one more than a file may have."""
    return min(MOST_MADE_ROWS + 1, MOST_MADE_ROWS + 1 if query.top is None else query.top)


def check_made(rows: pa.Table) -> pa.Table:
    """The rows that $apply makes, which are held as a whole, unlike those of the set.

    Raises:
        LimitExceeded: there are more than fit.
    """
    if len(rows) > MOST_MADE_ROWS:
        raise LimitExceeded(
            f"$apply makes more than {MOST_MADE_ROWS} rows, the most for a file; group more, take"
            " $top of them, or ask for JSON, whose pages have no end",
            target="$apply",
        )
    return rows


def in_parts(rows: Part) -> Iterator[Part]:
    """Rows or their numbers, so many at once; one empty part when there are none."""
    for start in range(0, max(1, len(rows)), ROWS_AT_ONCE):
        yield rows.slice(start, ROWS_AT_ONCE)


async def begin(
    file: FileFormat, tables: Iterable[pa.Table], in_thread: InThread, headers: Headers = ()
) -> ExportStream:
    """The file with its first part made; what fails until then is still an error of its own."""
    parts = file.write(_counted(tables))
    first = await in_thread(next, parts, None)
    content_type = file.format.content_type
    return ExportStream(_all(first, parts, in_thread), content_type, (*file.headers, *headers))


def _counted(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same tables, and how many rows they have in the request's record."""
    rows = 0
    for table in tables:
        rows += len(table)
        note_rows(rows)
        yield table


def unchanged(file: FileFormat, about: CacheHeaders) -> ExportStream:
    """The client has it already."""
    headers = (*file.headers, *about.headers)
    return ExportStream(None, file.format.content_type, headers)


async def _all(
    first: bytes | None, parts: Iterator[bytes], in_thread: InThread
) -> AsyncIterator[bytes]:
    """Each part is made when it is asked for: a slow reader holds no thread and no memory."""
    part = first
    while part is not None:
        yield part
        current_budget().renew()  # the client sets the pace: each part has the whole time
        part = await in_thread(next, parts, None)
