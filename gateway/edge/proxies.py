"""Trusted proxies, and the forwarding headers that they write.

Every proxy appends a value to those that came with the request. So only the last value is certainly
the peer's own; a client may have invented the others. Values are trusted from the end as long as
each hop is a trusted proxy: `Forwarded` (RFC 7239) names the client of each hop, X-Forwarded-For
does so for the other headers of its family.
"""

from __future__ import annotations

import ipaddress
import re
import sys
from dataclasses import dataclass
from typing import TypeVar

from starlette.datastructures import Headers

from gateway.errors import InvalidValue

T = TypeVar("T")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NODE = re.compile(r"(?:\[([^\]]*)\]|([\d.]+))(?::\w+)?")
_PAIR = re.compile(r'\s*([\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^;,"\s]*))\s*([;,]|$)')
_ESCAPED = re.compile(r"\\(.)")
_THIS_COMPUTER = (ipaddress.ip_network("127.0.0.1"), ipaddress.ip_network("::1"))
FORWARDING = frozenset(
    ("forwarded", *(f"x-forwarded-{name}" for name in ("for", "host", "port", "prefix", "proto")))
)
"""The header fields in which a proxy describes its client's request."""


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A request as the outermost trusted proxy received it; empty where it does not say."""

    scheme: str = ""
    host: str = ""
    port: str = ""
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """Peers whose forwarding headers are trusted; `everyone` trusts any, up to the first value.

    `named` is False if the owner has set none. Proxies on this computer are then trusted for links
    only.
    """

    networks: tuple[_Network, ...] = ()
    everyone: bool = False
    named: bool = True

    @classmethod
    def of(cls, texts: tuple[str, ...] | None) -> TrustedProxies:
        """Build from the setting's texts: addresses, networks, or `*`; None if it was not given."""
        networks = tuple(ipaddress.ip_network(t) for t in texts or () if t != "*")
        if texts is None:
            return cls(_THIS_COMPUTER, named=False)
        return cls(networks, "*" in texts)

    def trusts(self, node: str) -> bool:
        """Return True for the address of a trusted proxy, with or without brackets and port.

        >>> proxies = TrustedProxies.of(("10.0.0.0/8", "2001:db8::/32"))
        >>> [proxies.trusts(n) for n in ("10.1.2.3:4711", "[2001:db8::1]", "unknown", "11.0.0.1")]
        [True, True, False, False]
        """
        if self.everyone:
            return True
        address = _address(node)
        return address is not None and any(address in network for network in self.networks)

    def forwarded(self, peer: str, headers: Headers) -> Forwarded:
        """Return the values of the outermost trusted proxy; empty unless the peer is trusted.

        Raises:
            InvalidValue: `Forwarded` and X-Forwarded-Host name different hosts. One of them passed
                through a proxy that does not write it, so a client may have invented it.
        """
        if not self.trusts(peer):
            return Forwarded()
        legacy, standard = self._legacy(headers), self._standard(headers)
        if legacy.host and standard.host and _name(legacy.host) != _name(standard.host):
            raise InvalidValue(
                "Forwarded and X-Forwarded-Host name different hosts; configure the proxy to remove"
                " the header that it does not write itself",
                target="Forwarded",
            )
        return Forwarded(
            standard.scheme or legacy.scheme,
            standard.host or legacy.host,
            "" if standard.host else legacy.port,
            legacy.prefix,
        )

    def client(self, peer: str, headers: Headers) -> str:
        """Return the nearest address that is not a trusted proxy's; the peer's if none is given.

        A proxy passes on the header that it does not write as the client sent it. So if `Forwarded`
        and X-Forwarded-For name different clients, neither is trusted.
        """
        if not self.trusts(peer):
            return peer
        chains: list[list[str]] = []
        if legacy := _values(headers, "x-forwarded-for"):
            chains.append(legacy)
        if standard := ",".join(headers.getlist("forwarded")).strip():
            chains.append([element.get("for", "") for element in _elements(standard)])
        found = {self._nearest(peer, nodes) for nodes in chains}
        return found.pop() if len(found) == 1 else peer

    def _nearest(self, peer: str, nodes: list[str]) -> str:
        for node in reversed(nodes):
            address = _address(node)
            if address is None:
                break
            peer = str(address)
            if not self.trusts(peer):
                break
        return peer

    def _legacy(self, headers: Headers) -> Forwarded:
        hops = self._hops(_values(headers, "x-forwarded-for"))
        members = ("proto", "host", "port", "prefix")
        fields = (_values(headers, f"x-forwarded-{name}") for name in members)
        return Forwarded(*(_nth_from_the_end(values, hops, "") for values in fields))

    def _standard(self, headers: Headers) -> Forwarded:
        elements = _elements(",".join(headers.getlist("forwarded")))
        hops = self._hops([element.get("for", "") for element in elements])
        trusted = _nth_from_the_end(elements, hops, {})
        return Forwarded(trusted.get("proto", ""), trusted.get("host", ""))

    def _hops(self, nodes: list[str]) -> int:
        """Return the number of trusted proxies that a request passed; `nodes` are their clients."""
        if self.everyone:
            return sys.maxsize
        strangers = (n for n, node in enumerate(reversed(nodes), 1) if not self.trusts(node))
        return next(strangers, len(nodes) or 1)


def _nth_from_the_end(values: list[T], number: int, default: T) -> T:
    """Return the value, or the first of fewer: a proxy that overwrites the header leaves one."""
    return values[max(0, len(values) - number)] if values else default


def _values(headers: Headers, name: str) -> list[str]:
    """Return the values of a header, from all its lines."""
    values = (value.strip() for line in headers.getlist(name) for value in line.split(","))
    return [value for value in values if value]


def _elements(text: str) -> list[dict[str, str]]:
    r"""Return the elements of `Forwarded`; none if any part is malformed.

    >>> _elements('for=192.0.2.43;proto=https, for="[2001:db8::1]:47";Host="a\\.example:8443"')
    [{'for': '192.0.2.43', 'proto': 'https'}, {'for': '[2001:db8::1]:47', 'host': 'a.example:8443'}]
    >>> _elements('host="evil.example, for=10.0.0.1;host=real.example')
    []
    """
    elements: list[dict[str, str]] = [{}]
    position = 0
    while position < len(text):
        pair = _PAIR.match(text, position)
        if pair is None:
            return []
        name, quoted, token, end = pair.groups()
        elements[-1][name.lower()] = token if quoted is None else _ESCAPED.sub(r"\1", quoted)
        elements += [{}] if end == "," else []
        position = pair.end()
    return [element for element in elements if element]


def _address(node: str) -> _Address | None:
    """Return the address in a node's name; a dual-stack socket reports IPv4 addresses as IPv6."""
    found = _NODE.fullmatch(node)
    text = (found[1] or found[2]) if found else node
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _name(host: str) -> str:
    return re.sub(r":\d+$", "", host).lower()
