"""The home page: the state of the data, the tables, and links to connect tools."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import anyio
from starlette.responses import RedirectResponse, Response

from gateway.edm.model import EntitySet, Property
from gateway.errors import GatewayError
from gateway.pages.back import path_back
from gateway.pages.browser import check_same_site
from gateway.pages.feed import SnapshotFeed
from gateway.pages.insights import headlines
from gateway.pages.layout import PageContext
from gateway.pages.shown import Shown
from gateway.pages.state import state_of
from gateway.service.service import QueryService

_COUNT_TIMEOUT_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Table:
    """An entity set as the page shows it; `rows` is None if the count is not known yet."""

    entity_set: EntitySet
    rows: int | None
    columns: tuple[TableColumn, ...]


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column; `upstream` is True if conditions on it narrow the requests to the Analytics API."""

    prop: Property
    is_key: bool
    upstream: bool

    @property
    def type(self) -> str:
        """Return the type's name without its namespace, which is always the same."""
        return self.prop.type.value.removeprefix("Edm.")


async def show_home(page: PageContext) -> Response:
    """Return the home page."""
    service = page.service
    counts = await _counts(page)
    tables = [
        Table(each, counts.get(each.name), _columns(service, each))
        for each in service.schema.entity_sets
    ]
    figures = await _headlines(page)
    state = state_of(service)
    return page.show("home.html", section="home", state=state, tables=tables, figures=figures)


async def _headlines(page: PageContext) -> tuple[Shown, ...]:
    """Return the key figures; none if there is no snapshot, or the query fails."""
    newest = page.service.status().newest
    if newest is None:
        return ()
    feed = SnapshotFeed(page.service, newest.id, page.root)
    with suppress(GatewayError):
        return await headlines(page, feed, newest.taken_at)
    return ()


async def read_now(page: PageContext) -> Response:
    """Start an extract of all rows, and redirect to the page whose button was pressed.

    Raises:
        AccessDenied: another site sent the form.
    """
    check_same_site(page.request.headers, page.certain_root)
    page.service.begin()
    back = path_back(page.request.query_params.get("back", ""))
    return RedirectResponse(page.base + back, 303)


async def _counts(page: PageContext) -> dict[str, int]:
    """Return the row counts of the sets that can be counted within a second.

    A set is derived from the snapshot on its first use, so a reload of the page may show more.
    """
    counts: dict[str, int] = {}
    newest = page.service.status().newest
    if newest is None:
        return counts
    snapshot = SnapshotFeed(page.service, newest.id, page.root)
    with anyio.move_on_after(_COUNT_TIMEOUT_SECONDS):
        for each in page.service.schema.entity_sets:
            with suppress(GatewayError):  # evicted, or counted by a set that is hidden
                counts[each.name] = await snapshot.count(each.name)
    return counts


def _columns(service: QueryService, entity_set: EntitySet) -> tuple[TableColumn, ...]:
    upstream, kind = service.filtered_upstream(entity_set.name), entity_set.entity_type
    return tuple(
        TableColumn(prop, prop.name in kind.key, prop.name in upstream) for prop in kind.properties
    )
