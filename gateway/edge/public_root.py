"""The URL by which clients know the service, behind whatever proxies stand in front.

A configured public URL wins. Otherwise X-Forwarded-* and Forwarded (RFC 7239) are believed from
trusted peers only; wrong links behind TLS termination are the classic failure of OData services.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.errors import InvalidValue

SERVICE_PATH = "/odata/v4"
_HOST = re.compile(r"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)*/?")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


@dataclass(frozen=True, slots=True)
class Connection:
    """What is known of a request's way here: peer address, scheme, and headers in lower case."""

    peer: str
    scheme: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PublicRoot:
    """Finds the service root, ending in `/`, for a request."""

    public_url: str | None
    trusted_proxies: tuple[str, ...]

    def of(self, connection: Connection) -> str:
        """The absolute root.

        Raises:
            InvalidValue: the Host header is missing or is no host.
        """
        if self.public_url is not None:
            return f"{self.public_url}{SERVICE_PATH}/"
        scheme, host, prefix = connection.scheme, connection.headers.get("host", ""), ""
        if "*" in self.trusted_proxies or connection.peer in self.trusted_proxies:
            scheme, host, prefix = _forwarded(connection.headers, scheme, host)
        if not _HOST.fullmatch(host):
            raise InvalidValue(f"Host: {host!r} is not a host name", target="Host")
        return f"{scheme}://{host.removesuffix(_DEFAULT_PORTS[scheme])}{prefix}{SERVICE_PATH}/"


def _forwarded(headers: Mapping[str, str], scheme: str, host: str) -> tuple[str, str, str]:
    """Scheme, host and path prefix as the first proxy saw them; malformed parts are ignored."""
    standard = _standard_forwarded(headers.get("forwarded", ""))
    scheme = standard.get("proto") or _first(headers, "x-forwarded-proto") or scheme
    host = standard.get("host") or _first(headers, "x-forwarded-host") or host
    port = _first(headers, "x-forwarded-port")
    if port.isascii() and port.isdigit():
        host = f"{_without_port(host)}:{port}"
    if host.endswith((":80", ":443")):  # of another listener of the proxy, e.g. https on port 80
        host = _without_port(host)
    prefix = _first(headers, "x-forwarded-prefix")
    prefix = prefix.rstrip("/") if _PREFIX.fullmatch(prefix) else ""
    return (scheme.lower() if scheme.lower() in _DEFAULT_PORTS else "http"), host, prefix


def _first(headers: Mapping[str, str], name: str) -> str:
    return headers.get(name, "").partition(",")[0].strip()


def _without_port(host: str) -> str:
    return re.sub(r":\d+$", "", host)


def _standard_forwarded(value: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in value.partition(",")[0].split(";"))
    return {name.strip().lower(): text.strip().strip('"') for name, _, text in pairs}
