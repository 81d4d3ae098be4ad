"""The dashboard: charts of one snapshot, each with its query.

The server writes every number into a table; the script in the browser only draws these tables.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from starlette.responses import Response

from gateway.errors import GatewayError, UpstreamUnavailable
from gateway.pages.charts import Chart, Gallery, Numbers, arrange, read_gallery, unlisted_in
from gateway.pages.feed import Row, SnapshotFeed, link_to
from gateway.pages.layout import PageContext
from gateway.pages.state import state_of


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart with its numbers, or with the reason why the caller may not see them."""

    chart: Chart
    link: str
    numbers: Numbers | None
    refusal: str = ""


class Dashboard:
    """The page; its charts are defined in this package's `charts.toml`."""

    def __init__(self) -> None:
        self._gallery: Gallery = read_gallery()

    async def show(self, page: PageContext) -> Response:
        """Return the page with all charts of the newest snapshot, if there is one.

        Raises:
            UpstreamUnavailable: the snapshot was evicted meanwhile; a newer one exists.
        """
        newest = page.service.status().newest
        snapshot = newest and SnapshotFeed(page.service, newest.id, page.root)
        schema = page.service.schema
        listed = (p for p in self._gallery.charts if unlisted_in(p.url, schema) is None)
        charts = tuple(listed) if snapshot else ()
        started = time.perf_counter()
        figures = await self._figures(snapshot) if snapshot else {}
        drawn = [await self._draw(each, snapshot, page.root) for each in charts] if snapshot else []
        return page.show(
            "dashboard.html",
            section="dashboard",
            state=state_of(page.service),
            figures=figures,
            percents=self._gallery.figures.percents,
            drawn=drawn,
            queries=1 + len(charts),
            milliseconds=(time.perf_counter() - started) * 1_000,
            colours=self._gallery.colours,
        )

    async def _figures(self, snapshot: SnapshotFeed) -> Row:
        """Return the key figures; empty if the caller may not see a column that they need."""
        try:
            rows = await snapshot.rows(self._gallery.figures.url)
        except UpstreamUnavailable:
            raise
        except GatewayError:
            return {}
        return {k: v for k, v in rows[0].items() if "@" not in k and v is not None}

    async def _draw(self, chart: Chart, snapshot: SnapshotFeed, root: str) -> Drawn:
        link = link_to(root, chart.url)
        try:
            rows = await snapshot.rows(chart.url)
        except UpstreamUnavailable:
            raise
        except GatewayError as error:
            return Drawn(chart, link, None, error.message)
        return Drawn(chart, link, arrange(chart, rows, self._gallery.colours))
