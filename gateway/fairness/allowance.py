"""The limits of one key, and the meter that counts its requests.

Each process counts for itself, as it does wrong keys: with several workers a key may make that many
requests in each of them.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from gateway.errors import TooManyRequests

_MINUTE = 60.0
_SOON_SECONDS = 5.0
"""When to try again after too many requests at once: most requests have ended by then."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a key may use; None is no limit of its own.

    `sets` are the entity sets that exist for it. `query_seconds` counts only where it is shorter
    than the gateway's own `query_timeout`.
    """

    at_once: int | None = None
    per_minute: int | None = None
    sets: tuple[str, ...] | None = None
    query_seconds: float | None = None


UNLIMITED = Allowance()


class Meter:
    """Counts the requests of keys that have limits; `monotonic` counts seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._now = monotonic
        self._running: Counter[str] = Counter()
        self._starts: dict[str, deque[float]] = {}

    def begin(self, key: str, allowance: Allowance) -> None:
        """Count a request; `end` must follow when it has been answered.

        Raises:
            TooManyRequests: the key has too many at once or in the last minute; nothing is counted.
        """
        if allowance.at_once is not None and self._running[key] >= allowance.at_once:
            raise _too_many_at_once(key, allowance.at_once)
        self.count(key, allowance)
        self._running[key] += 1

    def count(self, key: str, allowance: Allowance) -> None:
        """Count a request of the minute alone, as a further one in a batch is.

        Raises:
            TooManyRequests: the key has made as many in the last 60 seconds as it may.
        """
        most = allowance.per_minute
        if most is None:
            self._starts.pop(key, None)
            return
        now, starts = self._now(), self._starts.setdefault(key, deque())
        while starts and starts[0] <= now - _MINUTE:
            starts.popleft()
        if len(starts) >= most:
            raise _too_many_a_minute(key, most, starts[-most] + _MINUTE - now)
        starts.append(now)

    def end(self, key: str) -> None:
        """Count a request as answered."""
        self._running[key] -= 1
        if self._running[key] <= 0:
            del self._running[key]


def _too_many_at_once(key: str, most: int) -> TooManyRequests:
    return TooManyRequests(
        f"the {_named(key)} may have {most} {_requests(most)} at once, and has; wait for one of"
        " them, or load fewer tables at the same time (the gateway's owner can raise the key's"
        " requests_at_once)",
        retry_after_seconds=_SOON_SECONDS,
    )


def _too_many_a_minute(key: str, most: int, seconds: float) -> TooManyRequests:
    return TooManyRequests(
        f"the {_named(key)} may make {most} {_requests(most)} a minute, and has; try again later"
        " (the gateway's owner can raise the key's requests_per_minute)",
        retry_after_seconds=seconds,
    )


def _named(key: str) -> str:
    """The key as principals name it, `key:ID`, for people.

    >>> _named("key:75f3057cc391")
    'key 75f3057cc391'
    """
    return key.replace(":", " ", 1)


def _requests(number: int) -> str:
    return "request" if number == 1 else "requests"
