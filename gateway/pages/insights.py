"""Insights: are we compliant, where are we not, and who is it? From one snapshot, at its instant.

All choices are in the URL, so that a view can be shared, and works without a script.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from starlette.responses import Response

from gateway.edm.model import Schema
from gateway.edm.types import PrimitiveType
from gateway.figures.definitions import Figure, Terms, figures_of
from gateway.figures.queries import grouped, people, rows_condition, totals
from gateway.pages.charts import unlisted_in
from gateway.pages.feed import Row, SnapshotFeed, encoded_options
from gateway.pages.layout import PageContext
from gateway.pages.rows import rows_link
from gateway.pages.state import state_of
from gateway.pages.wording import readable

_CHOICES_SHOWN = 500
_RANKED = 50
_MAX_GROUPS = 40
_GROUP = "group"
_PEOPLE = "people"
_LITERAL = re.compile(r"null|'(?:[^']|'')*'")
_RANKED_FIGURES = ("compliance", "completion", "overdue", "expired", "failed")
"""The figures of the table by department, group or content."""
_HEADLINES = ("compliance", "overdue", "expired", "expiring30", "failed")


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure with its number; `of` is None for one that is no part, `share` is in percent."""

    name: str
    number: int
    of: int | None
    link: str
    query: str
    is_bad: bool

    @property
    def share(self) -> float | None:
        """Return the percentage; None if there is nothing to count."""
        return None if not self.of else 100 * self.number / self.of


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter of the page: its values with their names, and the chosen one."""

    name: str
    values: tuple[tuple[str, str], ...]
    chosen: str


@dataclass(frozen=True, slots=True)
class Ranked:
    """A line of the table by department, group or content."""

    name: str
    link: str
    figures: tuple[Shown, ...]


async def headlines(page: PageContext, feed: SnapshotFeed, taken_at: datetime) -> tuple[Shown, ...]:
    """Return the few figures of the first page, as far as the caller may see them."""
    return await _View(page, feed, taken_at).headlines()


async def show_insights(page: PageContext) -> Response:
    """Return the page; without a snapshot, the way to load one."""
    newest = page.service.status().newest
    if newest is None:
        return page.show(
            "insights.html", section="insights", state=state_of(page.service), view=None
        )
    feed = SnapshotFeed(page.service, newest.id, page.root)
    view = await _View(page, feed, newest.taken_at).made()
    return page.show("insights.html", section="insights", state=state_of(page.service), view=view)


class _View:
    """The numbers of one request; its attributes are what the template reads."""

    def __init__(self, page: PageContext, feed: SnapshotFeed, taken_at: datetime) -> None:
        schema = page.service.schema
        results = schema.entity_sets[0].entity_type
        self.taken_at = taken_at
        self.choices: tuple[Choice, ...] = ()
        self.figures: tuple[Shown, ...] = ()
        self.people: Shown | None = None
        self.ranked: tuple[Ranked, ...] = ()
        self.is_cut = False
        self._page, self._feed, self._schema, self._results = page, feed, schema, results
        self._asked: Mapping[str, str] = page.request.query_params
        names = frozenset(prop.name for prop in results.properties)
        expiry = results.find("expiryDate")
        meaning = "unknown" if expiry is None else expiry.meaning
        self._terms = Terms.of(meaning, taken_at, names)
        found = (f for f in figures_of(results, meaning) if self._is_listed(f))
        self._available: tuple[Figure, ...] = tuple(found)
        self.dimensions = _dimensions(schema)
        found_props = ((name, results.find(name)) for name in self.dimensions)
        self.labels = {n: n if p is None else readable(p) for n, p in found_props}
        asked = self._asked.get("by", "")
        self.by = asked if asked in self.dimensions else next(iter(self.dimensions), "")
        self.ranked_by = tuple(f.name for f in self._available if f.name in _RANKED_FIGURES)
        sort = self._asked.get("sort", "")
        self.sort = sort if sort in self.ranked_by else next(iter(self.ranked_by), "")
        self.where = ""

    async def made(self) -> _View:
        """Return the view with its numbers."""
        self.choices = tuple([await self._choice(name) for name in self.dimensions])
        self.where = " and ".join(
            f"({_condition(choice.name, choice.chosen)})"
            for choice in self.choices
            if choice.chosen
        )
        if not self._available:
            return self
        (row,) = await self._applied(totals(self._available, self._terms, self.where))
        self.figures = tuple(self._shown(f, row, self.where) for f in self._available)
        if {"userId", "enrollmentType"} <= {p.name for p in self._results.properties}:
            self.people = await self._people()
        if self.by and self.ranked_by:
            self.ranked = await self._rank()
        return self

    async def headlines(self) -> tuple[Shown, ...]:
        """Return the figures of the first page, of all rows."""
        chosen = tuple(f for f in self._available if f.name in _HEADLINES)
        if not chosen:
            return ()
        (row,) = await self._applied(totals(chosen, self._terms))
        return tuple(self._shown(figure, row, "") for figure in chosen)

    def url(self, **changes: str) -> str:
        """Return the URL of this page with other choices; an empty value removes one."""
        asked = {**self._asked, **changes}
        return f"{self._page.base}insights?{urlencode({n: v for n, v in asked.items() if v})}"

    def _is_listed(self, figure: Figure) -> bool:
        text = f"({self._terms.condition(figure.counts)}) or ({self._terms.condition(figure.of)})"
        condition = text if figure.of else self._terms.condition(figure.counts)
        return unlisted_in(f"Results?$filter={condition}", self._schema) is None

    async def _choice(self, name: str) -> Choice:
        chosen = self._asked.get(name, "")
        if not _LITERAL.fullmatch(chosen):
            chosen = ""
        return Choice(name, await self._values(name), chosen)

    async def _values(self, name: str) -> tuple[tuple[str, str], ...]:
        """Return the values of a filter, as literals of OData, and their names."""
        if name == _GROUP:
            rows = await self._feed.rows(
                f"Groups?$select=id,name&$orderby=name&$top={_CHOICES_SHOWN}"
            )
            return tuple((_literal(row["id"]), str(row["name"] or row["id"])) for row in rows)
        if name == "contentId":
            columns = "contentId,contentName" if self._results.find("contentName") else "contentId"
        else:
            columns = name
        url = f"Results?$apply=groupby(({columns}))&$orderby={columns}&$top={_CHOICES_SHOWN}"
        rows = await self._feed.rows(url)
        last = columns.rpartition(",")[2]
        return tuple((_literal(row[name]), _name(row[last] or row[name])) for row in rows)

    def _shown(self, figure: Figure, row: Row, where: str) -> Shown:
        of = int(row[f"{figure.name}Of"] or 0) if figure.of else None
        condition = rows_condition(figure, self._terms, where)
        link = rows_link(self._page.base, condition, figure.name)
        number = int(row[figure.name] or 0)
        return Shown(figure.name, number, of, link, f"Results?$filter={condition}", figure.is_bad)

    async def _people(self) -> Shown:
        apply = people(self._terms, self.where)
        (row,) = await self._applied(apply)
        of = int(row["people"] or 0)
        link = f"{self._page.root}Results?{encoded_options({'$apply': apply})}"
        query = f"Results?$apply={apply}"
        return Shown(_PEOPLE, int(row["compliant"] or 0), of, link, query, is_bad=False)

    async def _applied(self, apply: str) -> list[Row]:
        return await self._feed.rows_of("Results", {"$apply": apply})

    async def _rank(self) -> tuple[Ranked, ...]:
        figures = tuple(f for f in self._available if f.name in self.ranked_by)
        lines = await (self._groups(figures) if self.by == _GROUP else self._lines(figures))
        place = self.ranked_by.index(self.sort)
        is_bad = figures[place].is_bad

        def rank(line: Ranked) -> tuple[bool, float, str]:
            share = line.figures[place].share
            value = line.figures[place].number if share is None else share
            empty = not line.figures[place].of
            return empty, -value if is_bad else value, line.name

        self.is_cut = len(lines) > _RANKED
        return tuple(sorted(lines, key=rank)[:_RANKED])

    async def _lines(self, figures: Sequence[Figure]) -> list[Ranked]:
        columns = [self.by]
        if self.by == "contentId" and self._results.find("contentName"):
            columns.append("contentName")
        apply = grouped(figures, self._terms, columns, self.where)
        options = {"$apply": apply, "$orderby": "results desc"}  # of very many, the largest count
        rows = await self._feed.rows_of("Results", options)
        return [
            self._line(_literal(row[self.by]), _name(row[columns[-1]]), row, figures)
            for row in rows
        ]

    async def _groups(self, figures: Sequence[Figure]) -> list[Ranked]:
        """Return a line for each of the first groups: a person counts in each of theirs."""
        lines = []
        for value, name in (await self._values(_GROUP))[:_MAX_GROUPS]:
            where = _both(self.where, _condition(_GROUP, value))
            (row,) = await self._applied(totals(figures, self._terms, where))
            lines.append(self._line(value, name, row, figures))
        return lines

    def _line(self, value: str, name: str, row: Row, figures: Sequence[Figure]) -> Ranked:
        where = _both(self.where, _condition(self.by, value))
        shown = tuple(self._shown(figure, row, where) for figure in figures)
        return Ranked(name, self.url(**{self.by: value}), shown)


def _dimensions(schema: Schema) -> tuple[str, ...]:
    """Return what a page can be filtered and grouped by: custom fields, groups, content, type."""
    results = {prop.name for prop in schema.entity_sets[0].entity_type.properties}
    users, groups = schema.find_set("Users"), schema.find_set("Groups")
    kind = None if users is None else users.entity_type
    fields = () if kind is None else (p for p in kind.properties if p.name not in kind.key)
    found = [f.name for f in fields if f.name in results and f.type is PrimitiveType.STRING]
    if groups is not None and "groupIds" in results:
        found.append(_GROUP)
    return (*found, *(name for name in ("contentId", "enrollmentType") if name in results))


def _condition(name: str, literal: str) -> str:
    """Return the condition of a choice."""
    return f"groupIds/any(g:g eq {literal})" if name == _GROUP else f"{name} eq {literal}"


def _both(one: str, other: str) -> str:
    return f"{one} and ({other})" if one else other


def _literal(value: object) -> str:
    """Return a text or null as a literal, so that no value can be mistaken for null."""
    return "null" if value is None else "'" + str(value).replace("'", "''") + "'"


def _name(value: object) -> str:
    """Return the name of a value; empty for null and for an empty text."""
    return "" if value is None else str(value)
