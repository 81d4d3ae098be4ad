"""Warns of proxies that the owner forgot to name: without a name nothing that they say counts.

All clients behind such a proxy have one address, the proxy's. Wrong keys of one of them then slow
down those of all.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.edge.proxies import FORWARDING, TrustedProxies
from gateway.observe import Observer

_MOST_WARNINGS = 8
_FIELDS = frozenset(name.encode() for name in FORWARDING)


class Forwarding(StrEnum):
    """The fate of a request's forwarding headers, as `/readyz` shows it."""

    NONE = "none"
    BELIEVED = "believed"
    IGNORED = "ignored: --trusted-proxies does not name the peer that they come from"


def forwarding_of(peer: str, names: Iterable[str], proxies: TrustedProxies) -> Forwarding:
    """Return whether a request's forwarding headers count; `names` are its headers, in lower case.

    >>> proxies = TrustedProxies.of(("10.0.0.1",))
    >>> forwarding_of("10.0.0.2", ["host", "x-forwarded-for"], proxies).name
    'IGNORED'
    """
    if FORWARDING.isdisjoint(names):
        return Forwarding.NONE
    return Forwarding.BELIEVED if proxies.trusts(peer) else Forwarding.IGNORED


@dataclass(slots=True)
class UnnamedProxies:
    """Notices requests with forwarding headers from peers that are not trusted."""

    proxies: TrustedProxies
    observer: Observer
    _told: set[str] = field(default_factory=set)

    def notice(self, peer: str, names: Iterable[bytes]) -> None:
        """Warn once of each peer, and of a few peers at most."""
        if _FIELDS.isdisjoint(names) or self.proxies.trusts(peer):
            return
        shown = _shown(peer)
        if shown in self._told or len(self._told) >= _MOST_WARNINGS:
            return
        self._told.add(shown)
        self.observer.warn(
            f"X-Forwarded-* or Forwarded headers came from {shown}, which --trusted-proxies does"
            " not name: they were ignored, and all clients behind it count as one address; if it"
            " is your proxy, name it in --trusted-proxies"
        )


def _shown(peer: str) -> str:
    """Return the address of a machine of one's own; a public one may be a person's."""
    try:
        return "a public address" if ipaddress.ip_address(peer).is_global else peer
    except ValueError:
        return "a peer without an address"
