"""One request on its way through the gateway: in whose line it waits, and how much time it has.

Found by a context variable, as the record of a request is (`gateway.observe.record`), so that no
stage needs to pass it on. One time limit covers parsing, the wait for turns and queries together:
limits for each of them would add up to several times what is promised. Extracts have limits of
their own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import anyio

from gateway.errors import GatewayError, QueryTimeout, ServiceUnavailable
from gateway.fairness.allowance import UNLIMITED, Allowance, Meter
from gateway.fairness.turns import Turns

_CURRENT: ContextVar[Visit | None] = ContextVar("gateway_visit", default=None)
_BUSY_SECONDS = 10


def _nothing() -> None:
    """Count nothing: the caller has no limits, or has not been admitted."""


@dataclass(slots=True)
class Visit:
    """A request; mutable until it ends.

    `caller` is the line that it waits in. `waited` and `worked` are seconds spent waiting for turns
    and using them. `count` counts a further request inside of this one, `leave` ends it.
    """

    caller: str = ""
    query_seconds: float | None = None
    waited: float = 0.0
    worked: float = 0.0
    count: Callable[[], None] = field(default=_nothing, repr=False)
    leave: Callable[[], None] = field(default=_nothing, repr=False)

    def admit(self, caller: str, key: str, allowance: Allowance, meter: Meter) -> None:
        """Note who makes the request, and count it against the limits of the key.

        Raises:
            TooManyRequests: the key has too many at once or in the last minute.
        """
        self.caller, self.query_seconds = caller, allowance.query_seconds
        if allowance == UNLIMITED:
            return
        meter.begin(key, allowance)
        self.count = lambda: meter.count(key, allowance)
        self.leave = lambda: meter.end(key)

    def renew(self) -> None:
        """Give the request its whole time again."""
        self.waited = self.worked = 0.0

    @asynccontextmanager
    async def turn(self, turns: Turns, seconds: float) -> AsyncIterator[float]:
        """Wait for a turn and hold it; yields the seconds that are left of the request's.

        `seconds` is the gateway's time limit; that of the key can only lower it.

        Raises:
            ServiceUnavailable: the time went by while waiting.
            QueryTimeout: the time went by while working.
        """
        if self._left(seconds) <= 0:
            raise self.out_of_time(seconds)
        began = anyio.current_time()
        try:
            with anyio.fail_after(self._left(seconds)):
                await turns.acquire(self.caller)
        except TimeoutError:
            raise _busy() from None
        finally:
            self.waited += anyio.current_time() - began
        began = anyio.current_time()
        try:
            yield self._left(seconds)
        finally:
            self.worked += anyio.current_time() - began
            turns.release(self.caller)

    def out_of_time(self, seconds: float) -> GatewayError:
        """Return the failure of a request whose time is over: which way out depends on why."""
        if self.waited > self.worked:
            return _busy()
        own = self.query_seconds
        return QueryTimeout(own if own is not None and own < seconds else None)

    def _left(self, seconds: float) -> float:
        limit = seconds if self.query_seconds is None else min(seconds, self.query_seconds)
        return limit - self.waited - self.worked


def current_visit() -> Visit:
    """Return the request that is answered here; where none is, a new one without a caller."""
    return _CURRENT.get() or Visit()


class Visiting:
    """`with Visiting():` makes all inside of it part of one request.

    No generator, because it is entered for each request.
    """

    __slots__ = ("_token", "_visit")

    def __init__(self) -> None:
        self._visit = Visit()

    def __enter__(self) -> None:
        self._token = _CURRENT.set(self._visit)

    def __exit__(self, *raised: object) -> None:
        _CURRENT.reset(self._token)
        self._visit.leave()


@contextmanager
def part_of_visit() -> Iterator[None]:
    """Give a part of a batch its own time, in the line of the batch's caller."""
    outer = current_visit()
    token = _CURRENT.set(Visit(outer.caller, outer.query_seconds))
    try:
        yield
    finally:
        _CURRENT.reset(token)


def _busy() -> ServiceUnavailable:
    return ServiceUnavailable(
        "the gateway has more queries to answer at once than it can, and this one's turn did not"
        " come in time; try again later (the gateway's owner can give it more cores, or serve with"
        " more --workers)",
        retry_after_seconds=_BUSY_SECONDS,
    )
