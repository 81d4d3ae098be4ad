"""The table of a page of figures by department, group or content: the worst first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.edm.model import EntityType
from gateway.figures.definitions import Figure
from gateway.figures.queries import grouped, totals
from gateway.figures.terms import all_of
from gateway.pages.dimensions import GROUP, columns_of, condition, literal, name_of, values_of
from gateway.pages.feed import Row, SnapshotFeed
from gateway.pages.shown import Counting, Shown

_RANKED = 50
_MAX_GROUPS = 40
_FIGURES = ("compliance", "completion", "overdue", "expired", "failed")
_NAME, _RESULTS = "name", "results"


@dataclass(frozen=True, slots=True)
class Ranked:
    """A line: a value and its literal of OData, its name, number of results and figures."""

    key: str | None
    value: str
    name: str
    results: int
    figures: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A column: the order that a click asks for, and the present order if it is sorted by it."""

    name: str
    wanted: str
    sorted: str


class Ranking:
    """The table; `sort` is the name of a column, with a minus before it in the other order.

    Its attributes are what the template reads.
    """

    def __init__(
        self, counting: Counting, feed: SnapshotFeed, results: EntityType, by: str, sort: str
    ) -> None:
        self._counting, self._feed, self._results = counting, feed, results
        self.by = by
        self.figures = tuple(f for f in counting.figures if f.name in _FIGURES)
        names = (*(figure.name for figure in self.figures), _NAME, _RESULTS)
        self._sorted = sort.removeprefix("-") if sort.removeprefix("-") in names else names[0]
        self._is_reversed = sort == f"-{self._sorted}"
        self.sort = f"-{self._sorted}" if self._is_reversed else self._sorted
        self.headings = tuple(map(self._heading, (_NAME, _RESULTS, *names[:-2])))
        self.lines: tuple[Ranked, ...] = ()
        self.is_cut = False

    async def made(self, where: str) -> Ranking:
        """Return the table with its lines, of the results that meet a condition.

        Raises:
            GatewayError: as the feed would.
        """
        lines = await (self._groups(where) if self.by == GROUP else self._values(where))
        self.is_cut = len(lines) > _RANKED
        self.lines = tuple(self._in_order(lines)[:_RANKED])
        return self

    def _heading(self, name: str) -> Heading:
        if name != self._sorted:
            return Heading(name, name, "")
        is_descending = self._falls(name) != self._is_reversed
        wanted = name if self._is_reversed else f"-{name}"
        return Heading(name, wanted, "descending" if is_descending else "ascending")

    def _falls(self, name: str) -> bool:
        """Return True if the first order of a column begins with the largest."""
        return name == _RESULTS or any(f.is_bad for f in self.figures if f.name == name)

    def _in_order(self, lines: list[Ranked]) -> list[Ranked]:
        """Return the lines in the chosen order; those with nothing to count come last."""
        by_name = sorted(lines, key=lambda line: line.name.casefold())
        is_descending = self._falls(self._sorted) != self._is_reversed
        if self._sorted == _NAME:
            return by_name[::-1] if is_descending else by_name
        value = self._value_of()
        counted = [line for line in by_name if value(line) is not None]
        counted.sort(key=lambda line: value(line) or 0, reverse=is_descending)
        return [*counted, *(line for line in by_name if value(line) is None)]

    def _value_of(self) -> Callable[[Ranked], float | None]:
        if self._sorted == _RESULTS:
            return lambda line: line.results
        place = [figure.name for figure in self.figures].index(self._sorted)
        return lambda line: line.figures[place].share

    async def _values(self, where: str) -> list[Ranked]:
        columns = columns_of(self.by, self._results)
        apply = grouped(self.figures, self._counting.terms, columns, where)
        rows = await self._counting.applied(apply, orderby="results desc", top="1000")
        return [
            self._line(row[self.by], literal(row[self.by]), name_of(row[columns[-1]]), row, where)
            for row in rows
        ]

    async def _groups(self, where: str) -> list[Ranked]:
        """Return a line for each of the first groups: a person counts in each of theirs."""
        lines = []
        for value, name in (await values_of(GROUP, self._results, self._feed))[:_MAX_GROUPS]:
            own = all_of(where, condition(GROUP, value))
            (row,) = await self._counting.applied(totals(self.figures, self._counting.terms, own))
            lines.append(self._line(None, value, name, row, where))
        return lines

    def _line(self, key: str | None, value: str, name: str, row: Row, where: str) -> Ranked:
        own = all_of(where, condition(self.by, value))
        shown = tuple(self._counting.shown(figure, row, own) for figure in self.figures)
        return Ranked(key, value, name, int(row["results"]), shown)


def can_rank(figures: Sequence[Figure]) -> bool:
    """Return True if there are figures to rank by."""
    return any(figure.name in _FIGURES for figure in figures)
