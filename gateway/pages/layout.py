"""The house that all pages live in: one layout, one set of texts, one set of headers.

A page is a function from a `PageContext` to a response. It reads from the caller's own
`QueryService`, so that it can show nothing that a feed of the same caller would not.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from gateway.edge.entrance import Entrance
from gateway.edge.public_root import SERVICE_PATH, Connection, PublicRoot
from gateway.errors import GatewayError
from gateway.observe import Observer
from gateway.observe.record import note_error
from gateway.pages.assets import Assets
from gateway.pages.browser import prefers_html
from gateway.pages.wording import FILTERS
from gateway.service.service import QueryService

_SECTIONS = (
    ("home", ""),
    ("query", "query"),
    ("dashboard", "dashboard"),
    ("connect", "connect"),
    ("status", "status"),
)
"""What the navigation leads to, and where that is."""
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Accept, User-Agent",
}


class Layout:
    """Writes pages."""

    def __init__(self, entrance: Entrance, root: PublicRoot, observer: Observer) -> None:
        self.entrance = entrance
        self.observer = observer
        self.assets = Assets()
        self.texts = read_texts()
        self._root = root
        self._templates = Environment(
            loader=PackageLoader("gateway.pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(FILTERS)
        self._templates.globals.update(t=self.texts, sections=_SECTIONS)

    def root_of(self, request: Request) -> str:
        """The service root as the browser knows it.

        Raises:
            InvalidValue: Host is missing or no host.
        """
        return self._root.of(Connection.of(request.scope))

    def certain_root_of(self, request: Request) -> str:
        """Return the service root as far as it is sure: see `PublicRoot.certain`.

        Raises:
            InvalidValue: Host is missing or no host.
        """
        return self._root.certain(Connection.of(request.scope))

    def write(
        self, template: str, root: str, context: Mapping[str, object], status: int = 200
    ) -> Response:
        """A page in the layout; of what a template needs nothing may be missing."""
        base = base_of(root)
        text = self._templates.get_template(template).render(
            root=root, base=base, asset=lambda name: base + self.assets.path(name), **context
        )
        return Response(text, status, _HEADERS)

    def refuse(self, error: GatewayError, root: str) -> Response:
        """What a person is told when there is no page for them."""
        note_error(error.code)
        response = self.write("error.html", root, {"error": error}, error.status)
        response.headers.update(dict(error.headers))
        return response

    def refuse_person(self, request: Request, error: GatewayError) -> Response | None:
        """The same for a request that is none for a page; None for who wants JSON."""
        if not prefers_html(request.headers):
            return None
        try:
            root = self.root_of(request)
        except GatewayError:
            root = f"{SERVICE_PATH}/"
        return self.refuse(error, root)


@dataclass(frozen=True, slots=True)
class PageContext:
    """Who asks for which page; `root` is the service root, absolute, with a slash at its end."""

    request: Request
    service: QueryService
    root: str
    house: Layout

    @property
    def base(self) -> str:
        """The path of the first page; all others are below it."""
        return base_of(self.root)

    @property
    def certain_root(self) -> str:
        """The service root, without the words of proxies that the owner has not named."""
        return self.house.certain_root_of(self.request)

    def show(self, template: str, /, **context: object) -> Response:
        """The page that a template makes of `context`; `section` is its place in the navigation."""
        return self.house.write(template, self.root, context)


def base_of(root: str) -> str:
    """The path that the gateway has at its clients, behind whatever proxies.

    >>> base_of("https://bi.example.com/analytics/odata/v4/")
    '/analytics/'
    """
    return urlsplit(root).path.removesuffix(f"{SERVICE_PATH}/") + "/"


def read_texts(language: str = "en") -> SimpleNamespace:
    """All words of all pages, by page; a file in `texts` for each language."""
    name = f"{language}.toml"
    found = tomllib.loads(files("gateway.pages").joinpath("texts", name).read_text("utf-8"))
    return _by_name(found)


def _by_name(table: Mapping[str, Any]) -> SimpleNamespace:
    """A table whose entries are attributes; a dict has others of its own, such as `copy`."""
    entries = ((k, _by_name(v) if isinstance(v, dict) else v) for k, v in table.items())
    return SimpleNamespace(**dict(entries))
