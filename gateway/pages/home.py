"""The first page: what this is, of when the rows are, which tables there are, how to connect."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import anyio
from starlette.responses import RedirectResponse, Response

from gateway.edm.model import EntitySet, Property
from gateway.errors import GatewayError
from gateway.pages.browser import check_same_site
from gateway.pages.feed import SnapshotRows
from gateway.pages.layout import PageContext
from gateway.pages.state import newest, state_of
from gateway.service.service import QueryService

_PATIENCE_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Table:
    """An entity set as the page shows it; `rows` is None while none are at hand."""

    entity_set: EntitySet
    rows: int | None
    columns: tuple[TableColumn, ...]


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column; `upstream` tells that conditions on it narrow what the Analytics API is asked."""

    prop: Property
    is_key: bool
    upstream: bool

    @property
    def type(self) -> str:
        """The type's name without its namespace, which is always the same."""
        return self.prop.type.value.removeprefix("Edm.")


async def show_home(visit: PageContext) -> Response:
    """The page."""
    service = visit.service
    counts = await _counts(visit)
    tables = [
        Table(each, counts.get(each.name), _columns(service, each))
        for each in service.schema.entity_sets
    ]
    return visit.show("home.html", section="home", state=state_of(service), tables=tables)


async def read_now(visit: PageContext) -> Response:
    """What the button does: begin to read all rows, and show how far that is.

    Raises:
        AccessDenied: another site has sent the form.
    """
    check_same_site(visit.request.headers, visit.certain_root)
    visit.service.begin()
    return RedirectResponse(visit.base, 303)


async def _counts(visit: PageContext) -> dict[str, int]:
    """How many rows each set has, as far as that is known or found out within a second.

    A set is made of the snapshot the first time that anybody asks for it; who looks at the page
    anew sees more.
    """
    counts: dict[str, int] = {}
    table = newest(visit.service)
    if table is None:
        return counts
    kept = SnapshotRows(visit.service, table, visit.root)
    with anyio.move_on_after(_PATIENCE_SECONDS):
        for each in visit.service.schema.entity_sets:
            with suppress(GatewayError):  # no longer kept, or counted by a set that is hidden
                counts[each.name] = await kept.count(each.name)
    return counts


def _columns(service: QueryService, entity_set: EntitySet) -> tuple[TableColumn, ...]:
    asked, kind = service.filtered_upstream(entity_set.name), entity_set.entity_type
    return tuple(
        TableColumn(prop, prop.name in kind.key, prop.name in asked) for prop in kind.properties
    )
