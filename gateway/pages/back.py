"""The way back to the page whose form was sent, as a path below the gateway's base URL.

The path comes from a URL, so anyone may have written it. Only paths that name a page below the
base are followed: a redirect never leads to another site or another application of the same host.
"""

from __future__ import annotations

import re

_PAGE = r"(?:[a-z]+(?:-[a-z]+)*(?:/[A-Za-z0-9_~-]+)*|odata/v4/(?:[A-Za-z][A-Za-z0-9]*)?)"
_QUERY = r"\?[!$-;=?-\[\]-~]*"  # no space, quote, angle bracket, hash, backslash
_PATH = re.compile(rf"(?:{_PAGE}(?:{_QUERY})?)?")
_MAX_CHARACTERS = 8_000


def path_back(path: str) -> str:
    """Return a path if it is one of a page below the base URL, else that of the home page.

    Paths have no dots and no encoded characters, because browsers resolve `..` and `%2e%2e`.

    >>> path_back("insights?department=R%26D"), path_back("odata/v4/Users?$top=5")
    ('insights?department=R%26D', 'odata/v4/Users?$top=5')
    >>> path_back("//evil.example"), path_back("https://evil.example"), path_back("../other")
    ('', '', '')
    """
    return path if len(path) <= _MAX_CHARACTERS and _PATH.fullmatch(path) else ""


def path_of(raw_path: bytes, query: bytes) -> str:
    """Return the path of the current page, in the form that `path_back` accepts."""
    path = raw_path.decode("latin-1").removeprefix("/")
    text = query.decode("latin-1")
    return path_back(f"{path}?{text}" if text else path)
