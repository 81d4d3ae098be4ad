"""The routes of the service; everything OData is one endpoint."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import URLPath
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Match, NoMatchFound, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.edge.browser_pages import BrowserPages
from gateway.edge.last_queries import LastQueries
from gateway.edge.public_root import EXPLAIN_PATH, SERVICE_PATH, Connection
from gateway.edm.openapi import render_openapi
from gateway.errors import GatewayError, InternalError, MethodNotAllowed, ResourceNotFound
from gateway.web.batch import BatchEndpoint
from gateway.web.connect import connect_routes
from gateway.web.disconnect import CancelOnDisconnect
from gateway.web.insight import ExplainEndpoint, StatusEndpoint
from gateway.web.odata import ODataEndpoint
from gateway.web.operator import OperatorEndpoints
from gateway.web.requests import RequestsEndpoint
from gateway.web.respond import protecting, react_to_error, to_response

_PRIVATE = {"Cache-Control": "private, no-cache"}  # it is the caller's own


def build_web(
    endpoint: ODataEndpoint,
    operator: OperatorEndpoints,
    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]],
    people: BrowserPages,
    middleware: Sequence[Middleware] = (),
) -> Starlette:
    """The ASGI application; `middleware` stands around all routes, the first one outermost.

    `people` get pages where programs get JSON, but below the service root.
    """
    entrance = endpoint.entrance
    queries = LastQueries(entrance, endpoint.observer, operator.ledger)
    refuse = _refusing(people)

    async def describe(request: Request) -> Response:
        service = await entrance.admit(request.scope)  # it names the workspace's own columns
        base = endpoint.root.base(Connection.of(request.scope))
        return JSONResponse(render_openapi(service.schema, base), headers=_PRIVATE)

    async def home(request: Request) -> Response:
        return RedirectResponse(f"{SERVICE_PATH.lstrip('/')}/")

    app = Starlette(
        routes=[
            *people.routes,
            RawRoute(SERVICE_PATH, BatchEndpoint(endpoint)),
            RawRoute(EXPLAIN_PATH, ExplainEndpoint(entrance, endpoint.observer, endpoint.root_of)),
            Route("/status", StatusEndpoint(entrance).__call__),
            Route("/", home),
            Route("/requests", RequestsEndpoint(queries).__call__),
            Route("/healthz", operator.health),
            Route("/readyz", operator.ready),
            Route("/metrics", operator.metrics),
            Route("/openapi.json", describe),
            *connect_routes(endpoint),
        ],
        exception_handlers={HTTPException: refuse, GatewayError: refuse, Exception: _fail},
        lifespan=lifespan,
        middleware=(*middleware, Middleware(CancelOnDisconnect)),
    )
    app.router.redirect_slashes = False  # it knows neither https nor prefix of a proxy in front
    return app


class RawRoute(BaseRoute):
    """A path and all below it, found by the undecoded path.

    A key may hold any character once decoded, line breaks and slashes too, which a route's pattern
    would not match or would cut in two.
    """

    def __init__(self, root: str, endpoint: ASGIApp) -> None:
        self._endpoint = endpoint
        self._root = root.encode()

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Starlette's question."""
        found = scope["type"] == "http" and (
            scope["raw_path"] == self._root or scope["raw_path"].startswith(self._root + b"/")
        )
        return (Match.FULL if found else Match.NONE), {}

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """No URL is made here: that is the writer's (`gateway.writer.links`)."""
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        await self._endpoint(scope, receive, send)


def _refusing(
    people: BrowserPages,
) -> Callable[[Request, Exception], Coroutine[None, None, Response]]:
    """What lies outside the service root is refused as inside; people get a page that says it."""

    async def refuse(request: Request, problem: Exception) -> Response:
        error = _told(request, problem)
        page = people.refuse(request, error)
        return to_response(react_to_error(error, "4.0")) if page is None else page

    return refuse


async def _fail(request: Request, problem: Exception) -> Response:
    """Answer for an endpoint that failed; Starlette sends this outside of all middleware."""
    error = InternalError("the gateway failed; its log tells why")
    response = to_response(react_to_error(error, "4.0"))
    response.raw_headers += protecting(response.raw_headers)
    return response


def _told(request: Request, problem: Exception) -> GatewayError:
    if isinstance(problem, GatewayError):
        return problem
    if not isinstance(problem, HTTPException):  # Starlette looks handlers up by class
        raise problem
    if problem.status_code == MethodNotAllowed.status:
        return MethodNotAllowed(f"{request.method} is not served here; use GET")
    return ResourceNotFound(f"nothing is here; the service root is {SERVICE_PATH}/")
