"""The policy of how old a served snapshot may be; pure, without a clock or I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.errors import Stopgap


class Verdict(StrEnum):
    """The meaning of a snapshot's age."""

    FRESH = "fresh"
    STALE = "stale"
    LAST_RESORT = "last resort"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class FreshnessPolicy:
    """Ages in seconds since the extract began.

    A snapshot is served up to `fresh_for`. For `stale_for` more it is served at once while a new
    one loads in the background (RFC 5861 3). If no new one can be loaded, it is served until
    `stale_if_error` after it was fresh (RFC 5861 4), but only while it is stale if the reason is
    that rows keep changing. A client that requests fresher data gets a new snapshot at most every
    `least_age`. For `full_refresh_every` after all rows were read, extracts read only changes.
    """

    fresh_for: float
    stale_for: float
    stale_if_error: float
    full_refresh_every: float = 0.0
    least_age: float = 5.0

    def may_build_on(self, age: float) -> bool:
        """Return True if an extract may read only changes, `age` after all rows were read."""
        return age < self.full_refresh_every

    def judge(self, age: float, *, fresher: bool = False) -> Verdict:
        """Return the verdict; `fresher` is True if the client requests newer data.

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


def may_replace(verdict: Verdict, stopgap: Stopgap) -> bool:
    """Return True if a snapshot may be served in place of an error.

    >>> may_replace(Verdict.LAST_RESORT, Stopgap.IF_ERROR)
    True
    >>> may_replace(Verdict.LAST_RESORT, Stopgap.WHILE_STALE)
    False
    """
    match stopgap:
        case Stopgap.NEVER:
            return False
        case Stopgap.WHILE_STALE:
            return verdict in (Verdict.FRESH, Verdict.STALE)
        case Stopgap.IF_ERROR:
            return verdict is not Verdict.EXPIRED
