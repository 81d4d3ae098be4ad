"""Waiting for one's turn: try, sleep, try again, and not for ever."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import anyio

from gateway.observe import Clock, Observer

T = TypeVar("T")


class HeldElsewhere(Exception):
    """It is another's turn."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: the longest wait for another's extract, and how often to look, slower with time."""

    seconds: float = 600.0
    first_sleep: float = 0.05
    longest_sleep: float = 0.5


async def wait_for_turn(
    attempt: Callable[[], Awaitable[T]], patience: Patience, clock: Clock, observer: Observer
) -> T | None:
    """What `attempt` answers once it is not `HeldElsewhere`; None when patience ends.

    A process that hangs with a lease in its hand must not stop all others for ever; without the
    lease they make the same extract twice, which costs time and nothing else.
    """
    deadline = clock.monotonic() + patience.seconds
    sleep = patience.first_sleep
    while clock.monotonic() < deadline:
        try:
            return await attempt()
        except HeldElsewhere:
            await anyio.sleep(sleep)
            sleep = min(sleep * 1.5, patience.longest_sleep)
    observer.warn(
        f"another process has extracted the same for {patience.seconds:.0f} seconds: not waited for"
    )
    return None
