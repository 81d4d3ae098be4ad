"""Which proxies stand in front, and which of their words are believed.

Every proxy adds its word behind those that came with the request, so only the last one is surely
the peer's own; whatever stands before it may be a client's invention. From the end, words are
believed as long as each hop is a trusted proxy: `Forwarded` (RFC 7239) tells whom each hop spoke
for, X-Forwarded-For the same for the other headers of its family.
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
"""The header fields by which a proxy says for whom it asks."""


@dataclass(frozen=True, slots=True)
class Forwarded:
    """What the outermost trusted proxy says of a request; empty where it says nothing."""

    scheme: str = ""
    host: str = ""
    port: str = ""
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """Peers whose words are believed; `everyone`: all of them, to the first word.

    `named` is false if the owner named no proxy: those on this computer are believed then, as far
    as links are concerned.
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
        """Whether it is a trusted proxy: an address, with or without brackets and port.

        >>> proxies = TrustedProxies.of(("10.0.0.0/8", "2001:db8::/32"))
        >>> [proxies.trusts(n) for n in ("10.1.2.3:4711", "[2001:db8::1]", "unknown", "11.0.0.1")]
        [True, True, False, False]
        """
        if self.everyone:
            return True
        address = _address(node)
        return address is not None and any(address in network for network in self.networks)

    def forwarded(self, peer: str, headers: Headers) -> Forwarded:
        """What the outermost trusted proxy says; nothing unless the peer is trusted.

        Raises:
            InvalidValue: `Forwarded` and X-Forwarded-Host name two hosts; one of them passed
                through a proxy that does not know it, and may be a client's invention.
        """
        if not self.trusts(peer):
            return Forwarded()
        usual, standard = self._usual(headers), self._standard(headers)
        if usual.host and standard.host and _name(usual.host) != _name(standard.host):
            raise InvalidValue(
                "Forwarded and X-Forwarded-Host name different hosts; let the proxy in front remove"
                " the one of them that it does not write itself",
                target="Forwarded",
            )
        return Forwarded(
            standard.scheme or usual.scheme,
            standard.host or usual.host,
            "" if standard.host else usual.port,
            usual.prefix,
        )

    def client(self, peer: str, headers: Headers) -> str:
        """The nearest address that is no trusted proxy's; the peer's own where none is told.

        A proxy passes on the header that it does not write as the client sent it. So where
        `Forwarded` and X-Forwarded-For name two clients, neither is believed.
        """
        if not self.trusts(peer):
            return peer
        told: list[list[str]] = []
        if usual := _words(headers, "x-forwarded-for"):
            told.append(usual)
        if standard := ",".join(headers.getlist("forwarded")).strip():
            told.append([element.get("for", "") for element in _elements(standard)])
        found = {self._nearest(peer, nodes) for nodes in told}
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

    def _usual(self, headers: Headers) -> Forwarded:
        hops = self._hops(_words(headers, "x-forwarded-for"))
        members = ("proto", "host", "port", "prefix")
        words = (_words(headers, f"x-forwarded-{name}") for name in members)
        return Forwarded(*(_nth_from_the_end(found, hops, "") for found in words))

    def _standard(self, headers: Headers) -> Forwarded:
        elements = _elements(",".join(headers.getlist("forwarded")))
        hops = self._hops([element.get("for", "") for element in elements])
        believed = _nth_from_the_end(elements, hops, {})
        return Forwarded(believed.get("proto", ""), believed.get("host", ""))

    def _hops(self, nodes: list[str]) -> int:
        """Through how many trusted proxies a request came; `nodes` are whom they spoke for."""
        if self.everyone:
            return sys.maxsize
        strangers = (n for n, node in enumerate(reversed(nodes), 1) if not self.trusts(node))
        return next(strangers, len(nodes) or 1)


def _nth_from_the_end(words: list[T], number: int, nothing: T) -> T:
    """The first word of fewer: a proxy that overwrites instead of adding leaves one."""
    return words[max(0, len(words) - number)] if words else nothing


def _words(headers: Headers, name: str) -> list[str]:
    """The words of a header, over all its lines."""
    words = (word.strip() for line in headers.getlist(name) for word in line.split(","))
    return [word for word in words if word]


def _elements(text: str) -> list[dict[str, str]]:
    r"""The elements of `Forwarded`; none when anything is malformed, for nothing is sure then.

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
    """The address in a node's name; a socket that speaks both IPs tells IPv4 ones inside IPv6."""
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
