"""URLs inside URLs and bodies: the `$id` of `$entity`, the requests of a `$batch`."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_ABSOLUTE = re.compile(r"(https?)://([^/?#]*)", re.IGNORECASE)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def below_root(url: str, root: str) -> str | None:
    """The part of a URL below the service root, path and query as written; None when elsewhere.

    The URL is absolute, or an absolute path, or relative to the root. The scheme is not compared:
    behind a proxy that ends TLS, only the client knows it.

    >>> root = "https://h.example/odata/v4/"
    >>> below_root("http://H.example:80/odata/v4/Results?$top=1", root)
    'Results?$top=1'
    >>> below_root("/odata/v4/Results", root), below_root("Results", root)
    ('Results', 'Results')
    >>> below_root("https://other.example/odata/v4/Results", root)
    """
    here = urlsplit(root)
    absolute = _ABSOLUTE.match(url)
    if absolute is not None:
        if authority(absolute[2], absolute[1]) != authority(here.netloc, here.scheme):
            return None
        url = url[absolute.end() :]
    elif not url.startswith("/"):
        return url
    if url.partition("?")[0] == here.path.removesuffix("/"):
        return url.removeprefix(here.path.removesuffix("/"))
    return url.removeprefix(here.path) if url.startswith(here.path) else None


def authority(host: str, scheme: str) -> str:
    """Host and port in lower case, without the port that the scheme implies.

    >>> authority("H.example:443", "HTTPS"), authority("h.example:80", "https")
    ('h.example', 'h.example:80')
    """
    return host.lower().removesuffix(_DEFAULT_PORTS.get(scheme.lower(), ""))
