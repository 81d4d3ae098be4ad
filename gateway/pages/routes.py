"""The routes of the pages. At URLs that the feed uses too, only browsers get a page."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.datastructures import Headers, URLPath
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, NoMatchFound, Route, request_response
from starlette.types import Receive, Scope, Send

from gateway.edge.admission import Admission, attribute_to_caller
from gateway.edge.browser_pages import BrowserPages
from gateway.edge.last_queries import LastQueries
from gateway.edge.public_root import EXPLAIN_PATH, SERVICE_PATH, PublicRoot
from gateway.errors import GatewayError, InternalError
from gateway.observe import Observer
from gateway.observe.ledger import Ledger
from gateway.pages.browser import is_browser, prefers_html
from gateway.pages.builder.page import query_as_json, read_for_query, show_query
from gateway.pages.connect import Connect
from gateway.pages.dashboard import Dashboard
from gateway.pages.home import read_now, show_home
from gateway.pages.insights import show_insights
from gateway.pages.languages import read_languages
from gateway.pages.layout import Layout, PageContext
from gateway.pages.observing import ObservationPages, show_explanation
from gateway.pages.rows import show_feed, show_rows
from gateway.pages.subjects import show_content, show_person
from gateway.pages.switch import switch_language

_COLLECTION = re.compile(re.escape(SERVICE_PATH).encode() + rb"/[A-Za-z][A-Za-z0-9]*")
_OF_FEED = re.compile(rb"(?i)(?:^|&)(?:%24|\$)?(?:format|expand|skiptoken|deltatoken)=")
Page = Callable[[PageContext], Awaitable[Response]]


def build_pages(
    admission: Admission, root: PublicRoot, observer: Observer, ledger: Ledger
) -> BrowserPages:
    """Build all pages and the layout that they share."""
    layout = Layout(admission, root, observer, read_languages())
    observation = ObservationPages(LastQueries(admission, observer, ledger))
    return BrowserPages(_routes(layout, observation), layout.refuse_person)


def _routes(layout: Layout, observation: ObservationPages) -> Sequence[BaseRoute]:
    connect, dashboard = Connect(), Dashboard()
    return (
        Route("/assets/{version}/{name}", GZipMiddleware(request_response(layout.assets.serve))),
        Route("/favicon.ico", layout.assets.serve_icon),
        PageRoute(layout, show_home, "/"),
        PageRoute(layout, show_home, SERVICE_PATH, f"{SERVICE_PATH}/", bare=True),
        PageRoute(layout, show_insights, "/insights", only=True),
        PageRoute(layout, show_rows, "/rows", only=True),
        PageRoute(layout, show_person, "/person", only=True),
        PageRoute(layout, show_content, "/content", only=True),
        FeedRoute(layout, show_feed),
        PageRoute(layout, dashboard.show, "/dashboard", only=True),
        PageRoute(layout, connect.show, "/connect", only=True),
        PageRoute(layout, observation.show_status, "/status"),
        PageRoute(layout, observation.show_requests, "/requests"),
        PageRoute(layout, observation.show_schema, "/schema", only=True),
        PageRoute(layout, show_explanation, EXPLAIN_PATH, below=True),
        PageRoute(layout, read_now, "/read-now", method="POST", only=True),
        PageRoute(layout, switch_language, "/language", method="POST", only=True),
        PageRoute(layout, show_query, "/query", only=True),
        PageRoute(layout, query_as_json, "/query.json", only=True),
        PageRoute(layout, read_for_query, "/query/read-now", method="POST", only=True),
    )


class PageRoute(BaseRoute):
    """A page at URLs that the feed may serve too, to clients that do not prefer `text/html`.

    `bare` matches only URLs without a query, because options belong to the feed. `below` also
    matches all undecoded paths below the given ones. `only` serves the page to all clients, because
    nothing else is at these URLs.
    """

    def __init__(
        self,
        layout: Layout,
        page: Page,
        *paths: str,
        method: str = "GET",
        bare: bool = False,
        below: bool = False,
        only: bool = False,
    ) -> None:
        self._layout, self._page = layout, page
        self._paths = tuple(path.encode() for path in paths)
        self._methods = ("GET", "HEAD") if method == "GET" else (method,)
        self._bare, self._below, self._only = bare, below, only

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether this route serves a request, as Starlette requires."""
        is_match = (
            scope["type"] == "http"
            and scope["method"] in self._methods
            and self._is_at(scope["raw_path"])
            and not (self._bare and scope["query_string"])
            and (self._only or prefers_html(Headers(scope=scope)))
        )
        return (Match.FULL if is_match else Match.NONE), {}

    def _is_at(self, path: bytes) -> bool:
        return path in self._paths or (
            self._below and any(path.startswith(each + b"/") for each in self._paths)
        )

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """Raise: pages build their own URLs."""
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; ASGI."""
        response = await self._respond(Request(scope, receive))
        if scope["method"] == "HEAD":
            response.body = b""
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        layout, root = self._layout, f"{SERVICE_PATH}/"
        language = layout.languages.of(request)
        try:
            root = layout.root_of(request)
            service = await layout.admission.admit(request.scope)
            return await self._page(PageContext(request, service, root, layout, language))
        except GatewayError as error:
            return layout.refuse(attribute_to_caller(error, request.scope), root, language)
        except Exception as error:  # the last line of defence
            layout.observer.fault("an unexpected failure", error)
            return layout.refuse(InternalError.unexpected(), root, language)


class FeedRoute(PageRoute):
    """The page of a collection at the URL of its feed, for browsers alone.

    A URL with `$format` or `$expand`, or one that continues a feed, is the feed's for all clients.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether this route serves a request, as Starlette requires."""
        is_match = (
            scope["type"] == "http"
            and scope["method"] in self._methods
            and _COLLECTION.fullmatch(scope["raw_path"]) is not None
            and _OF_FEED.search(scope["query_string"]) is None
            and is_browser(Headers(scope=scope))
        )
        return (Match.FULL if is_match else Match.NONE), {}
