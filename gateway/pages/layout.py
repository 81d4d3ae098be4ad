"""The frame of all pages: one layout, one set of texts, one set of headers.

A page is a function from a `PageContext` to a response. It reads from the caller's own
`QueryService`, so it shows only what the same caller's feeds would.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from gateway.edge.admission import Admission
from gateway.edge.public_root import SERVICE_PATH, Connection, PublicRoot
from gateway.errors import GatewayError, InvalidValue
from gateway.observe import Observer
from gateway.observe.record import note_error
from gateway.pages.assets import Assets
from gateway.pages.back import path_of
from gateway.pages.browser import prefers_html
from gateway.pages.languages import Language, Languages
from gateway.pages.wording import template_filters
from gateway.service.service import QueryService

_SECTIONS = (
    ("home", ""),
    ("insights", "insights"),
    ("query", "query"),
    ("dashboard", "dashboard"),
    ("connect", "connect"),
    ("status", "status"),
)
"""The entries of the navigation and their paths."""
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
    "Vary": "Accept, User-Agent, Accept-Language, Cookie",
}


class Layout:
    """The renderer of pages and of error pages."""

    def __init__(
        self,
        admission: Admission,
        root: PublicRoot,
        observer: Observer,
        languages: Languages,
    ) -> None:
        self.admission = admission
        self.observer = observer
        self.assets = Assets()
        self.languages = languages
        self._root = root
        self._templates = Environment(
            loader=PackageLoader("gateway.pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(template_filters())
        self._templates.globals.update(sections=_SECTIONS, languages=languages.names)

    def root_of(self, request: Request) -> str:
        """Return the service root as the browser sees it.

        Raises:
            InvalidValue: the Host header is missing or invalid.
        """
        return self._root.of(Connection.of(request.scope))

    def certain_root_of(self, request: Request) -> str:
        """Return the verified service root; see `PublicRoot.certain`.

        Raises:
            InvalidValue: the Host header is missing or invalid.
        """
        return self._root.certain(Connection.of(request.scope))

    def write(
        self,
        template: str,
        root: str,
        language: Language,
        context: Mapping[str, object],
        status: int = 200,
    ) -> Response:
        """Return a page in the layout; `context` must have all names that the template uses."""
        base = base_of(root)
        text = self._templates.get_template(template).render(
            root=root,
            base=base,
            asset=lambda name: base + self.assets.path(name),
            language=language,
            t=language.texts,
            wording=language.wording,
            **context,
        )
        return Response(text, status, {**_HEADERS, "Content-Language": language.tag})

    def refuse(self, error: GatewayError, root: str, language: Language) -> Response:
        """Return the error page; the error itself is in English."""
        note_error(error.code)
        response = self.write("error.html", root, language, {"error": error}, error.status)
        response.headers.update(dict(error.headers))
        return response

    def refuse_person(self, request: Request, error: GatewayError) -> Response | None:
        """Return the error page for any route, or None if the client prefers JSON."""
        if not prefers_html(request.headers):
            return None
        try:
            root = self.root_of(request)
        except GatewayError:
            root = f"{SERVICE_PATH}/"
        return self.refuse(error, root, self.languages.of(request))


@dataclass(frozen=True, slots=True)
class PageContext:
    """The request and caller of a page; `root` is the absolute service root, ending in a slash."""

    request: Request
    service: QueryService
    root: str
    layout: Layout
    language: Language

    @property
    def base(self) -> str:
        """Return the path of the home page; all other pages are below it."""
        return base_of(self.root)

    @property
    def certain_root(self) -> str:
        """Return the service root, ignoring headers of proxies that the operator has not named."""
        return self.layout.certain_root_of(self.request)

    def asked(self) -> dict[str, str]:
        """Return the options of the URL, without an access key.

        Raises:
            InvalidValue: one is there twice; a page that took the last would ignore the other.
        """
        scope = self.request.scope
        query, _ = self.layout.admission.without_key(scope, scope["query_string"])
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in found if names.count(name) > 1)
            raise InvalidValue(f"{twice[:60]} is in the URL twice; leave one out")
        return found

    def show(self, template: str, /, **context: object) -> Response:
        """Return the page of a template; `section` in `context` is the navigation entry to mark."""
        shown = {"back": self._back(), **context}
        return self.layout.write(template, self.root, self.language, shown)

    def _back(self) -> str:
        """Return the path of this page, without an access key, for forms that lead back to it."""
        scope = self.request.scope
        query, _ = self.layout.admission.without_key(scope, scope["query_string"])
        return path_of(scope["raw_path"], query)


def base_of(root: str) -> str:
    """Return the gateway's path as clients see it, including the prefix of a proxy.

    >>> base_of("https://bi.example.com/analytics/odata/v4/")
    '/analytics/'
    """
    return urlsplit(root).path.removesuffix(f"{SERVICE_PATH}/") + "/"
