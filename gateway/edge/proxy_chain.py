"""From which address a request comes, behind proxies that tell it.

Each proxy writes at the end whom it has heard, so the list is read from its end: as long as who
wrote an entry is trusted. What stands before that, the client may have made up.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping

from cachetools import LRUCache

_KEPT = 1_024

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ProxyChain:
    """Believes `trusted` peers, addresses or networks; `*` believes all, up to the first entry."""

    def __init__(self, trusted: Iterable[str]) -> None:
        names = [*trusted]
        self._all = "*" in names
        self._found: LRUCache[tuple[str, str | None, str | None], str] = LRUCache(_KEPT)
        self._networks: tuple[_Network, ...] = tuple(
            ipaddress.ip_network(name) for name in names if name != "*"
        )

    def client(self, peer: str, headers: Mapping[str, str]) -> str:
        """The nearest address that is no trusted proxy's; the peer's own where none is told."""
        way = peer, headers.get("x-forwarded-for"), headers.get("forwarded")
        found = self._found.get(way)
        if found is None:
            found = self._found[way] = self._nearest(*way)
        return found

    def _nearest(self, peer: str, forwarded_for: str | None, forwarded: str | None) -> str:
        if not self._trusts(peer):
            return peer
        for told in _heard(forwarded_for, forwarded or ""):
            if not _is_address(told):
                break
            peer = told
            if not self._trusts(peer):
                break
        return peer

    def _trusts(self, name: str) -> bool:
        if self._all:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def _heard(forwarded_for: str | None, forwarded: str) -> Iterator[str]:
    """Who was heard by whom, nearest first; X-Forwarded-For is what most proxies write."""
    if forwarded_for is not None:
        yield from (_bare(part) for part in reversed(forwarded_for.split(",")))
        return
    for hop in reversed(forwarded.split(",")):
        pairs = (pair.partition("=") for pair in hop.split(";"))
        yield next((_bare(v.strip('" ')) for n, _, v in pairs if n.strip().lower() == "for"), "")


def _bare(text: str) -> str:
    """An address without the port that may follow it (RFC 7239 6).

    >>> [_bare(text) for text in (" 192.0.2.7:81", "[2001:db8::1]:81", "2001:db8::1")]
    ['192.0.2.7', '2001:db8::1', '2001:db8::1']
    """
    text = text.strip()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
