"""A page for one person and one for one content: all results, what is due and when, the files.

They read a kept snapshot with the caller's own rights. Whoever may not see a person or a content
gets the same 404 as for one that does not exist.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from starlette.responses import Response

from gateway.edm.model import EntityType, Property
from gateway.errors import ResourceNotFound
from gateway.figures.period import Period
from gateway.figures.terms import all_of
from gateway.pages.cells import CONTENT_PAGE, PERSON_PAGE, Cell, Cells, moment_of
from gateway.pages.dimensions import CONTENT, GROUP, condition, dimensions, literal
from gateway.pages.due import OPEN, DueResults, due_results
from gateway.pages.feed import Row, SnapshotFeed
from gateway.pages.layout import PageContext
from gateway.pages.rows import Files, rows_link
from gateway.pages.shown import Counting, Measured, Shown
from gateway.pages.state import state_of
from gateway.pages.wording import readable

_ALWAYS: Final = ("userId", "userName", CONTENT, "contentName", "groupIds", "state", "expiryDate")
"""Columns that the page reads, for its title and its links, whatever its tables show."""
_NOT_ABOUT: Final = frozenset({GROUP, CONTENT, "enrollmentType", "userName"})
_DATES: Final = ("startedAt", "completedAt", "expiryDate", "updatedAt")


@dataclass(frozen=True, slots=True)
class _Kind:
    """The differences of the two pages: the key, its name, columns and rows of the tables."""

    page: str
    key: str
    name: str
    about: tuple[str, ...]
    columns: tuple[str, ...]
    most: int
    most_due: int


_PERSON = _Kind(
    PERSON_PAGE,
    "userId",
    "userName",
    ("userEmail",),
    ("contentName", "contentType", "enrollmentType", "state", "progress", *_DATES),
    most=200,
    most_due=200,
)
_CONTENT = _Kind(
    CONTENT_PAGE,
    CONTENT,
    "contentName",
    ("contentType",),
    ("userName", "userEmail", "enrollmentType", "state", "progress", *_DATES),
    most=50,
    most_due=20,
)


@dataclass(frozen=True, slots=True)
class Due:
    """A result that needs something: what, and until when, if the date is known to mean it."""

    name: Cell
    what: str
    state: Cell
    moment: datetime | None


async def show_person(page: PageContext) -> Response:
    """Return the page of the person whose key is in the URL.

    Raises:
        ResourceNotFound: there is none, or none that the caller may see.
    """
    return await _show(page, _PERSON)


async def show_content(page: PageContext) -> Response:
    """Return the page of the content whose key is in the URL.

    Raises:
        ResourceNotFound: there is none, or none that the caller may see.
    """
    return await _show(page, _CONTENT)


async def _show(page: PageContext, kind: _Kind) -> Response:
    state, newest = state_of(page.service), page.service.status().newest
    if newest is None:
        return page.show("subject.html", section="insights", state=state, view=None)
    feed = SnapshotFeed(page.service, newest.id, page.root)
    view = await _Subject(page, feed, newest.taken_at, kind).made()
    return page.show("subject.html", section="insights", state=state, view=view)


class _Subject:
    """The numbers of one page; its attributes are what the template reads."""

    def __init__(
        self, page: PageContext, feed: SnapshotFeed, taken_at: datetime, kind: _Kind
    ) -> None:
        self._page, self._feed, self._kind = page, feed, kind
        self._results = _results_of(page, kind)
        key = page.request.query_params.get("id", "")
        self.kind, self.key, self.taken_at = kind.page, key, taken_at
        self._where = condition(kind.key, literal(key))
        self._counting = Counting(page, feed, taken_at, Period())
        self._cells = Cells(page.base, "Results", page.service.schema, page.language.wording)
        self._columns = self._found(kind.columns)
        fields = dimensions(page.service.schema) if kind is _PERSON else ()
        about = (name for name in fields if name not in _NOT_ABOUT)
        self._about = self._found((*kind.about, *about))
        read = (*_ALWAYS, *(p.name for p in (*self._columns, *self._about)))
        self._select = ",".join(p.name for p in self._found(dict.fromkeys(read)))
        self.labels = tuple(readable(prop) for prop in self._columns)
        self.about: tuple[tuple[str, str], ...] = ()
        self.groups: tuple[tuple[str, str], ...] = ()
        self.figures: tuple[Shown, ...] = ()
        self.measures: tuple[Measured, ...] = ()
        self._due = due_results(self._counting)
        self.can_tell_due = self._due is not None
        self.due: tuple[Due, ...] = ()
        self.due_count, self.all_due = 0, ""
        self.rows: tuple[tuple[Cell, ...], ...] = ()
        self.name, self.count = "", 0
        self.files = Files.of(page.root, "Results", {"$filter": self._where})
        self.all_rows = rows_link(page.base, {"$filter": self._where})
        self.insights = self._insights(kind.key, key) if kind is _CONTENT else ""

    async def made(self) -> _Subject:
        """Return the view with its rows and numbers.

        Raises:
            ResourceNotFound: there is no result that the caller may see.
        """
        options = {
            "$filter": self._where,
            "$select": self._select,
            "$orderby": "updatedAt desc",
            "$top": str(self._kind.most),
        }
        rows = await self._feed.rows_of("Results", options)
        if not rows:
            raise _missing(self._kind)
        self.rows = tuple(tuple(self._cells.cell(p, row) for p in self._columns) for row in rows)
        self.count = await self._count(self._where) if len(rows) == self._kind.most else len(rows)
        await self._describe(rows[0])
        await self._count_figures()
        if self._due:
            await self._find_due(self._due)
        return self

    async def _count(self, where: str) -> int:
        (row,) = await self._counting.applied(f"filter({where})/aggregate($count as rows)")
        return int(row["rows"])

    async def _describe(self, newest: Row) -> None:
        """Take name and facts of the result that changed last, as the tables do."""
        self.name = str(newest.get(self._kind.name) or self.key)
        self.about = tuple(
            (readable(prop), str(newest[prop.name]))
            for prop in self._about
            if newest[prop.name] is not None
        )
        ids = newest.get("groupIds") or ()
        if ids and self._kind is _PERSON and self._page.service.schema.find_set("Groups"):
            listed = ",".join(map(literal, ids))
            options = {"$filter": f"id in ({listed})", "$orderby": "name"}
            groups = await self._feed.rows_of("Groups", options)
            self.groups = tuple(
                (str(row.get("name") or row["id"]), self._insights(GROUP, row["id"]))
                for row in groups
            )

    async def _count_figures(self) -> None:
        """Count the figures of these results; of one person, none that counts people."""
        shown = [f for f in self._counting.figures if not (f.people and self._kind is _PERSON)]
        counted, measured = await self._counting.counted_and_measured(self._where, shown)
        self.figures = tuple(each for each in counted if each.number or each.of)
        self.measures = tuple(each for each in measured if each.count)

    async def _find_due(self, due: DueResults) -> None:
        where, most = all_of(self._where, due.condition), self._kind.most_due
        rows = await self._feed.rows_of("Results", due.options(where, self._select, most))
        self.due = tuple(self._due_cell(due, row) for row in rows)
        self.due_count = await self._count(where) if len(rows) == most else len(rows)
        self.all_due = rows_link(self._page.base, {"$filter": where})

    def _due_cell(self, due: DueResults, row: Row) -> Due:
        prop = self._columns[0]
        what = due.what(row)
        moment = moment_of(str(row.get("expiryDate"))) if what != OPEN else None
        state = self._results.find("state")
        shown = Cell("") if state is None else self._cells.cell(state, row)
        return Due(self._cells.cell(prop, row), what, shown, moment)

    def _found(self, names: Iterable[str]) -> tuple[Property, ...]:
        """Return the columns of these names that the caller sees."""
        found = (self._results.find(name) for name in names)
        return tuple(prop for prop in found if prop is not None)

    def _insights(self, name: str, key: str) -> str:
        return f"{self._page.base}insights?{urlencode({name: literal(key)})}"


def _results_of(page: PageContext, kind: _Kind) -> EntityType:
    results = page.service.schema.find_set("Results")
    if results is None or results.entity_type.find(kind.key) is None:
        raise _missing(kind)
    return results.entity_type


def _missing(kind: _Kind) -> ResourceNotFound:
    """Return the same error for what does not exist and for what the caller may not see."""
    return ResourceNotFound(
        f"There is no such {kind.page} in the data that you may see; open it from the insights or"
        " from a table of rows"
    )
