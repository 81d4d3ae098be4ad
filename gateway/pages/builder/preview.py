"""The preview of a query: its first rows, and how long they took.

Rows come from a cached snapshot. A preview never starts an extract.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.errors import UpstreamUnavailable
from gateway.query.preferences import Preferences
from gateway.query.tree.queries import BoundQuery, Shape
from gateway.service.messages import PlannedRequest, ResponseBody, ResponseOptions
from gateway.service.service import QueryService
from gateway.writer.format import Format, Metadata
from gateway.writer.links import Links
from grammar import encode_query

Row = Mapping[str, Any]
_MIN_EXACT_NUMBER = 100_000_000
MAX_ROWS = 20
"""The number of rows in a preview."""
_FIRST_COLUMNS = ("userName", "contentName", "state", "progress", "updatedAt")
"""The columns that a preview of all columns starts with, if there are such."""


@dataclass(frozen=True, slots=True)
class Preview:
    """The start of a response.

    `columns` are names, each with True if the column is numeric. `total` counts the rows that meet
    the conditions, regardless of `$top`. A response without rows, such as `/$count`, has a `text`.
    """

    columns: tuple[tuple[str, bool], ...]
    rows: tuple[Row, ...]
    total: int | None
    text: str
    milliseconds: float


async def understand(service: QueryService, url: str, root: str) -> PlannedRequest:
    """Parse, bind and plan a URL below the service root.

    Raises:
        GatewayError: as the feed would.
    """
    path, _, query = url.partition("?")
    return await service.understand(path.encode(), query.encode(), root)


def on_newest_snapshot(service: QueryService) -> QueryService:
    """Return the service restricted to the newest snapshot of all rows, regardless of its age.

    Raises:
        UpstreamUnavailable: there is no snapshot.
    """
    newest = service.status().newest
    if newest is None:
        raise UpstreamUnavailable(
            "no data is loaded yet; load it, or wait until the first report has"
        )
    return service.at(newest.id)


async def preview(service: QueryService, url: str, root: str) -> Preview:
    """Return the first rows.

    Raises:
        UpstreamUnavailable: there is no snapshot.
        GatewayError: as the feed would.
    """
    snapshot = on_newest_snapshot(service)
    request = await understand(snapshot, url, root)
    if _can_count(request):
        pairs = (*request.request.pairs, ("$count", "true"))
        request = await understand(snapshot, f"{url.partition('?')[0]}?{encode_query(pairs)}", root)
    preferences = Preferences(max_page_size=MAX_ROWS)
    started = time.perf_counter()
    response = await snapshot.respond(request, ResponseOptions(_FORMAT, preferences, Links(root)))
    milliseconds = (time.perf_counter() - started) * 1_000
    first = () if request.request.options.select else _FIRST_COLUMNS
    return _as_preview(body_of(response), milliseconds, first)


_FORMAT = Format(metadata=Metadata.NONE)


def _can_count(request: PlannedRequest) -> bool:
    bound = request.bound
    is_collection = isinstance(bound, BoundQuery) and bound.shape is Shape.COLLECTION
    return is_collection and request.request.options.count is None


def body_of(response: ResponseBody) -> str:
    """Return the text of a response, or `null` if it has no content."""
    if response.no_content:
        return "null"
    return (gzip.decompress(response.body) if response.gzipped else response.body).decode()


def _as_preview(text: str, milliseconds: float, first: tuple[str, ...]) -> Preview:
    body = msgspec.json.decode(text) if text.startswith("{") else text
    if not isinstance(body, dict) or not isinstance(body.get("value"), list):
        shown = msgspec.json.format(text) if isinstance(body, dict) else text
        return Preview((), (), None, shown, milliseconds)
    rows = tuple(
        row if isinstance(row, dict) else {"value": row} for row in body["value"][:MAX_ROWS]
    )
    names = dict.fromkeys(name for row in rows for name in row if "@" not in name)
    ordered = (*(name for name in first if name in names), *(n for n in names if n not in first))
    columns = tuple((name, _is_numeric(name, rows)) for name in ordered)
    return Preview(columns, rows, body.get("@odata.count"), "", milliseconds)


def _is_numeric(name: str, rows: tuple[Row, ...]) -> bool:
    found = [row[name] for row in rows if row.get(name) is not None]
    return bool(found) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in found
    )


def as_cell(value: object) -> str:
    """Return a value as a table cell: lists joined, long fractions cut, null as empty text.

    >>> as_cell(["a", "b"]), as_cell(100.0), as_cell(2 / 3), as_cell(True), as_cell(None)
    ('a, b', '100', '0.66666667', 'true', '')
    """
    match value:
        case None:
            return ""
        case str():
            return value
        case float():
            return f"{value:.8g}" if abs(value) < _MIN_EXACT_NUMBER else repr(value)
        case list() if all(isinstance(item, str) for item in value):
            return ", ".join(value)
        case _:
            return msgspec.json.encode(value).decode()
