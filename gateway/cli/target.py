"""A feed's URL as people type or paste it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import click

from gateway.edge.public_root import SERVICE_PATH


@dataclass(frozen=True, slots=True)
class Target:
    """`base` is what stands before /odata/v4, empty when the URL does not name a gateway.

    Path below the service root and query are undecoded.
    """

    base: str
    path: bytes
    query: bytes

    @property
    def raw(self) -> bytes:
        """Path and query as they stand in a request, from the gateway's root on."""
        query = b"?" + self.query if self.query else b""
        return SERVICE_PATH.encode() + b"/" + self.path + query

    @property
    def options(self) -> frozenset[str]:
        """The names of its query options, in lower case and without `$`."""
        names = (part.partition(b"=")[0].decode("utf-8", "replace") for part in self._parts())
        return frozenset(name.lower().replace("%24", "$").removeprefix("$") for name in names)

    def _parts(self) -> list[bytes]:
        return self.query.split(b"&") if self.query else []


def read_target(url: str) -> Target:
    """The parts of a URL; blanks may stand unencoded on a terminal.

    Raises:
        click.BadParameter: exit code 2.
    """
    text, base = url.partition("#")[0], ""
    if text.startswith(("http://", "https://")):
        try:
            parts = urlsplit(text)
        except ValueError as error:
            raise click.BadParameter(f"{url!r} is no URL ({error})", param_hint="URL") from error
        base = f"{parts.scheme}://{parts.netloc}{parts.path.partition(SERVICE_PATH)[0].rstrip('/')}"
        text = parts.path + (f"?{parts.query}" if parts.query else "")
    path, _, query = text.partition("?")
    _, found, below = path.partition(SERVICE_PATH)
    relative = below if found else path
    return Target(base, relative.lstrip("/").replace(" ", "%20").encode(), _encoded(query))


def _encoded(query: str) -> bytes:
    """A query as typed: one with blanks is not percent-encoded, so its `%` mean themselves."""
    if " " in query:
        query = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", query).replace(" ", "%20")
    return query.encode()
