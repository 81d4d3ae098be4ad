"""When a call may go to the Analytics API: one line for all calls of a client.

Two things make a call wait: the contract's limit, a token bucket, and an upstream that has said
that it is asked too often. The latter holds everybody until the told moment; then calls go at half
the rate that was too much, one by one, and each that succeeds makes the next ones a little faster.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

import anyio

from gateway.contract.model import RateLimit
from gateway.errors import UpstreamThrottled

_LONG_AGO = float("-inf")
_WINDOW = 10.0
"""Seconds whose calls are counted for the rate that was too much."""
_SHORTEST_LOOK = 1.0
"""A burst of some calls tells no rate; it is taken as spread over this many seconds."""
_SLOWEST = 1.0
"""Calls a second; halving ends here. An upstream that allows less says so: `Retry-After`, or the
contract's limit. Slower than that, the line would be longer than calls can wait."""
_STEPS = 20
"""So many successes bring half a rate back to a whole one."""


class RateLimiter:
    """First come, first served. All times are seconds of `now`, which counts and never jumps."""

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
        """Wait in line until a call may go; returns when it goes. Who leaves the line costs nobody.

        Raises:
            UpstreamThrottled: that would be after the deadline.
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
        """The upstream refused a call that began then: hold all calls, and slow down.

        Calls that were on their way when the rate was halved tell nothing new.
        """
        now = self._now()
        self._held_until = max(self._held_until, now + wait)
        rate = min(filter(None, (self._rate, self._observed(now))), default=None)
        if began > self._slowed_at and rate is not None:
            self._slow_down(rate / 2)
            self._slowed_at = now
        for ticket in self._line:
            ticket.call()

    def recover(self) -> None:
        """A call succeeded."""
        if self._rate is not None and self._step:
            self._rate += self._step
            if self._rate >= self._full:
                self._resume()

    def _resume(self) -> None:
        """The contract's limit; without one nobody waits."""
        self._rate = self._limit.calls_per_second if self._limit else None
        self._burst = self._limit.burst if self._limit else 1
        self._step = 0.0

    def _slow_down(self, rate: float) -> None:
        """Without a limit in the contract, twice the rate that was too much counts as free."""
        limit = self._limit.calls_per_second if self._limit else None
        self._rate = max(rate, _SLOWEST if limit is None else min(_SLOWEST, limit))
        self._full = limit or self._rate * 4
        self._step = self._rate / _STEPS
        self._burst = 1
        last = max(self._starts, default=_LONG_AGO)
        self._spent_until = max(self._spent_until, last + 1 / self._rate)

    def _wait(self, ahead: int) -> float:
        """Seconds until a call may go that has so many others ahead of it in the line."""
        now = self._now()
        ready = self._held_until
        if self._rate is not None:
            base = max(self._spent_until, self._held_until, now)
            ready = max(ready, base + (ahead - self._burst + 1) / self._rate)
        return ready - now

    def _go(self) -> float:
        """The bucket is one instant: when it will be full, if each call is a part of a second."""
        now = self._now()
        if self._rate is not None:
            self._spent_until = max(self._spent_until, now) + 1 / self._rate
        self._starts.append(now)
        return now

    def _observed(self, now: float) -> float | None:
        """Calls a second lately; None when there was only one."""
        recent = [start for start in self._starts if start >= now - _WINDOW]
        if len(recent) < 2:
            return None
        return (len(recent) - 1) / max(now - recent[0], _SHORTEST_LOOK)


class _Ticket:
    """A place in the line: who has it sleeps until it is the first, or the hold has grown."""

    def __init__(self) -> None:
        self._event = anyio.Event()

    def call(self) -> None:
        self._event.set()

    async def called(self) -> None:
        await self._event.wait()
        self._event = anyio.Event()


def _too_long(wait: float) -> UpstreamThrottled:
    return UpstreamThrottled(
        f"the Analytics API limits how often it is asked, and this call's turn would come in"
        f" {int(wait) + 1} seconds, later than --retry-budget allows; try again then",
        retry_after_seconds=int(wait) + 1,
    )
