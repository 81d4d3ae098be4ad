"""The rows behind a figure, or of any feed, as an HTML table in pages, from one snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode

from starlette.responses import RedirectResponse, Response

from gateway.edm.model import Property
from gateway.edm.types import PrimitiveType
from gateway.errors import InvalidValue
from gateway.figures.terms import all_of
from gateway.pages.builder.copies import as_power_query
from gateway.pages.cells import Cell, Cells
from gateway.pages.feed import SnapshotFeed, encoded_options
from gateway.pages.layout import PageContext
from gateway.pages.row_filter import OPERATORS, columns_to_filter, condition_of
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
_KEYS = {"userId": ("userName", "userEmail"), "contentId": ("contentName",)}
"""Keys that are not shown beside a name, which leads to the page of their owner."""
_LIMITS = frozenset({"$orderby", "$select", "$top", "$skip"})
"""Options that do not change the number of rows."""
_SYSTEM = ("$filter", "$orderby", "$select", "$compute", "$apply", "$search", "$top", "$skip")
_LEFT_OUT = frozenset({*_SYSTEM, "$count", "$expand", "$format", "$schemaversion", "$skiptoken"})
"""Options that a table follows, or that change no row of it; others are refused as by the feed."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table, the URL that sorts by it, and how it is sorted now."""

    name: str
    label: str
    link: str
    sorted: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class Files:
    """The URLs of the same rows in other forms, and a query for Power Query."""

    feed: str
    xlsx: str
    csv: str
    json: str
    power_query: str

    @classmethod
    def of(cls, root: str, table: str, options: Mapping[str, str]) -> Files:
        """Return the files of the rows of a table, with options of OData."""

        def url(**more: str) -> str:
            query = encoded_options(
                {**options, **{f"${name}": text for name, text in more.items()}}
            )
            return f"{root}{table}{'?' if query else ''}{query}"

        xlsx, csv, json = (url(format=form) for form in ("xlsx", "csv", "json"))
        return cls(url(), xlsx, csv, json, as_power_query(url()))


def rows_link(base: str, options: Mapping[str, str], title: str = "") -> str:
    """Return the page with the results of these options of OData."""
    asked = {"table": "Results", **options, **({"of": title} if title else {})}
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
    return await _show(page, table, _options(page.asked()), "")


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
    view = _Rows(page, feed, _Asked(table, options, of), _query_of(page, table, options))
    if "column" in page.request.query_params:
        return RedirectResponse(view.narrowed(page.request.query_params), 303)
    view = await view.made()
    return page.show("rows.html", section="insights", state=state, table=view, of=of)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The table, its options of OData, and the name of the figure that led to the rows."""

    table: str
    options: dict[str, str]
    of: str


def _asked(page: PageContext) -> tuple[str, dict[str, str], str]:
    """Return table, options and the name of the figure; `url` may hold a whole relative URL."""
    asked = page.asked()
    url = asked.pop("url", "")
    if url:
        path, _, query = url.removeprefix(page.root).partition("?")
        asked = {"table": path, **dict(parse_qsl(query, keep_blank_values=True)), **asked}
    return asked.get("table", ""), _options(asked), asked.get("of", "")


def _options(asked: dict[str, str]) -> dict[str, str]:
    """Return the options of OData that a table of rows can follow, and those that do not exist."""
    named = {f"${name.lstrip('$')}": text for name, text in asked.items()}
    found = {name: named[name] for name in _SYSTEM if named.get(name)}
    unknown = {n: text for n, text in asked.items() if n[:1] == "$" and n not in _LEFT_OUT}
    return {**unknown, **found}


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
        self, page: PageContext, feed: SnapshotFeed, asked: _Asked, query: BoundQuery
    ) -> None:
        self._page, self._feed, self._asked, self._query = page, feed, asked, query
        self._options = options = asked.options
        self.name = asked.table
        self.filter = options.get("$filter", "")
        self.skip = query.skip
        self.most = query.top
        self.count: int | None = None
        self.rows: tuple[tuple[Cell, ...], ...] = ()
        self.previous = self.following = ""
        self._shown: Sequence[Property] = _without_keys(query.select)
        self.columns = tuple(self._column(prop) for prop in self._shown)
        self._offered = columns_to_filter(self._shown, query.entity_set.entity_type)
        self.filtered = tuple((prop.name, readable(prop)) for prop in self._offered)
        self.operators = OPERATORS
        self.whole = self._link({"$filter": "", "$skip": ""}) if self.filter else ""
        kept = {n: t for n, t in _without_empty(options).items() if n != "$skip"}
        self.files = Files.of(page.root, self.name, kept)

    @property
    def carried(self) -> dict[str, str]:
        """Return the fields that the form of the filter sends along."""
        asked = {"table": self.name, "of": self._asked.of, **self._options, "$skip": ""}
        return _without_empty(asked)

    def narrowed(self, sent: Mapping[str, str]) -> str:
        """Return the URL of the rows that also meet the condition of a sent form.

        Raises:
            GatewayError: 400, the form has no sound condition.
        """
        names: Mapping[str, str] = vars(self._page.language.texts.names)
        condition = all_of(self.filter, condition_of(sent, self._offered, names))
        return self._link({"$filter": condition, "$skip": ""})

    async def made(self) -> _Rows:
        """Return the view with its rows."""
        size = _PAGE_ROWS if self.most is None else min(self.most, _PAGE_ROWS)
        asked = {**self._options, "$skip": str(self.skip), "$top": str(size)}
        rows = await self._feed.rows_of(self.name, _without_empty(asked))
        self.count = await self._count(len(rows))
        page = self._page
        cells = Cells(page.base, self.name, page.service.schema, page.language.wording)
        self.rows = tuple(tuple(cells.cell(p, row) for p in self._shown) for row in rows)
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
        if kept.keys() - {"$filter", "$apply"}:
            return self.skip + found if 0 < found < _PAGE_ROWS and self.most is None else None
        steps = [kept["$apply"]] if "$apply" in kept else []
        steps += [f"filter({kept['$filter']})"] if "$filter" in kept else []
        apply = "/".join([*steps, "aggregate($count as rows)"])
        (row,) = await self._feed.rows_of(self.name, {"$apply": apply})
        return int(row["rows"])

    def _column(self, prop: Property) -> Column:
        order = self._options.get("$orderby", "")
        now = {prop.name: "ascending", f"{prop.name} desc": "descending"}.get(order, "")
        wanted = f"{prop.name} desc" if now == "ascending" else prop.name
        link = "" if prop.collection else self._link({"$orderby": wanted, "$skip": ""})
        return Column(prop.name, readable(prop), link, now, _is_number(prop))

    def _link(self, changes: dict[str, str]) -> str:
        of = self._asked.of
        asked = _without_empty({"table": self.name, "of": of, **self._options, **changes})
        return f"{self._page.base}rows?{urlencode(asked, quote_via=quote)}"


def _without_keys(select: Sequence[Property]) -> tuple[Property, ...]:
    """Return the columns without the keys of names that are shown."""
    names = {prop.name for prop in select}
    return tuple(prop for prop in select if names.isdisjoint(_KEYS.get(prop.name, ())))


def _without_empty(options: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in options.items() if text}


def _is_number(prop: Property) -> bool:
    return prop.type in (
        PrimitiveType.DOUBLE,
        PrimitiveType.DECIMAL,
        PrimitiveType.INT32,
        PrimitiveType.INT64,
    )
