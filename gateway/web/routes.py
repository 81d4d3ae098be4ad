"""The routes of the service; all OData requests go to one endpoint."""

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
from gateway.web.insight import ExplainEndpoint, RequestsEndpoint, StatusEndpoint
from gateway.web.odata import ODataEndpoint
from gateway.web.operator import OperatorEndpoints
from gateway.web.respond import error_response, protecting, to_starlette_response

_PRIVATE = {"Cache-Control": "private, no-cache"}  # it belongs to the caller


def build_web(
    endpoint: ODataEndpoint,
    operator: OperatorEndpoints,
    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]],
    pages: BrowserPages,
    middleware: Sequence[Middleware] = (),
) -> Starlette:
    """Return the ASGI application; `middleware` wraps all routes, the first one outermost.

    Browsers get `pages` where programs get JSON, except below the service root.
    """
    admission = endpoint.admission
    queries = LastQueries(admission, endpoint.observer, operator.ledger)
    refuse = _error_handler(pages)

    async def describe(request: Request) -> Response:
        service = await admission.admit(request.scope)  # it names columns of the workspace
        base = endpoint.root.base(Connection.of(request.scope))
        return JSONResponse(render_openapi(service.schema, base), headers=_PRIVATE)

    async def home(request: Request) -> Response:
        return RedirectResponse(f"{SERVICE_PATH.lstrip('/')}/")

    app = Starlette(
        routes=[
            *pages.routes,
            RawRoute(SERVICE_PATH, BatchEndpoint(endpoint)),
            RawRoute(EXPLAIN_PATH, ExplainEndpoint(endpoint)),
            Route("/status", StatusEndpoint(admission).__call__),
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
    app.router.redirect_slashes = False  # it ignores the scheme and prefix of a proxy in front
    return app


class RawRoute(BaseRoute):
    """A path and all paths below it, matched before decoding.

    A decoded key may contain any character, also line breaks and slashes, which the pattern of a
    route would not match or would split.
    """

    def __init__(self, root: str, endpoint: ASGIApp) -> None:
        self._endpoint = endpoint
        self._root = root.encode()

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return a full match for the path and all paths below it."""
        found = scope["type"] == "http" and (
            scope["raw_path"] == self._root or scope["raw_path"].startswith(self._root + b"/")
        )
        return (Match.FULL if found else Match.NONE), {}

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """Refuse to build a URL: only `gateway.writer.links` does."""
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        await self._endpoint(scope, receive, send)


def _error_handler(
    pages: BrowserPages,
) -> Callable[[Request, Exception], Coroutine[None, None, Response]]:
    """Return a handler that responds with OData JSON; browsers get a page instead."""

    async def refuse(request: Request, problem: Exception) -> Response:
        error = _to_gateway_error(request, problem)
        page = pages.refuse(request, error)
        return to_starlette_response(error_response(error, "4.0")) if page is None else page

    return refuse


async def _fail(request: Request, problem: Exception) -> Response:
    """Respond for an endpoint that failed; Starlette sends this outside of all middleware."""
    response = to_starlette_response(error_response(InternalError.unexpected(), "4.0"))
    response.raw_headers += protecting(response.raw_headers)
    return response


def _to_gateway_error(request: Request, problem: Exception) -> GatewayError:
    if isinstance(problem, GatewayError):
        return problem
    if not isinstance(problem, HTTPException):  # Starlette looks handlers up by class
        raise problem
    if problem.status_code == MethodNotAllowed.status:
        return MethodNotAllowed(f"{request.method} is not served here; use GET")
    return ResourceNotFound(f"there is nothing at this URL; the service root is {SERVICE_PATH}/")
