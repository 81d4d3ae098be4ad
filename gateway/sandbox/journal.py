"""What a sandbox was asked, in order, for tests that look at the requests of a client."""

from collections import deque
from typing import Any

import msgspec

_MOST_REQUESTS = 10_000


class Received(msgspec.Struct, frozen=True):
    """One request; `body` is its decoded JSON, or null when it is none."""

    method: str
    path: str
    body: Any  # whatever the client sent


class Journal:
    """The latest requests to the documented endpoints, refused ones included, oldest first."""

    __slots__ = ("_count", "requests")

    def __init__(self) -> None:
        self.requests: deque[Received] = deque(maxlen=_MOST_REQUESTS)
        self._count = 0

    def record(self, method: str, path: str, body: bytes) -> int:
        """Add a request, dropping the oldest if need be; return its number, the first being 1."""
        try:
            decoded = msgspec.json.decode(body)
        except ValueError:
            decoded = None
        self.requests.append(Received(method, path, decoded))
        self._count += 1
        return self._count
