"""The switch of the language: a form of each page, which needs no script."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.responses import RedirectResponse, Response

from gateway.errors import InvalidValue
from gateway.pages.back import path_back
from gateway.pages.browser import check_same_site
from gateway.pages.languages import COOKIE
from gateway.pages.layout import PageContext

_YEAR_SECONDS = 31_536_000


async def switch_language(page: PageContext) -> Response:
    """Keep the language `to` in a cookie, and redirect to the page that sent the form.

    Raises:
        AccessDenied: another site sent the form.
        InvalidValue: the pages do not have this language.
    """
    check_same_site(page.request.headers, page.certain_root)
    code = page.request.query_params.get("to", "")
    if code not in page.layout.languages:
        known = ", ".join(name for name, _ in page.layout.languages.names)
        raise InvalidValue(f"to: the pages do not have this language; choose one of {known}")
    response = RedirectResponse(came_from(page.request.headers, page.certain_root, page.base), 303)
    response.set_cookie(
        COOKIE,
        code,
        max_age=_YEAR_SECONDS,
        path=page.base,
        secure=page.certain_root.startswith("https:"),
        httponly=True,
        samesite="lax",
    )
    return response


def came_from(headers: Mapping[str, str], root: str, base: str) -> str:
    """Return the path and query of the page that sent a form, or the home page's if it is unknown.

    `root` is the verified public URL. Only pages of this gateway count, and a browser sends the
    whole URL to its own site (`Referrer-Policy: same-origin`).

    >>> came_from({"referer": "https://bi.example.com/rows?url=a"}, "https://bi.example.com/", "/")
    '/rows?url=a'
    >>> came_from({"referer": "https://evil.example.com/rows"}, "https://bi.example.com/", "/")
    '/'
    """
    try:
        found, own = urlsplit(headers.get("referer", "")), urlsplit(root)
    except ValueError:
        return base
    is_own = (found.scheme, found.netloc) == (own.scheme, own.netloc)
    if not is_own or not found.path.startswith(base):
        return base
    path = found.path.removeprefix(base)
    return base + path_back(f"{path}?{found.query}" if found.query else path)
