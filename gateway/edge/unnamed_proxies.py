"""Warnings about proxies that --trusted-proxies does not name: their headers are ignored.

All clients behind such a proxy appear with the proxy's address. Wrong keys of one client then
throttle all of them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.edge.proxies import FORWARDING, TrustedProxies
from gateway.observe import Observer

_MAX_WARNED_PEERS = 8
_FIELDS = frozenset(name.encode() for name in FORWARDING)


class Forwarding(StrEnum):
    """The treatment of a request's forwarding headers, as `/readyz` shows it."""

    NONE = "none"
    BELIEVED = "believed"
    IGNORED = "ignored: --trusted-proxies does not name the peer that they come from"


def forwarding_of(peer: str, names: Iterable[str], proxies: TrustedProxies) -> Forwarding:
    """Return whether forwarding headers are trusted; `names` are header names in lower case.

    >>> proxies = TrustedProxies.of(("10.0.0.1",))
    >>> forwarding_of("10.0.0.2", ["host", "x-forwarded-for"], proxies).name
    'IGNORED'
    """
    if FORWARDING.isdisjoint(names):
        return Forwarding.NONE
    return Forwarding.BELIEVED if proxies.trusts(peer) else Forwarding.IGNORED


@dataclass(slots=True)
class UnnamedProxies:
    """Detects forwarding headers from peers that are not trusted."""

    proxies: TrustedProxies
    observer: Observer
    _warned_of: set[str] = field(default_factory=set)

    def notice(self, peer: str, names: Iterable[bytes]) -> None:
        """Warn once about each peer, and about a few peers at most."""
        if _FIELDS.isdisjoint(names) or self.proxies.trusts(peer):
            return
        shown = _shown(peer)
        if shown in self._warned_of or len(self._warned_of) >= _MAX_WARNED_PEERS:
            return
        self._warned_of.add(shown)
        self.observer.warn(
            f"X-Forwarded-* or Forwarded headers came from {shown}, which --trusted-proxies does"
            " not name: they were ignored, and all clients behind it count as one address; if it"
            " is your proxy, name it in --trusted-proxies"
        )


def _shown(peer: str) -> str:
    """Return a private address; a public one may identify a person."""
    try:
        return "a public address" if ipaddress.ip_address(peer).is_global else peer
    except ValueError:
        return "a peer without an address"
