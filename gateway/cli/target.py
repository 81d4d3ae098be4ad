"""A feed's URL as typed or pasted on the command line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import click

from gateway.edge.public_root import SERVICE_PATH


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of a URL: `base` is the part before /odata/v4, empty if the URL names no gateway.

    The path below the service root and the query are undecoded.
    """

    base: str
    path: bytes
    query: bytes

    @property
    def raw(self) -> bytes:
        """Return path and query for a request, relative to the gateway's root."""
        query = b"?" + self.query if self.query else b""
        return SERVICE_PATH.encode() + b"/" + self.path + query

    @property
    def options(self) -> frozenset[str]:
        """Return the names of the query options, in lower case and without `$`."""
        names = (part.partition(b"=")[0].decode("utf-8", "replace") for part in self._parts())
        return frozenset(name.lower().replace("%24", "$").removeprefix("$") for name in names)

    def _parts(self) -> list[bytes]:
        return self.query.split(b"&") if self.query else []


def read_target(url: str) -> Target:
    """Return the parts of a URL; spaces may be unencoded.

    Raises:
        click.BadParameter: the URL is invalid; exit code 2.
    """
    text, base = url.partition("#")[0], ""
    if text.startswith(("http://", "https://")):
        try:
            parts = urlsplit(text)
        except ValueError as error:
            raise click.BadParameter(f"{url!r} is not a URL ({error})", param_hint="URL") from error
        base = f"{parts.scheme}://{parts.netloc}{parts.path.partition(SERVICE_PATH)[0].rstrip('/')}"
        text = parts.path + (f"?{parts.query}" if parts.query else "")
    path, _, query = text.partition("?")
    _, found, below = path.partition(SERVICE_PATH)
    relative = below if found else path
    return Target(base, relative.lstrip("/").replace(" ", "%20").encode(), _encoded(query))


def _encoded(query: str) -> bytes:
    """Encode a typed query; if it has spaces, it is not percent-encoded, so `%` is literal."""
    if " " in query:
        query = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", query).replace(" ", "%20")
    return query.encode()
