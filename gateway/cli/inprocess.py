"""The gateway in this process, asked as over HTTP but without a port that others could ask.

httpx's own ASGITransport holds a body until it is whole; here a part is made when it is asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
from starlette.types import ASGIApp, Message

_MOST_WAITING = 1


class InProcess(httpx.AsyncBaseTransport):
    """Carries httpx's requests to an ASGI application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The response as soon as it has begun."""
        exchange = _Exchange(await request.aread())
        exchange.start(self._app, _scope(request))
        try:
            start = await exchange.begun()
        except BaseException:
            await exchange.aclose()
            raise
        return httpx.Response(start["status"], headers=start["headers"], stream=exchange)


def _scope(request: httpx.Request) -> dict[str, object]:
    path, _, query = request.url.raw_path.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "server": (request.url.host, request.url.port),
        "client": ("127.0.0.1", 0),
    }


class _Exchange(httpx.AsyncByteStream):
    """One request and its answer; whoever closes it early has gone, as on a socket."""

    task: asyncio.Task[None]

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._said: asyncio.Queue[Message] = asyncio.Queue(_MOST_WAITING)

    def start(self, app: ASGIApp, scope: dict[str, object]) -> None:
        """Let the application answer."""
        answering: Any = app(scope, self._receive, self._said.put)
        self.task = asyncio.create_task(answering)

    async def begun(self) -> Message:
        """The first message.

        Raises:
            Exception: what the application raises before it.
        """
        message = await self._next()
        if message is None:
            raise httpx.RemoteProtocolError("the application did not answer")
        return message

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The parts of the body, each made when the last one is taken."""
        while (message := await self._next()) is not None:
            yield message.get("body", b"")
            if not message.get("more_body", False):
                return
        raise httpx.RemoteProtocolError("the answer ended before it was whole")

    async def _next(self) -> Message | None:
        """What is said next; None when the application has ended, its exception when it failed."""
        hearing = asyncio.ensure_future(self._said.get())
        await asyncio.wait({hearing, self.task}, return_when=asyncio.FIRST_COMPLETED)
        if hearing.done():
            return hearing.result()
        hearing.cancel()
        await self.task
        return None

    async def aclose(self) -> None:
        """End what still runs."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _receive(self) -> Message:
        if self._body is None:
            await asyncio.Event().wait()  # nobody leaves but by `aclose`
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}
