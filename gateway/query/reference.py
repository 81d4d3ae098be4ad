"""URLs inside URLs and bodies: the `$id` of `$entity`, the requests of a `$batch`."""

from __future__ import annotations

import re

_ABSOLUTE = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)


def below_root(url: str, root: str) -> str | None:
    """Return the part of a URL below the service root as written; None if it is elsewhere.

    The URL is absolute, an absolute path, or relative to the root. The scheme is not compared,
    because only the client knows it behind a proxy that terminates TLS.

    >>> root = "https://h.example/odata/v4/"
    >>> below_root("http://H.example:80/odata/v4/Results?$top=1", root)
    'Results?$top=1'
    >>> below_root("/odata/v4/Results", root), below_root("Results", root)
    ('Results', 'Results')
    >>> below_root("https://other.example/odata/v4/Results", root)
    """
    absolute = _ABSOLUTE.match(url)
    if absolute is None and not url.startswith("/"):
        return url
    here = _ABSOLUTE.match(root)
    if absolute is not None:
        if here is None or bare_host(absolute[1]) != bare_host(here[1]):
            return None
        url = url[absolute.end() :]
    path = root[here.end() :] if here is not None else "/"
    if url.partition("?")[0] == path.removesuffix("/"):
        return url.removeprefix(path.removesuffix("/"))
    return url.removeprefix(path) if url.startswith(path) else None


def bare_host(host: str) -> str:
    """Return host and port in lower case, without the default port of http or https.

    >>> bare_host("H.example:443"), bare_host("h.example:8080")
    ('h.example', 'h.example:8080')
    """
    return host.lower().removesuffix(":80").removesuffix(":443")
