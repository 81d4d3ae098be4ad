"""Wrong keys and tokens, counted by address and by key, in bounded memory.

Each wrong one adds some seconds of debt, which time pays off. Wrong keys of a subject in debt get
429 instead of 401; a right key is not affected.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable

from cachetools import TTLCache

_COST_SECONDS = 6.0
_FREE_SECONDS = 60.0
"""Ten wrong keys at once, and then ten a minute, are not throttled."""
_MAX_DEBT_SECONDS = 600.0
_MAX_SUBJECTS = 20_000


class Throttle:
    """Debts in seconds of `monotonic`; every process counts its own."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._now = monotonic
        self._until: TTLCache[str, float] = TTLCache(_MAX_SUBJECTS, _MAX_DEBT_SECONDS, monotonic)

    def fail(self, subjects: Iterable[str]) -> float:
        """Count a wrong key; return the seconds to wait, at most 0 while none is needed."""
        return max(self._add(subject) for subject in subjects) - _FREE_SECONDS

    def wait(self, subject: str) -> float:
        """Return the seconds until another wrong key is not too many; 0 if it is not now."""
        return max(0.0, self._debt(subject) + _COST_SECONDS - _FREE_SECONDS)

    def is_exhausted(self, subject: str) -> bool:
        """Return True if a hundred wrong keys in ten minutes leave no room for another guess."""
        return self._debt(subject) > _MAX_DEBT_SECONDS - _COST_SECONDS

    def _add(self, subject: str) -> float:
        debt = min(self._debt(subject) + _COST_SECONDS, _MAX_DEBT_SECONDS)
        self._until[subject] = self._now() + debt
        return debt

    def _debt(self, subject: str) -> float:
        return max(0.0, self._until.get(subject, 0.0) - self._now())


def network_of(peer: str) -> str:
    """Return the network of one owner: an IPv6 subscriber has 2^64 addresses.

    >>> network_of("203.0.113.9"), network_of("2001:db8::1:2"), network_of("")
    ('203.0.113.9', '2001:db8::/64', '')
    """
    if ":" not in peer:
        return peer
    try:
        return str(ipaddress.ip_network(f"{peer.partition('%')[0]}/64", strict=False))
    except ValueError:
        return peer
