"""The dashboard: pictures of one snapshot, each with the query that it is drawn from.

The server writes every number as a table; the script in the browser only draws what stands there.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from starlette.responses import Response

from gateway.errors import GatewayError, UpstreamUnavailable
from gateway.pages.feed import Row, SnapshotRows, link_to
from gateway.pages.layout import PageContext
from gateway.pages.pictures import Gallery, Numbers, Picture, arrange, read_gallery, unlisted_in
from gateway.pages.state import newest, state_of


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture, its numbers, or why it has none: the caller may not see what it needs."""

    picture: Picture
    link: str
    numbers: Numbers | None
    refusal: str = ""


class Dashboard:
    """The page; what it shows is data of this package."""

    def __init__(self) -> None:
        self._gallery: Gallery = read_gallery()

    async def show(self, visit: PageContext) -> Response:
        """All pictures of the newest snapshot; none while there is none.

        Raises:
            UpstreamUnavailable: the snapshot went while they were made; the next one is there.
        """
        table = newest(visit.service)
        kept = table and SnapshotRows(visit.service, table, visit.root)
        schema = visit.service.schema
        listed = (p for p in self._gallery.pictures if unlisted_in(p.url, schema) is None)
        pictures = tuple(listed) if kept else ()
        began = time.perf_counter()
        figures = await self._figures(kept) if kept else {}
        drawn = [await self._draw(each, kept, visit.root) for each in pictures] if kept else []
        return visit.show(
            "dashboard.html",
            section="dashboard",
            state=state_of(visit.service),
            figures=figures,
            drawn=drawn,
            queries=1 + len(pictures),
            milliseconds=(time.perf_counter() - began) * 1_000,
            colours=self._gallery.colours,
        )

    async def _figures(self, kept: SnapshotRows) -> Row:
        """None where the caller may not see a column that one of them needs."""
        try:
            rows = await kept.rows(self._gallery.figures.url)
        except UpstreamUnavailable:
            raise
        except GatewayError:
            return {}
        return {k: v for k, v in rows[0].items() if "@" not in k and v is not None}

    async def _draw(self, picture: Picture, kept: SnapshotRows, root: str) -> Drawn:
        link = link_to(root, picture.url)
        try:
            rows = await kept.rows(picture.url)
        except UpstreamUnavailable:
            raise
        except GatewayError as error:
            return Drawn(picture, link, None, error.message)
        return Drawn(picture, link, arrange(picture, rows, self._gallery.colours))
