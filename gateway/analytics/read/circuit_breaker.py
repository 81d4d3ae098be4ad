"""A circuit breaker: while the upstream is down, calls fail at once instead of waiting for it.

It opens when consecutive calls have had no response for some seconds. After a pause, one call may
try, and its outcome counts for the others. A 4xx is a response.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from gateway.errors import UpstreamUnavailable


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """The definition of an outage: `failures` in a row, over at least `lasting` seconds.

    The seconds prevent that the retries of one call make an outage. Failures further apart than
    `memory` are not consecutive. All times are in seconds.
    """

    failures: int = 5
    lasting: float = 5.0
    memory: float = 60.0
    pause: float = 10.0


class CircuitBreaker:
    """The state of the upstream, by its responses. `now` counts seconds and never jumps."""

    def __init__(self, policy: BreakerPolicy, now: Callable[[], float]) -> None:
        self._policy = policy
        self._now = now
        self._failures = 0
        self._began = self._last = 0.0
        self._closed_until: float | None = None

    @property
    def lasts(self) -> bool:
        """True during an outage, when a retry is useless."""
        return self._closed_until is not None

    def admit(self) -> None:
        """Admit a call; in an outage, only one call per pause, to test whether it is over.

        Raises:
            UpstreamUnavailable: this call is not admitted.
        """
        if self._closed_until is None:
            return
        now = self._now()
        left = self._closed_until - now
        if left > 0:
            raise UpstreamUnavailable(
                f"the Analytics API has not responded for {int(now - self._began)} seconds; the"
                f" gateway pauses its calls for {ceil(left)} more seconds; try again then",
                retry_after_seconds=ceil(left),
            )
        self._closed_until = now + self._policy.pause

    def noticed(self, *, is_answer: bool) -> None:
        """Note whether a call had a response; an error response of 5xx does not count as one."""
        policy, now = self._policy, self._now()
        if is_answer:
            self._failures, self._closed_until = 0, None
            return
        if not self._failures or now - self._last > policy.memory:
            self._failures, self._began = 0, now
        self._failures, self._last = self._failures + 1, now
        if self._failures >= policy.failures and now - self._began >= policy.lasting:
            self._closed_until = now + policy.pause
