"""What a query answers, for people: the first rows, what is asked of whom, how long it took.

Rows are of a snapshot at hand: who tries out conditions sets no extract in motion.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.errors import UpstreamUnavailable
from gateway.pages.state import newest
from gateway.query.preferences import Preferences
from gateway.query.tree.queries import BoundQuery, Shape
from gateway.service.messages import PlannedRequest, ResponseBody, ResponseOptions
from gateway.service.service import QueryService
from gateway.writer.format import Format, Metadata
from gateway.writer.links import Links
from grammar import encode_query

Row = Mapping[str, Any]
_LARGE = 100_000_000
ROWS = 20
"""How many are shown."""


@dataclass(frozen=True, slots=True)
class Preview:
    """The beginning of an answer.

    `columns` say whether they hold numbers. `total` is how many rows meet the conditions, whatever
    `$top`. What has no rows, such as `/$count`, has a `text` instead.
    """

    columns: tuple[tuple[str, bool], ...]
    rows: tuple[Row, ...]
    total: int | None
    text: str
    milliseconds: float


async def understand(service: QueryService, url: str, root: str) -> PlannedRequest:
    """Parse, bind and plan a URL below the service root.

    Raises:
        GatewayError: what the feed would answer.
    """
    path, _, query = url.partition("?")
    return await service.understand(path.encode(), query.encode(), root)


def at_hand(service: QueryService) -> QueryService:
    """The same service on the youngest snapshot of all rows, however old.

    Raises:
        UpstreamUnavailable: there is none.
    """
    table = newest(service)
    if table is None:
        raise UpstreamUnavailable("no copy of the rows is at hand")
    return service.at(table)


async def preview(service: QueryService, url: str, root: str) -> Preview:
    """The first rows.

    Raises:
        UpstreamUnavailable: no snapshot is at hand.
        GatewayError: what the feed would answer.
    """
    kept = at_hand(service)
    question = await understand(kept, url, root)
    if _may_be_counted(question):
        pairs = (*question.request.pairs, ("$count", "true"))
        question = await understand(kept, f"{url.partition('?')[0]}?{encode_query(pairs)}", root)
    wishes = Preferences(max_page_size=ROWS)
    began = time.perf_counter()
    answer = await kept.respond(question, ResponseOptions(_FORMAT, wishes, Links(root)))
    return _shown(body_of(answer), (time.perf_counter() - began) * 1_000)


_FORMAT = Format(metadata=Metadata.NONE)


def _may_be_counted(question: PlannedRequest) -> bool:
    is_collection = (
        isinstance(question.bound, BoundQuery) and question.bound.shape is Shape.COLLECTION
    )
    return is_collection and question.request.options.count is None


def body_of(answer: ResponseBody) -> str:
    """The text of an answer; null where there is none."""
    if answer.no_content:
        return "null"
    return (gzip.decompress(answer.body) if answer.gzipped else answer.body).decode()


def _shown(text: str, milliseconds: float) -> Preview:
    body = msgspec.json.decode(text) if text.startswith("{") else text
    if not isinstance(body, dict) or not isinstance(body.get("value"), list):
        told = msgspec.json.format(text) if isinstance(body, dict) else text
        return Preview((), (), None, told, milliseconds)
    rows = tuple(row if isinstance(row, dict) else {"value": row} for row in body["value"][:ROWS])
    names = dict.fromkeys(name for row in rows for name in row if "@" not in name)
    columns = tuple((name, _is_numeric(name, rows)) for name in names)
    return Preview(columns, rows, body.get("@odata.count"), "", milliseconds)


def _is_numeric(name: str, rows: tuple[Row, ...]) -> bool:
    found = [row[name] for row in rows if row.get(name) is not None]
    return bool(found) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in found
    )


def as_cell(value: object) -> str:
    """A value in a cell of the table; lists are joined, long fractions cut, null is nothing.

    >>> as_cell(["a", "b"]), as_cell(100.0), as_cell(2 / 3), as_cell(True), as_cell(None)
    ('a, b', '100', '0.66666667', 'true', '')
    """
    match value:
        case None:
            return ""
        case str():
            return value
        case float():
            return f"{value:.8g}" if abs(value) < _LARGE else repr(value)
        case list() if all(isinstance(item, str) for item in value):
            return ", ".join(value)
        case _:
            return msgspec.json.encode(value).decode()
