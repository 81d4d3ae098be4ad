"""The URL that clients use for the service, behind any proxies.

A configured public URL wins. Otherwise X-Forwarded-* and Forwarded (RFC 7239) count only from
trusted peers. Wrong links behind TLS termination are a classic failure of OData services.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import Scope

from gateway.edge.proxies import Forwarded, TrustedProxies
from gateway.errors import InvalidValue

SERVICE_PATH = "/odata/v4"
EXPLAIN_PATH = "/explain"
_HOST = re.compile(r"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)*/?")
_PORT = re.compile(r":\d+$")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


@dataclass(frozen=True, slots=True)
class Connection:
    """The connection of a request: peer address, scheme and headers."""

    peer: str
    scheme: str
    headers: Headers

    @classmethod
    def of(cls, scope: Scope) -> Connection:
        """Return the connection of an ASGI scope; a peer on a Unix socket has no address."""
        client = scope.get("client")
        return cls(client[0] if client else "", scope["scheme"], Headers(scope=scope))


@dataclass(frozen=True, slots=True)
class Origin:
    """The URL parts that a client used; `host` has a port unless it is the scheme's default."""

    scheme: str
    host: str
    prefix: str = ""

    @property
    def name(self) -> str:
        """The host's name, in lower case, without a port."""
        return _PORT.sub("", self.host).lower()


@dataclass(frozen=True, slots=True)
class PublicRoot:
    """The service root of a request, ending in `/`."""

    public_url: str | None
    proxies: TrustedProxies

    def of(self, connection: Connection) -> str:
        """Return the absolute service root.

        Raises:
            InvalidValue: the Host header is missing or is not a host.
        """
        return f"{self.base(connection)}{SERVICE_PATH}/"

    def certain(self, connection: Connection) -> str:
        """Return the root as `of` does, but trust only proxies that the owner has named.

        Raises:
            InvalidValue: as `of`.
        """
        proxies = self.proxies if self.proxies.named else TrustedProxies()
        return PublicRoot(self.public_url, proxies).of(connection)

    def base(self, connection: Connection) -> str:
        """Return the root without the service's own path, and without a slash at its end.

        Raises:
            InvalidValue: as `of`.
        """
        if self.public_url is not None:
            return self.public_url
        origin = self.origin(connection)
        return f"{origin.scheme}://{origin.host}{origin.prefix}"

    def origin(self, connection: Connection) -> Origin:
        """Return scheme, host and path prefix as the outermost trusted proxy received them.

        Raises:
            InvalidValue: as `of`.
        """
        forwarded = self.proxies.forwarded(connection.peer, connection.headers)
        scheme = forwarded.scheme.lower()
        if scheme not in _DEFAULT_PORTS:
            scheme = "http" if forwarded.scheme else connection.scheme
        host = _with_port(forwarded.host or _host(connection.headers), forwarded.port)
        if not _HOST.fullmatch(host):
            raise InvalidValue(
                f"Host: {host!r} is not a host name; send the name of the gateway", target="Host"
            )
        if forwarded != Forwarded() and host.endswith((":80", ":443")):
            host = _PORT.sub("", host)  # of another listener of the proxy, e.g. https on port 80
        prefix = forwarded.prefix.rstrip("/") if _PREFIX.fullmatch(forwarded.prefix) else ""
        return Origin(scheme, host.removesuffix(_DEFAULT_PORTS[scheme]), prefix)


def _host(headers: Headers) -> str:
    """Return the Host header; empty if there is not exactly one (RFC 9112 3.2)."""
    lines = headers.getlist("host")
    return lines[0] if len(lines) == 1 else ""


def _with_port(host: str, port: str) -> str:
    return f"{_PORT.sub('', host)}:{port}" if port.isascii() and port.isdigit() else host
