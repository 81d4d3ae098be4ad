"""`/requests`: the last queries, for programs; see `gateway.edge.last_queries`."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from gateway.edge.last_queries import LastQueries
from gateway.web.insight import as_json


@dataclass(frozen=True, slots=True)
class RequestsEndpoint:
    """The list as JSON."""

    queries: LastQueries

    async def __call__(self, request: Request) -> Response:
        """The endpoint of a route; failures are told by the application.

        Raises:
            AccessDenied: the caller has a role.
        """
        return as_json({"requests": await self.queries.of(request.scope)})
