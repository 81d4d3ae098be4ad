"""The routes of the pages. Where a URL is the feed's too, a page is for browsers only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.datastructures import Headers, URLPath
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, NoMatchFound, Route, request_response
from starlette.types import Receive, Scope, Send

from gateway.edge.browser_pages import BrowserPages
from gateway.edge.entrance import Entrance, attribute_to_caller
from gateway.edge.last_queries import LastQueries
from gateway.edge.public_root import EXPLAIN_PATH, SERVICE_PATH, PublicRoot
from gateway.errors import GatewayError, InternalError
from gateway.observe import Observer
from gateway.observe.ledger import Ledger
from gateway.pages.browser import prefers_html
from gateway.pages.builder.page import read_for_query, show_query, tell_query
from gateway.pages.connect import Connect
from gateway.pages.dashboard import Dashboard
from gateway.pages.home import read_now, show_home
from gateway.pages.layout import Layout, PageContext
from gateway.pages.observing import Watching, show_explanation

Page = Callable[[PageContext], Awaitable[Response]]


def build_pages(
    entrance: Entrance, root: PublicRoot, observer: Observer, ledger: Ledger
) -> BrowserPages:
    """The pages and what they are made with."""
    house = Layout(entrance, root, observer)
    watching = Watching(LastQueries(entrance, observer, ledger))
    return BrowserPages(_routes(house, watching), house.refuse_person)


def _routes(house: Layout, watching: Watching) -> Sequence[BaseRoute]:
    connect, dashboard = Connect(), Dashboard()
    return (
        Route("/assets/{version}/{name}", GZipMiddleware(request_response(house.assets.serve))),
        Route("/favicon.ico", house.assets.serve_icon),
        PageRoute(house, show_home, "/"),
        PageRoute(house, show_home, SERVICE_PATH, f"{SERVICE_PATH}/", bare=True),
        PageRoute(house, dashboard.show, "/dashboard", only=True),
        PageRoute(house, connect.show, "/connect", only=True),
        PageRoute(house, watching.show_status, "/status"),
        PageRoute(house, watching.show_requests, "/requests"),
        PageRoute(house, show_explanation, EXPLAIN_PATH, below=True),
        PageRoute(house, read_now, "/read-now", method="POST", only=True),
        PageRoute(house, show_query, "/query", only=True),
        PageRoute(house, tell_query, "/query.json", only=True),
        PageRoute(house, read_for_query, "/query/read-now", method="POST", only=True),
    )


class PageRoute(BaseRoute):
    """Pages at URLs that may be others' too, who then go without `text/html` in Accept.

    With `bare` only while the URL has no query: options are the feed's. With `below` everything
    below the paths belongs to the page, found by the undecoded path. With `only` there is nothing
    else at these URLs, and whoever asks gets the page.
    """

    def __init__(
        self,
        house: Layout,
        page: Page,
        *paths: str,
        method: str = "GET",
        bare: bool = False,
        below: bool = False,
        only: bool = False,
    ) -> None:
        self._house, self._page = house, page
        self._paths = tuple(path.encode() for path in paths)
        self._methods = ("GET", "HEAD") if method == "GET" else (method,)
        self._bare, self._below, self._only = bare, below, only

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Starlette's question."""
        found = (
            scope["type"] == "http"
            and scope["method"] in self._methods
            and self._is_at(scope["raw_path"])
            and not (self._bare and scope["query_string"])
            and (self._only or prefers_html(Headers(scope=scope)))
        )
        return (Match.FULL if found else Match.NONE), {}

    def _is_at(self, path: bytes) -> bool:
        return path in self._paths or (
            self._below and any(path.startswith(each + b"/") for each in self._paths)
        )

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """Pages know their URLs."""
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        response = await self._respond(Request(scope, receive))
        if scope["method"] == "HEAD":
            response.body = b""
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        house, root = self._house, f"{SERVICE_PATH}/"
        try:
            root = house.root_of(request)
            service = await house.entrance.admit(request.scope)
            return await self._page(PageContext(request, service, root, house))
        except GatewayError as error:
            return house.refuse(attribute_to_caller(error, request.scope), root)
        except Exception as error:  # the last line of defence
            house.observer.fault("an unexpected failure", error)
            return house.refuse(InternalError.unexpected(), root)
