"""Figures with their numbers, from one snapshot, as far as the caller may see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from gateway.figures.definitions import AVERAGE_PROGRESS, FIGURES, TIME_TO_COMPLETE, Figure
from gateway.figures.period import Period
from gateway.figures.queries import (
    days_to_complete,
    people,
    people_behind,
    rows_condition,
    totals,
)
from gateway.figures.spread import spread_of
from gateway.figures.terms import Terms, figures_of, values_of
from gateway.pages.feed import Row, SnapshotFeed
from gateway.pages.layout import PageContext
from gateway.pages.rows import rows_link

_MOST_DAYS = 20_000
"""Different numbers of days that a spread is read from; that many days are 54 years."""
_PEOPLE = ("userName", "userEmail")
_ALL_PEOPLE = "all people"
_ANY_PERIOD = Period(date.min)


@dataclass(frozen=True, slots=True)
class Linked:
    """A figure, the page with its rows, and its query; `in_period`: a period limits it."""

    figure: Figure
    link: str
    query: str
    in_period: bool

    @property
    def name(self) -> str:
        """Return the name of the figure."""
        return self.figure.name


@dataclass(frozen=True, slots=True)
class Shown(Linked):
    """A figure with its number; `of` is None for one that is no part."""

    number: int
    of: int | None

    @property
    def share(self) -> float | None:
        """Return the percentage; None if there is nothing to count."""
        return None if not self.of else 100 * self.number / self.of


@dataclass(frozen=True, slots=True)
class Measured(Linked):
    """A median or a mean of `count` results; half of them lie between `lower` and `upper`."""

    value: float | None
    count: int
    lower: float | None = None
    upper: float | None = None


class Counting:
    """Counts figures of the results that meet a condition, with the caller's own rights.

    `meaning` is that of the expiry date.
    """

    def __init__(
        self, page: PageContext, feed: SnapshotFeed, taken_at: datetime, period: Period
    ) -> None:
        self._page, self._feed = page, feed
        found = page.service.schema.find_set("Results")
        self._results = None if found is None else found.entity_type
        self._columns = frozenset(() if self._results is None else self._results.names)
        expiry = None if self._results is None else self._results.find("expiryDate")
        self.meaning = "unknown" if expiry is None else expiry.meaning
        self.terms = Terms.of(self.meaning, taken_at, self._columns, period)
        self.figures = self._available(FIGURES)

    async def counted(self, where: str, figures: Sequence[Figure]) -> tuple[Shown, ...]:
        """Return these figures in their order.

        Raises:
            GatewayError: as the feed would.
        """
        row = await self._row(where, figures)
        return tuple(self.shown(figure, row, where) for figure in figures)

    async def counted_and_measured(
        self, where: str, figures: Sequence[Figure]
    ) -> tuple[tuple[Shown, ...], tuple[Measured, ...]]:
        """Return these figures, and the median and the mean as far as the caller may see them.

        Raises:
            GatewayError: as the feed would.
        """
        means = self._available([AVERAGE_PROGRESS])
        row = await self._row(where, (*figures, *means))
        measured = [self._mean(figure, row, where) for figure in means]
        if self._available([TIME_TO_COMPLETE]):
            measured.insert(0, await self._time_to_complete(where))
        return tuple(self.shown(figure, row, where) for figure in figures), tuple(measured)

    async def _row(self, where: str, figures: Sequence[Figure]) -> Row:
        """Return the numbers of figures, in two queries: of results, and of people."""
        of_results = [figure for figure in figures if not figure.people]
        of_people = [figure for figure in figures if figure.people]
        row: Row = {}
        if of_results:
            (row,) = await self.applied(totals(of_results, self.terms, where))
        if of_people:
            (found,) = await self.applied(people(of_people, self.terms, where))
            row = {**row, **found, _ALL_PEOPLE: found["results"]}
        return row

    def shown(self, figure: Figure, row: Row, where: str) -> Shown:
        """Return a figure with its numbers in a row of `$apply`."""
        of_all = f"{figure.name}Of" if figure.of else _ALL_PEOPLE
        of = int(row[of_all] or 0) if figure.of or figure.people else None
        number = int(row[figure.name] or 0)
        query = "&".join(f"{name}={text}" for name, text in self._behind(figure, where).items())
        return Shown(*self._linked(figure, where, query), number, of)

    async def applied(self, apply: str, **more: str) -> list[Row]:
        """Return the rows of a query on the results.

        Raises:
            GatewayError: as the feed would.
        """
        options = {"$apply": apply, **{f"${name}": text for name, text in more.items()}}
        return await self._feed.rows_of("Results", options, most=_MOST_DAYS)

    def has(self, column: str) -> bool:
        """Return True if the caller sees this column of the results."""
        return column in self._columns

    def dates(self) -> dict[str, list[str]]:
        """Return the names of the figures that a period limits, by the column of their dates."""
        found: dict[str, list[str]] = {}
        if self._results is not None:
            figures = (*FIGURES, TIME_TO_COMPLETE)
            for figure in figures_of(self._results, self.meaning, _ANY_PERIOD, figures):
                if figure.dated:
                    found.setdefault(figure.dated, []).append(figure.name)
        return found

    def _available(self, figures: Sequence[Figure]) -> tuple[Figure, ...]:
        """Return the figures that there are for the caller and whose values the contract lists."""
        if self._results is None:
            return ()
        found = figures_of(self._results, self.meaning, self.terms.period, figures)
        return tuple(figure for figure in found if self._is_listed(figure))

    def _is_listed(self, figure: Figure) -> bool:
        """Return True if the contract file lists all values that the figure compares with."""
        results = self._results
        found = ((results and results.find(name), text) for name, text in values_of(figure))
        return all(not prop or text in (prop.known_values or (text,)) for prop, text in found)

    def _linked(self, figure: Figure, where: str, query: str) -> tuple[Figure, str, str, bool]:
        """Return the fields of `Linked`; `query` are the options of the query to show."""
        link = rows_link(self._page.base, self._behind(figure, where), figure.name)
        return figure, link, f"Results?{query}", bool(figure.dated and self.terms.period)

    def _behind(self, figure: Figure, where: str) -> dict[str, str]:
        """Return the options of the feed with the rows, or the people, that a figure counts."""
        if not figure.people:
            return {"$filter": rows_condition(figure, self.terms, where)}
        columns = [name for name in _PEOPLE if name in self._columns]
        return {"$apply": people_behind(figure, self.terms, columns, where)}

    async def _time_to_complete(self, where: str) -> Measured:
        apply = days_to_complete(self.terms, where)
        rows = await self.applied(apply, orderby="days")
        spread = spread_of((int(row["days"]), int(row["results"])) for row in rows)
        linked = self._linked(TIME_TO_COMPLETE, where, f"$apply={apply}&$orderby=days")
        if spread is None:
            return Measured(*linked, None, 0)
        return Measured(*linked, spread.median, spread.count, spread.lower, spread.upper)

    def _mean(self, figure: Figure, row: Row, where: str) -> Measured:
        query = f"$apply={totals([figure], self.terms, where)}"
        mean = row[f"{figure.name}Mean"]
        return Measured(*self._linked(figure, where, query), mean, int(row[figure.name] or 0))
