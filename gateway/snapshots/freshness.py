"""How old a snapshot may be and still answer: the policy, without clocks and without I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.errors import Stopgap


class Verdict(StrEnum):
    """What an age means."""

    FRESH = "fresh"
    STALE = "stale"
    LAST_RESORT = "last resort"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class FreshnessPolicy:
    """Ages in seconds since the extract began.

    Up to `fresh_for` a snapshot answers. For `stale_for` more it answers at once while a new one is
    made behind it (RFC 5861 3). When a new one cannot be made now, it answers until
    `stale_if_error` after it was fresh (RFC 5861 4); when the data changed too fast, only as long
    as it is stale. A client's wish for fresher data is granted at most every `least_age`. For
    `full_refresh_every` after all rows were read, only changes are asked for.
    """

    fresh_for: float
    stale_for: float
    stale_if_error: float
    full_refresh_every: float = 0.0
    least_age: float = 5.0

    def may_build_on(self, age: float) -> bool:
        """Whether only what has changed is read, `age` seconds after all rows were read."""
        return age < self.full_refresh_every

    def judge(self, age: float, *, fresher: bool = False) -> Verdict:
        """The verdict; `fresher` when the client asks for newer data than is at hand.

        >>> policy = FreshnessPolicy(fresh_for=10, stale_for=5, stale_if_error=60)
        >>> [str(policy.judge(age)) for age in (10, 15, 70, 71)]
        ['fresh', 'stale', 'last resort', 'expired']
        >>> str(policy.judge(6, fresher=True)), str(policy.judge(4, fresher=True))
        ('last resort', 'fresh')
        """
        if age <= (min(self.fresh_for, self.least_age) if fresher else self.fresh_for):
            return Verdict.FRESH
        if age <= self.fresh_for + self.stale_for and not fresher:
            return Verdict.STALE
        if age <= self.fresh_for + max(self.stale_if_error, self.stale_for):
            return Verdict.LAST_RESORT
        return Verdict.EXPIRED


def may_stand_in(verdict: Verdict, stopgap: Stopgap) -> bool:
    """Return True if a snapshot may be served in place of an error.

    >>> may_stand_in(Verdict.LAST_RESORT, Stopgap.IF_ERROR)
    True
    >>> may_stand_in(Verdict.LAST_RESORT, Stopgap.WHILE_STALE)
    False
    """
    match stopgap:
        case Stopgap.NEVER:
            return False
        case Stopgap.WHILE_STALE:
            return verdict in (Verdict.FRESH, Verdict.STALE)
        case Stopgap.IF_ERROR:
            return verdict is not Verdict.EXPIRED
