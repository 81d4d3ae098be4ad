"""The requests that a sandbox received, in order, for tests of clients."""

from collections import deque
from typing import Any

import msgspec

_MAX_REQUESTS = 10_000


class Received(msgspec.Struct, frozen=True):
    """One request; `body` is its decoded JSON, or null if it is not JSON."""

    method: str
    path: str
    body: Any  # any JSON


class Journal:
    """The latest requests to the documented endpoints, failed ones included, oldest first."""

    __slots__ = ("_count", "requests")

    def __init__(self) -> None:
        self.requests: deque[Received] = deque(maxlen=_MAX_REQUESTS)
        self._count = 0

    def record(self, method: str, path: str, body: bytes) -> int:
        """Add a request, drop the oldest if there are too many, and return its number, from 1."""
        try:
            decoded = msgspec.json.decode(body)
        except ValueError:
            decoded = None
        self.requests.append(Received(method, path, decoded))
        self._count += 1
        return self._count
