"""Pages about the gateway itself: its snapshots, recent queries, and explanations of queries."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from starlette.responses import Response

from gateway.edge.last_queries import LastQueries
from gateway.edge.public_root import EXPLAIN_PATH
from gateway.edm.model import aliases_of
from gateway.errors import AccessDenied
from gateway.observe.health import find_problems
from gateway.pages.layout import PageContext
from gateway.pages.plan import lines_of, request_of
from gateway.pages.state import state_of


@dataclass(frozen=True, slots=True)
class ObservationPages:
    """The status page and the page of recent queries."""

    queries: LastQueries

    async def show_status(self, page: PageContext) -> Response:
        """Return the cached snapshots, running extracts, and what is wrong now.

        A role sees no row counts. Problems are for those who may see the queries of others.
        """
        is_operator = await self.queries.may_see(page.request.scope)
        facts = await page.service.health() if is_operator else None
        return page.show(
            "status.html",
            section="status",
            state=state_of(page.service),
            status=page.service.status(),
            problems=None if facts is None else find_problems(facts),
            has_requests=is_operator,
        )

    async def show_requests(self, page: PageContext) -> Response:
        """Return the recent queries of the workspace, and what they cost by caller.

        Raises:
            AccessDenied: the caller has a role.
        """
        scope = page.request.scope
        return page.show(
            "requests.html",
            section="status",
            requests=await self.queries.of(scope),
            callers=await self.queries.by_caller(scope),
        )

    async def show_schema(self, page: PageContext) -> Response:
        """Return the changes of the published columns, newest first, and the old names alive.

        Raises:
            AccessDenied: the caller does not see the whole workspace.
        """
        if not await self.queries.may_see(page.request.scope):
            raise AccessDenied(
                "only a key that may see the whole workspace shows the changes of all roles; use a"
                " key without a role and without a list of entity sets"
            )
        found = page.service.schema_versions()
        versions = [(name, each) for name, audience in found.items() for each in audience.versions]
        return page.show(
            "schema.html",
            section="status",
            version=page.service.schema.version,
            versions=sorted(versions, key=lambda pair: pair[1].at, reverse=True),
            aliases=aliases_of(page.service.schema),
        )


async def show_explanation(page: PageContext) -> Response:
    """Return the plan of the query in the URL after `/explain/`.

    Raises:
        GatewayError: as the feed would; also if the caller may not see plans.
    """
    scope = page.request.scope
    await page.layout.admission.check_explain(scope)
    path = scope["raw_path"].removeprefix(EXPLAIN_PATH.encode()).removeprefix(b"/")
    query, _ = page.layout.admission.without_key(scope, scope["query_string"])
    explanation = page.service.explain(await page.service.understand(path, query, page.root))
    relative = (path + (b"?" + query if query else b"")).decode("latin-1")
    return page.show(
        "explain.html",
        section="",
        query=unquote(relative),
        link=page.root + relative,
        lines=lines_of(explanation),
        payload=request_of(explanation),
    )
