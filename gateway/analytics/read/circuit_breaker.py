"""An upstream that is down is left alone for a while, instead of being waited for by everybody.

When calls have failed without an answer in a row for some seconds, all fail at once; after a pause
one may try, and what it finds counts for the others. A 4xx is an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from gateway.errors import UpstreamUnavailable


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """So many failures in a row, over so many seconds at least, are an outage.

    A single call that is repeated after short pauses shall not make one of its own failures, hence
    the seconds. Failures further apart than `memory` are in no row. All times in seconds.
    """

    failures: int = 5
    lasting: float = 5.0
    memory: float = 60.0
    pause: float = 10.0


class CircuitBreaker:
    """Whether the upstream is down, as its answers tell. `now` counts seconds and never jumps."""

    def __init__(self, policy: BreakerPolicy, now: Callable[[], float]) -> None:
        self._policy = policy
        self._now = now
        self._failures = 0
        self._began = self._last = 0.0
        self._closed_until: float | None = None

    @property
    def lasts(self) -> bool:
        """Whether nobody need try again now."""
        return self._closed_until is not None

    def admit(self) -> None:
        """Let a call go. In an outage one a pause goes, to see whether it is over.

        Raises:
            UpstreamUnavailable: it is not this call.
        """
        if self._closed_until is None:
            return
        now = self._now()
        left = self._closed_until - now
        if left > 0:
            raise UpstreamUnavailable(
                f"the Analytics API has not answered for {int(now - self._began)} seconds and is"
                f" left alone for {ceil(left)} more; try again then",
                retry_after_seconds=ceil(left),
            )
        self._closed_until = now + self._policy.pause

    def noticed(self, *, is_answer: bool) -> None:
        """A call had an answer, whatever it said, or none but that the upstream is out of order."""
        policy, now = self._policy, self._now()
        if is_answer:
            self._failures, self._closed_until = 0, None
            return
        if not self._failures or now - self._last > policy.memory:
            self._failures, self._began = 0, now
        self._failures, self._last = self._failures + 1, now
        if self._failures >= policy.failures and now - self._began >= policy.lasting:
            self._closed_until = now + policy.pause
