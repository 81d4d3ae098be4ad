"""The limits of one key, and the meter that counts its requests.

Each process counts on its own, as it does with wrong keys: with several workers, a key may make
that many requests in each of them.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from gateway.errors import TooManyRequests

_WINDOW_SECONDS = 60.0
_RETRY_SECONDS = 5.0
"""The Retry-After of too many requests at once: most requests have ended by then."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """The limits of one key; None means that the key has no limit of its own.

    `sets` are the entity sets that the key may read. `query_seconds` applies only where it is
    shorter than the gateway's own `query_timeout`.
    """

    at_once: int | None = None
    per_minute: int | None = None
    sets: tuple[str, ...] | None = None
    query_seconds: float | None = None


UNLIMITED = Allowance()


class Meter:
    """A counter of the requests of keys that have limits; `monotonic` counts seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._now = monotonic
        self._running: Counter[str] = Counter()
        self._starts: dict[str, deque[float]] = {}

    def begin(self, key: str, allowance: Allowance) -> None:
        """Count a request that begins; call `end` when it has been answered.

        Raises:
            TooManyRequests: the key has too many requests at once or in the last minute; this one
                is not counted.
        """
        if allowance.at_once is not None and self._running[key] >= allowance.at_once:
            raise _too_many_at_once(key, allowance.at_once)
        self.count(key, allowance)
        self._running[key] += 1

    def count(self, key: str, allowance: Allowance) -> None:
        """Count a request against the minute's limit only, such as a further one in a batch.

        Raises:
            TooManyRequests: the key has reached its limit for the last 60 seconds.
        """
        limit = allowance.per_minute
        if limit is None:
            self._starts.pop(key, None)
            return
        now, starts = self._now(), self._starts.setdefault(key, deque())
        while starts and starts[0] <= now - _WINDOW_SECONDS:
            starts.popleft()
        if len(starts) >= limit:
            wait = min(_WINDOW_SECONDS, starts[-limit] + _WINDOW_SECONDS - now)  # may round up
            raise _too_many_a_minute(key, limit, wait)
        starts.append(now)

    def end(self, key: str) -> None:
        """Count a request as answered."""
        self._running[key] -= 1
        if self._running[key] <= 0:
            del self._running[key]


def _too_many_at_once(key: str, limit: int) -> TooManyRequests:
    return TooManyRequests(
        f"the {_named(key)} may have {limit} {_requests(limit)} at once, and has; wait for one"
        " to finish, or load fewer tables at the same time (the gateway's owner can raise the key's"
        " requests_at_once)",
        retry_after_seconds=_RETRY_SECONDS,
    )


def _too_many_a_minute(key: str, limit: int, seconds: float) -> TooManyRequests:
    return TooManyRequests(
        f"the {_named(key)} may make {limit} {_requests(limit)} a minute, and has (the"
        " gateway's owner can raise the key's requests_per_minute)",
        retry_after_seconds=seconds,
    )


def _named(key: str) -> str:
    """Return the name of a key for people; principals name it `key:ID`.

    >>> _named("key:75f3057cc391")
    'key 75f3057cc391'
    """
    return key.replace(":", " ", 1)


def _requests(number: int) -> str:
    return "request" if number == 1 else "requests"
