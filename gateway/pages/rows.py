"""The rows behind a figure, or of any feed, as an HTML table in pages, from one snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlencode

from starlette.responses import Response

from gateway.edm.labels import value_label
from gateway.edm.model import Property
from gateway.edm.types import PrimitiveType
from gateway.errors import InvalidValue
from gateway.pages.feed import Row, SnapshotFeed, encoded_options
from gateway.pages.layout import PageContext
from gateway.pages.state import state_of
from gateway.pages.wording import readable
from gateway.query.tree.queries import BoundQuery, Shape

_PAGE_ROWS = 50
_FIRST_COLUMNS = (
    "userName",
    "userEmail",
    "contentName",
    "state",
    "progress",
    "enrollmentType",
    "completedAt",
    "expiryDate",
    "updatedAt",
    "userId",
    "contentId",
)
"""The columns of results behind a figure, if the caller sees them; the last ones serve links."""
_HIDDEN = frozenset({"userId", "contentId"})
_LINKS = {"userName": "userId", "userEmail": "userId", "contentName": "contentId"}
"""Columns whose cells lead to all rows with the same value of another column."""
_LIMITS = frozenset({"$orderby", "$select", "$top", "$skip"})
"""Options that do not change the number of rows."""
_SYSTEM = ("$filter", "$orderby", "$select", "$compute", "$apply", "$search", "$top", "$skip")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table, the URL that sorts by it, and how it is sorted now."""

    name: str
    label: str
    link: str
    sorted: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as text; `moment` is set for instants, `link` leads to the rows of its owner."""

    text: str
    moment: datetime | None = None
    link: str = ""


@dataclass(frozen=True, slots=True)
class Files:
    """The URLs of the same rows in other forms."""

    feed: str
    xlsx: str
    csv: str
    json: str


def rows_link(base: str, condition: str, title: str = "") -> str:
    """Return the page with the results that meet a condition."""
    asked = {"table": "Results", "$filter": condition, **({"of": title} if title else {})}
    return f"{base}rows?{urlencode(asked, quote_via=quote)}"


async def show_rows(page: PageContext) -> Response:
    """Return the page.

    Raises:
        GatewayError: as the feed would; also if the URL is not that of a collection.
    """
    table, options, of = _asked(page)
    return await _show(page, table, options, of)


async def show_feed(page: PageContext) -> Response:
    """Return the page of the collection whose feed is at this URL.

    Raises:
        GatewayError: as `show_rows`.
    """
    table = page.request.url.path.rpartition("/")[2]
    return await _show(page, table, _options(dict(page.request.query_params)), "")


async def _show(page: PageContext, table: str, options: dict[str, str], of: str) -> Response:
    state = state_of(page.service)
    newest = page.service.status().newest
    if newest is None:
        return page.show("rows.html", section="insights", state=state, table=None, of=of)
    table = table or page.service.schema.entity_sets[0].name
    feed = SnapshotFeed(page.service, newest.id, page.root)
    if "$select" not in options and "$apply" not in options and table == "Results":
        names = {prop.name for prop in page.service.schema.entity_sets[0].entity_type.properties}
        options["$select"] = ",".join(name for name in _FIRST_COLUMNS if name in names)
    query = _query_of(page, table, options)
    view = await _Rows(page, feed, table, options, query).made()
    return page.show("rows.html", section="insights", state=state, table=view, of=of)


def _asked(page: PageContext) -> tuple[str, dict[str, str], str]:
    """Return table, options and the name of the figure; `url` may hold a whole relative URL."""
    asked = dict(page.request.query_params)
    url = asked.pop("url", "")
    if url:
        path, _, query = url.removeprefix(page.root).partition("?")
        asked = {"table": path, **dict(parse_qsl(query, keep_blank_values=True)), **asked}
    return asked.get("table", ""), _options(asked), asked.get("of", "")


def _options(asked: dict[str, str]) -> dict[str, str]:
    """Return the options of OData that a table of rows can follow."""
    named = {f"${name.lstrip('$')}": text for name, text in asked.items()}
    return {name: named[name] for name in _SYSTEM if named.get(name)}


def _query_of(page: PageContext, table: str, options: dict[str, str]) -> BoundQuery:
    """Return the bound query of a collection.

    Raises:
        InvalidValue: it is none.
    """
    raw = urlencode(options, quote_via=quote).encode()
    bound = page.service.read(table.encode(), raw, page.root).bound
    if isinstance(bound, BoundQuery) and bound.shape is Shape.COLLECTION:
        return bound
    raise InvalidValue(f"{table} is not a collection of rows; open one such as Results")


class _Rows:
    """The numbers of one page of rows; its attributes are what the template reads."""

    def __init__(
        self,
        page: PageContext,
        feed: SnapshotFeed,
        table: str,
        options: dict[str, str],
        query: BoundQuery,
    ) -> None:
        self._page, self._feed, self._options, self._query = page, feed, options, query
        self.name = table
        self.filter = options.get("$filter", "")
        self.skip = query.skip
        self.most = query.top
        self.count: int | None = None
        self.rows: tuple[tuple[Cell, ...], ...] = ()
        self.previous = self.following = ""
        shown = [p for p in query.select if p.name not in _HIDDEN or len(query.select) < 3]
        self._shown: Sequence[Property] = shown
        self.columns = tuple(self._column(prop) for prop in shown)
        self.files = self._files()

    async def made(self) -> _Rows:
        """Return the view with its rows."""
        size = _PAGE_ROWS if self.most is None else min(self.most, _PAGE_ROWS)
        asked = {**self._options, "$skip": str(self.skip), "$top": str(size)}
        rows = await self._feed.rows_of(self.name, _without_empty(asked))
        self.count = await self._count(len(rows))
        self.rows = tuple(tuple(self._cell(p, row) for p in self._shown) for row in rows)
        is_full, left = len(rows) == _PAGE_ROWS, None if self.most is None else self.most - size
        if self.skip and self.most is None:
            self.previous = self._link({"$skip": str(max(0, self.skip - _PAGE_ROWS))})
        if is_full and left != 0 and (self.count is None or self.skip + len(rows) < self.count):
            rest = {} if left is None else {"$top": str(left)}
            self.following = self._link({"$skip": str(self.skip + _PAGE_ROWS), **rest})
        return self

    async def _count(self, found: int) -> int | None:
        """Return the number of all rows of the query, without its limits; None if unknown."""
        kept = {n: t for n, t in self._options.items() if n not in _LIMITS}
        if kept and [*kept] != ["$filter"]:
            return self.skip + found if 0 < found < _PAGE_ROWS and self.most is None else None
        steps = [f"filter({kept['$filter']})"] if kept else []
        apply = "/".join([*steps, "aggregate($count as rows)"])
        (row,) = await self._feed.rows_of(self.name, {"$apply": apply})
        return int(row["rows"])

    def _column(self, prop: Property) -> Column:
        order = self._options.get("$orderby", "")
        now = {prop.name: "ascending", f"{prop.name} desc": "descending"}.get(order, "")
        wanted = f"{prop.name} desc" if now == "ascending" else prop.name
        link = "" if prop.collection else self._link({"$orderby": wanted, "$skip": ""})
        return Column(prop.name, readable(prop), link, now, _is_number(prop))

    def _cell(self, prop: Property, row: Row) -> Cell:
        value = row.get(prop.name)
        if value is None:
            return Cell("")
        if prop.collection:
            return Cell("; ".join(map(str, value)))
        if prop.type is PrimitiveType.DATE_TIME_OFFSET:
            return Cell(str(value), _moment(str(value)))
        owner = _LINKS.get(prop.name, "")
        key = row.get(owner)
        if owner and key is not None and self.name == "Results":
            quoted = str(key).replace("'", "''")
            return Cell(str(value), link=rows_link(self._page.base, f"{owner} eq '{quoted}'"))
        return Cell(value_label(prop, str(value)))

    def _files(self) -> Files:
        kept = {n: t for n, t in _without_empty(self._options).items() if n != "$skip"}
        forms = (self._url({**kept, "$format": form}) for form in ("xlsx", "csv", "json"))
        return Files(self._url(kept), *forms)

    def _url(self, options: dict[str, str]) -> str:
        query = encoded_options(options)
        return f"{self._page.root}{self.name}{'?' if query else ''}{query}"

    def _link(self, changes: dict[str, str]) -> str:
        asked = _without_empty({"table": self.name, **self._options, **changes})
        return f"{self._page.base}rows?{urlencode(asked, quote_via=quote)}"


def _without_empty(options: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in options.items() if text}


def _is_number(prop: Property) -> bool:
    return prop.type in (
        PrimitiveType.DOUBLE,
        PrimitiveType.DECIMAL,
        PrimitiveType.INT32,
        PrimitiveType.INT64,
    )


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return None
