"""The routes of the service; everything OData is one endpoint."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from gateway.edm.model import Schema
from gateway.edm.openapi import render_openapi
from gateway.web.odata import ODataEndpoint
from gateway.web.public_root import SERVICE_PATH


def build_web(
    endpoint: ODataEndpoint,
    schema: Schema,
    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]],
) -> Starlette:
    """The ASGI application."""
    openapi = render_openapi(schema)

    async def describe(request: Request) -> Response:
        return JSONResponse(openapi)

    async def health(request: Request) -> Response:
        return PlainTextResponse("ok")

    async def home(request: Request) -> Response:
        return RedirectResponse(f"{SERVICE_PATH.lstrip('/')}/")

    return Starlette(
        routes=[
            Route("/", home),
            Route("/healthz", health),
            Route("/openapi.json", describe),
            Route(SERVICE_PATH, endpoint),
            Route(SERVICE_PATH + "/{path:path}", endpoint),
        ],
        lifespan=lifespan,
    )
