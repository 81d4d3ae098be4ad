"""All requests that a variation has received, to any path."""

from collections import deque
from typing import NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

_MAX_CALLS = 100_000


class Call(NamedTuple):
    """One request."""

    method: str
    path: str


class CallLog:
    """Middleware that records method and path of each request."""

    def __init__(self, app: ASGIApp, *, calls: deque[Call]) -> None:
        self._app = app
        self._calls = calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Record the request and pass it on."""
        if scope["type"] == "http":
            self._calls.append(Call(scope["method"], scope["path"]))
        await self._app(scope, receive, send)


def new_log() -> deque[Call]:
    """Return an empty log, which keeps the latest calls."""
    return deque(maxlen=_MAX_CALLS)
