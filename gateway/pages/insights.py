"""Insights: are we compliant, where are we not, and who is it? From one snapshot, at its instant.

All choices are in the URL, so that a view can be shared, and works without a script.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from starlette.responses import Response

from gateway.edm.model import Property
from gateway.figures.period import Period, usual_periods
from gateway.figures.terms import all_of
from gateway.pages.cells import CONTENT_PAGE, subject_link
from gateway.pages.dimensions import (
    CONTENT,
    Choice,
    check_names,
    chosen_literal,
    condition,
    dimensions,
    values_of,
)
from gateway.pages.feed import SnapshotFeed
from gateway.pages.layout import PageContext
from gateway.pages.ranking import Ranked, Ranking, can_rank
from gateway.pages.shown import Counting, Measured, Shown
from gateway.pages.state import state_of
from gateway.pages.wording import readable

_HEADLINES = ("compliance", "overdue", "expired", "expiring30", "failed")


async def headlines(page: PageContext, feed: SnapshotFeed, taken_at: datetime) -> tuple[Shown, ...]:
    """Return the few figures of the first page, as far as the caller may see them."""
    counting = Counting(page, feed, taken_at, Period())
    return await counting.counted("", [f for f in counting.figures if f.name in _HEADLINES])


async def show_insights(page: PageContext) -> Response:
    """Return the page; without a snapshot, the way to load one.

    Raises:
        InvalidValue: the URL has a period or a value that is none, or an unknown filter.
    """
    newest = page.service.status().newest
    state = state_of(page.service)
    if newest is None:
        return page.show("insights.html", section="insights", state=state, view=None)
    feed = SnapshotFeed(page.service, newest.id, page.root)
    view = await _View(page, feed, newest.taken_at).made()
    return page.show("insights.html", section="insights", state=state, view=view)


class _View:
    """The numbers of one request; its attributes are what the template reads."""

    def __init__(self, page: PageContext, feed: SnapshotFeed, taken_at: datetime) -> None:
        self._page, self._feed = page, feed
        self._asked = page.asked()
        self._results = page.service.schema.entity_sets[0].entity_type
        self.taken_at = taken_at
        self.period = Period.parse(self._asked.get("from", ""), self._asked.get("to", ""))
        self._counting = Counting(page, feed, taken_at, self.period)
        self.dimensions = dimensions(page.service.schema)
        check_names(self._asked, self.dimensions)
        found_props = ((name, self._results.find(name)) for name in self.dimensions)
        self.labels = {n: n if p is None else readable(p) for n, p in found_props}
        self.listed = {p.name: _listed(p) for p in self._results.properties if p.known_values}
        asked = self._asked.get("by", "")
        self.by = asked if asked in self.dimensions else next(iter(self.dimensions), "")
        self.dates = self._counting.dates()
        self.choices: tuple[Choice, ...] = ()
        self.figures: tuple[Shown, ...] = ()
        self.measures: tuple[Measured, ...] = ()
        self.ranking: Ranking | None = None
        self.where = ""

    async def made(self) -> _View:
        """Return the view with its numbers."""
        self.choices = tuple([await self._choice(name) for name in self.dimensions])
        conditions = (condition(c.name, c.chosen) for c in self.choices if c.chosen)
        self.where = all_of(*conditions)
        figures = self._counting.figures
        self.figures, self.measures = await self._counting.counted_and_measured(self.where, figures)
        if self.by and can_rank(figures):
            sort = self._asked.get("sort", "")
            ranking = Ranking(self._counting, self._feed, self._results, self.by, sort)
            self.ranking = await ranking.made(self.where)
        return self

    @property
    def is_limited(self) -> bool:
        """Return True if the URL limits the results or the dates."""
        return bool(self.where or self.period)

    @property
    def periods(self) -> tuple[tuple[str, str, bool], ...]:
        """Return name and URL of usual periods, and whether each is the chosen one."""
        found = usual_periods(self.taken_at.date()).items()
        return tuple((name, self._during(each), each == self.period) for name, each in found)

    def url(self, **changes: str) -> str:
        """Return the URL of this page with other choices; an empty value removes one."""
        asked = {**self._asked, **changes}
        return f"{self._page.base}insights?{urlencode({n: v for n, v in asked.items() if v})}"

    def line_link(self, line: Ranked) -> str:
        """Return the link of a line of the table: a content's own page, or this page for it."""
        if self.by == CONTENT and line.key is not None:
            return subject_link(self._page.base, CONTENT_PAGE, line.key)
        return self.url(**{self.by: line.value})

    def _during(self, period: Period) -> str:
        first, last = period.first or "", period.last or ""
        return self.url(**{"from": str(first), "to": str(last)})

    async def _choice(self, name: str) -> Choice:
        chosen = chosen_literal(name, self._asked.get(name, ""))
        return Choice(name, await values_of(name, self._results, self._feed), chosen)


def _listed(prop: Property) -> dict[str, str]:
    """Return the listed values of a column with the owner's names, which may be empty."""
    return {value: dict(prop.value_labels).get(value, "") for value in prop.known_values}
