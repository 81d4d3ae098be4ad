"""The URL by which clients know the service, behind whatever proxies stand in front.

A configured public URL wins. Otherwise X-Forwarded-* and Forwarded (RFC 7239) are believed from
trusted peers only; wrong links behind TLS termination are the classic failure of OData services.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import Scope

from gateway.edge.proxies import TrustedProxies
from gateway.errors import InvalidValue

SERVICE_PATH = "/odata/v4"
EXPLAIN_PATH = "/explain"
_HOST = re.compile(r"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)*/?")
_PORT = re.compile(r":\d+$")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


@dataclass(frozen=True, slots=True)
class Connection:
    """What is known of a request's way here: peer address, scheme and headers."""

    peer: str
    scheme: str
    headers: Headers

    @classmethod
    def of(cls, scope: Scope) -> Connection:
        """From an ASGI scope; over a Unix socket no peer has an address."""
        client = scope.get("client")
        return cls(client[0] if client else "", scope["scheme"], Headers(scope=scope))


@dataclass(frozen=True, slots=True)
class Origin:
    """How a client reached the service: `host` with a port unless it is the scheme's own."""

    scheme: str
    host: str
    prefix: str = ""

    @property
    def name(self) -> str:
        """The host's name, in lower case, without a port."""
        return _PORT.sub("", self.host).lower()


@dataclass(frozen=True, slots=True)
class PublicRoot:
    """Finds the service root, ending in `/`, for a request."""

    public_url: str | None
    proxies: TrustedProxies

    def of(self, connection: Connection) -> str:
        """The absolute root.

        Raises:
            InvalidValue: the Host header is missing or is no host.
        """
        return f"{self.base(connection)}{SERVICE_PATH}/"

    def certain(self, connection: Connection) -> str:
        """Return the root as `of` does, but believe only proxies that the owner has named.

        Raises:
            InvalidValue: as `of`.
        """
        proxies = self.proxies if self.proxies.named else TrustedProxies()
        return PublicRoot(self.public_url, proxies).of(connection)

    def base(self, connection: Connection) -> str:
        """The same without the service's own path, and without a slash at its end.

        Raises:
            InvalidValue: as `of`.
        """
        if self.public_url is not None:
            return self.public_url
        origin = self.origin(connection)
        return f"{origin.scheme}://{origin.host}{origin.prefix}"

    def origin(self, connection: Connection) -> Origin:
        """Scheme, host and path prefix as the outermost trusted proxy saw them.

        Raises:
            InvalidValue: as `of`.
        """
        said = self.proxies.forwarded(connection.peer, connection.headers)
        scheme = said.scheme.lower()
        if scheme not in _DEFAULT_PORTS:
            scheme = "http" if said.scheme else connection.scheme
        host = _with_port(said.host or _host(connection.headers), said.port)
        if not _HOST.fullmatch(host):
            raise InvalidValue(f"Host: {host!r} is not a host name", target="Host")
        if said != _NOTHING and host.endswith((":80", ":443")):
            host = _PORT.sub("", host)  # of another listener of the proxy, e.g. https on port 80
        prefix = said.prefix.rstrip("/") if _PREFIX.fullmatch(said.prefix) else ""
        return Origin(scheme, host.removesuffix(_DEFAULT_PORTS[scheme]), prefix)


_NOTHING = TrustedProxies().forwarded("", Headers())


def _host(headers: Headers) -> str:
    """Two Host lines are none (RFC 9112 3.2)."""
    lines = headers.getlist("host")
    return lines[0] if len(lines) == 1 else ""


def _with_port(host: str, port: str) -> str:
    return f"{_PORT.sub('', host)}:{port}" if port.isascii() and port.isdigit() else host
