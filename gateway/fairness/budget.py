"""The budget of one request: the caller whose turns it uses, and the time that it has left.

A context variable holds it, as it holds the request's record (`gateway.observe.record`), so that no
stage needs to pass it on. One time limit covers parsing, waiting for turns and queries together:
separate limits would add up to several times the documented one. Extracts have limits of their own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import anyio

from gateway.errors import GatewayError, QueryTimeout, ServiceUnavailable
from gateway.fairness.allowance import UNLIMITED, Allowance, Meter
from gateway.fairness.round_robin import RoundRobin

_CURRENT: ContextVar[RequestBudget | None] = ContextVar("gateway_budget", default=None)
_BUSY_SECONDS = 10


def _nothing() -> None:
    """Count nothing: the key has no limits, or the caller has not been admitted yet."""


@dataclass(slots=True)
class RequestBudget:
    """The caller and the time of one request; mutable until the request ends.

    `caller` names the queue that the request waits in. `waited` and `worked` are the seconds spent
    waiting for turns and using them. `count` counts a further request inside this one, `leave`
    ends it.
    """

    caller: str = ""
    query_seconds: float | None = None
    waited: float = 0.0
    worked: float = 0.0
    count: Callable[[], None] = field(default=_nothing, repr=False)
    leave: Callable[[], None] = field(default=_nothing, repr=False)

    def admit(self, caller: str, key: str, allowance: Allowance, meter: Meter) -> None:
        """Set the caller, and count the request against the limits of its key.

        Raises:
            TooManyRequests: the key has too many requests at once or in the last minute.
        """
        self.caller, self.query_seconds = caller, allowance.query_seconds
        if allowance == UNLIMITED:
            return
        meter.begin(key, allowance)
        self.count = lambda: meter.count(key, allowance)
        self.leave = lambda: meter.end(key)

    def renew(self) -> None:
        """Reset the time that the request has used."""
        self.waited = self.worked = 0.0

    @asynccontextmanager
    async def turn(self, turns: RoundRobin, seconds: float) -> AsyncIterator[float]:
        """Wait for a turn and hold it; yield the seconds that the request has left.

        `seconds` is the gateway's time limit; the key's own limit can only lower it.

        Raises:
            ServiceUnavailable: the time was used up while waiting.
            QueryTimeout: the time was used up while working.
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
        """Return the error of a request that has used up its time, by what took most of it."""
        if self.waited > self.worked:
            return _busy()
        own = self.query_seconds
        return QueryTimeout(own if own is not None and own < seconds else None)

    def _left(self, seconds: float) -> float:
        limit = seconds if self.query_seconds is None else min(seconds, self.query_seconds)
        return limit - self.waited - self.worked


def current_budget() -> RequestBudget:
    """Return the current request's budget; outside a request, a new one without a caller."""
    return _CURRENT.get() or RequestBudget()


class BudgetScope:
    """A context, `with BudgetScope():`, whose block is one request with a budget of its own.

    A class, not a generator: every request enters it, and a class is faster.
    """

    __slots__ = ("_budget", "_token")

    def __init__(self) -> None:
        self._budget = RequestBudget()

    def __enter__(self) -> None:
        self._token = _CURRENT.set(self._budget)

    def __exit__(self, *raised: object) -> None:
        _CURRENT.reset(self._token)
        self._budget.leave()


@contextmanager
def part_budget() -> Iterator[None]:
    """Give one part of a batch its own time, in the queue of the batch's caller."""
    outer = current_budget()
    token = _CURRENT.set(RequestBudget(outer.caller, outer.query_seconds))
    try:
        yield
    finally:
        _CURRENT.reset(token)


def _busy() -> ServiceUnavailable:
    return ServiceUnavailable(
        "the gateway is busy: this query waited too long for its turn; try again later (the"
        " gateway's owner can give it more cores, or serve with more --workers)",
        retry_after_seconds=_BUSY_SECONDS,
    )
