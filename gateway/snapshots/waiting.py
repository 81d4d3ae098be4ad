"""Waiting for a lease of another process: try, sleep, and try again, for a limited time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import anyio

from gateway.observe import Clock, Observer

T = TypeVar("T")


class HeldElsewhere(Exception):
    """Another process holds the lease."""


@dataclass(frozen=True, slots=True)
class WaitPolicy:
    """The longest wait for another process's extract, and the sleeps between tries, in seconds."""

    seconds: float = 600.0
    first_sleep_seconds: float = 0.05
    max_sleep_seconds: float = 0.5


async def retry_while_held(
    attempt: Callable[[], Awaitable[T]], policy: WaitPolicy, clock: Clock, observer: Observer
) -> T | None:
    """Return the result of `attempt` once it does not raise `HeldElsewhere`; None on timeout.

    A process that hangs while it holds a lease must not block all others for ever. Without it they
    make the same extract twice, which costs time and nothing else.
    """
    deadline = clock.monotonic() + policy.seconds
    sleep = policy.first_sleep_seconds
    while clock.monotonic() < deadline:
        try:
            return await attempt()
        except HeldElsewhere:
            await anyio.sleep(sleep)
            sleep = min(sleep * 1.5, policy.max_sleep_seconds)
    observer.warn(
        "stopped waiting for another process, which has been making the same extract for"
        f" {policy.seconds:.0f} seconds"
    )
    return None
