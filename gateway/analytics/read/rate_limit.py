"""The rate limit for calls to the Analytics API: one queue for all calls of a client.

Calls wait for two reasons: the contract's limit, a token bucket, and throttling by the upstream.
Throttling holds all calls until the upstream's Retry-After; then calls go one by one, at half the
rate that was too high, and each success raises the rate a little.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

import anyio

from gateway.contract.model import RateLimit
from gateway.errors import UpstreamThrottled

_LONG_AGO = float("-inf")
_WINDOW_SECONDS = 10.0
"""Seconds over which calls are counted to find the rate that was too high."""
_MIN_BURST_SECONDS = 1.0
"""Seconds over which a short burst counts as spread, as it shows no rate by itself."""
_MIN_CALLS_PER_SECOND = 1.0
"""Calls a second; the minimum after halving. An upstream that allows less says so: `Retry-After`,
or the contract's limit. At a lower rate, calls would exceed their time in the queue."""
_SUCCESSES_TO_RECOVER = 20
"""Successes that bring half a rate back to the full one."""


class RateLimiter:
    """A queue in order of arrival. All times are seconds of `now`, which counts and never jumps."""

    def __init__(
        self,
        limit: RateLimit | None,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._limit = limit
        self._now = now
        self._sleep = sleep
        self._line: deque[_Ticket] = deque()
        self._starts: deque[float] = deque(maxlen=256)
        self._spent_until = self._held_until = self._slowed_at = _LONG_AGO
        self._resume()

    async def turn(self, deadline: float) -> float:
        """Wait until a call may go, and return the time; a cancelled call uses none of the rate.

        Raises:
            UpstreamThrottled: its turn would be after the deadline.
        """
        ticket = _Ticket()
        self._line.append(ticket)
        try:
            while (ahead := self._line.index(ticket)) or self._wait(0) > 0:
                wait = self._wait(ahead)
                if self._now() + wait > deadline:
                    raise _too_long(wait)
                await (ticket.called() if ahead else self._sleep(wait))
            return self._go()
        finally:
            self._line.remove(ticket)
            if self._line:
                self._line[0].call()

    def throttle(self, began: float, wait: float) -> None:
        """Hold all calls, and slow down, after the upstream throttled a call that began at `began`.

        Calls that were in flight when the rate was halved do not halve it again.
        """
        now = self._now()
        self._held_until = max(self._held_until, now + wait)
        rate = min(filter(None, (self._rate, self._observed(now))), default=None)
        if began > self._slowed_at and rate is not None:
            self._slow_down(rate / 2)
            self._slowed_at = now
        for ticket in self._line:
            ticket.call()

    def hold(self, wait: float) -> None:
        """Hold all calls: the upstream has said that none is left until then."""
        self._held_until = max(self._held_until, self._now() + wait)
        for ticket in self._line:
            ticket.call()

    def recover(self) -> None:
        """Note that a call succeeded, and raise a reduced rate."""
        if self._rate is not None and self._step:
            self._rate += self._step
            if self._rate >= self._full:
                self._resume()

    def _resume(self) -> None:
        """Restore the contract's limit; without one, calls do not wait."""
        self._rate = self._limit.calls_per_second if self._limit else None
        self._burst = self._limit.burst if self._limit else 1
        self._step = 0.0

    def _slow_down(self, rate: float) -> None:
        """Set a rate; without a contract limit, it ends at twice the rate that was too high."""
        limit = self._limit.calls_per_second if self._limit else None
        self._rate = max(
            rate, _MIN_CALLS_PER_SECOND if limit is None else min(_MIN_CALLS_PER_SECOND, limit)
        )
        self._full = limit or self._rate * 4
        self._step = self._rate / _SUCCESSES_TO_RECOVER
        self._burst = 1
        last = max(self._starts, default=_LONG_AGO)
        self._spent_until = max(self._spent_until, last + 1 / self._rate)

    def _wait(self, ahead: int) -> float:
        """Return the seconds until a call with so many others ahead of it may go."""
        now = self._now()
        ready = self._held_until
        if self._rate is not None:
            base = max(self._spent_until, self._held_until, now)
            ready = max(ready, base + (ahead - self._burst + 1) / self._rate)
        return ready - now

    def _go(self) -> float:
        """Take a call's share of the bucket, which is one instant: when it is full again."""
        now = self._now()
        if self._rate is not None:
            self._spent_until = max(self._spent_until, now) + 1 / self._rate
        self._starts.append(now)
        return now

    def _observed(self, now: float) -> float | None:
        """Return the recent calls per second; None after fewer than two."""
        recent = [start for start in self._starts if start >= now - _WINDOW_SECONDS]
        if len(recent) < 2:
            return None
        return (len(recent) - 1) / max(now - recent[0], _MIN_BURST_SECONDS)


class _Ticket:
    """A place in the queue: its call sleeps until it is first, or the hold is extended."""

    def __init__(self) -> None:
        self._event = anyio.Event()

    def call(self) -> None:
        self._event.set()

    async def called(self) -> None:
        await self._event.wait()
        self._event = anyio.Event()


def _too_long(wait: float) -> UpstreamThrottled:
    return UpstreamThrottled(
        f"the Analytics API limits the rate of requests, and this call's turn would come in"
        f" {int(wait) + 1} seconds, later than --retry-budget allows; try again then",
        retry_after_seconds=int(wait) + 1,
    )
