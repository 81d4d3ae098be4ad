"""Pages about the gateway itself: what it has and reads, what was asked, what a query would do."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from starlette.responses import Response

from gateway.edge.last_queries import LastQueries
from gateway.edge.public_root import EXPLAIN_PATH
from gateway.observe.oddities import OddRows
from gateway.pages.layout import PageContext
from gateway.pages.plan import lines_of, request_of
from gateway.pages.state import newest, state_of
from gateway.planner.explain import explain_pushdown
from gateway.service.service import QueryService


@dataclass(frozen=True, slots=True)
class Watching:
    """What goes on."""

    queries: LastQueries

    async def show_status(self, visit: PageContext) -> Response:
        """The snapshots at hand and the extracts that are being read; to a role without numbers."""
        tables, extracts = visit.service.status()
        return visit.show(
            "status.html",
            section="status",
            state=state_of(visit.service),
            tells=not visit.service.is_limited,
            tables=[
                (each, explain_pushdown(each.key.pushdown), visit.service.standing(each))
                for each in tables
            ],
            extracts=[(each, explain_pushdown(each.key.pushdown)) for each in extracts],
            odd=_odd(visit.service),
            has_requests=await self.queries.may_see(visit.request.scope),
        )

    async def show_requests(self, visit: PageContext) -> Response:
        """The last queries of the workspace.

        Raises:
            AccessDenied: the caller has a role.
        """
        found = await self.queries.of(visit.request.scope)
        return visit.show("requests.html", section="status", requests=found)


def _odd(service: QueryService) -> tuple[OddRows, ...]:
    """What is strange about the newest snapshot of all rows; a role sees no numbers of all rows."""
    table = None if service.is_limited else newest(service)
    return () if table is None else table.extracted.odd


async def show_explanation(visit: PageContext) -> Response:
    """The plan of the query that stands in the URL behind `/explain/`.

    Raises:
        GatewayError: what the feed would answer, or the caller may not see plans.
    """
    scope = visit.request.scope
    await visit.house.entrance.check_explain(scope)
    path = scope["raw_path"].removeprefix(EXPLAIN_PATH.encode()).removeprefix(b"/")
    query, _ = visit.house.entrance.without_key(scope, scope["query_string"])
    found = visit.service.explain(await visit.service.understand(path, query, visit.root))
    below = (path + (b"?" + query if query else b"")).decode("latin-1")
    return visit.show(
        "explain.html",
        section="",
        query=unquote(below),
        link=visit.root + below,
        lines=lines_of(found),
        payload=request_of(found),
    )
