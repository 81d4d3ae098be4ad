"""Wrong keys and tokens, counted by address and by key, in bounded memory.

Each wrong one costs some seconds of debt, which pass with time. Who is in debt is told to wait;
what they may see with a right key does not depend on it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable

from cachetools import TTLCache

_COST_SECONDS = 6.0
_FREE_SECONDS = 60.0
"""Ten wrong ones at once, and then ten a minute, are only wrong."""
_LONGEST_SECONDS = 600.0
_SUBJECTS = 20_000


class Throttle:
    """Debts in seconds; `monotonic` counts them. Every process has its own."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._now = monotonic
        self._until: TTLCache[str, float] = TTLCache(_SUBJECTS, _LONGEST_SECONDS, monotonic)

    def fail(self, subjects: Iterable[str]) -> float:
        """Note a wrong one; for how many seconds to wait, 0 while it is only wrong."""
        return max(self._add(subject) for subject in subjects) - _FREE_SECONDS

    def wait(self, subject: str) -> float:
        """For how many seconds another wrong one would be too many; 0 when it would not."""
        return max(0.0, self._debt(subject) + _COST_SECONDS - _FREE_SECONDS)

    def is_exhausted(self, subject: str) -> bool:
        """Whether a hundred wrong ones in ten minutes leave no room for another guess."""
        return self._debt(subject) > _LONGEST_SECONDS - _COST_SECONDS

    def _add(self, subject: str) -> float:
        debt = min(self._debt(subject) + _COST_SECONDS, _LONGEST_SECONDS)
        self._until[subject] = self._now() + debt
        return debt

    def _debt(self, subject: str) -> float:
        return max(0.0, self._until.get(subject, 0.0) - self._now())


def network_of(peer: str) -> str:
    """Whom an address belongs to: with IPv6 everyone has 2^64 of them.

    >>> network_of("203.0.113.9"), network_of("2001:db8::1:2"), network_of("")
    ('203.0.113.9', '2001:db8::/64', '')
    """
    if ":" not in peer:
        return peer
    try:
        return str(ipaddress.ip_network(f"{peer.partition('%')[0]}/64", strict=False))
    except ValueError:
        return peer
