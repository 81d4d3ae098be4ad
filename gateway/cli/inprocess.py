"""An HTTP transport to the gateway in this process, without a port that others could connect to.

Unlike httpx's ASGITransport, which buffers the whole body, it streams each part on demand.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
from starlette.types import ASGIApp, Message

_MAX_QUEUED_MESSAGES = 1


class InProcess(httpx.AsyncBaseTransport):
    """A transport of httpx that calls an ASGI application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response as soon as it starts."""
        exchange = _Exchange(await request.aread())
        exchange.start(self._app, _scope(request))
        try:
            start = await exchange.first_message()
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
    """One request and its response; closing it early cancels the application, as on a socket."""

    task: asyncio.Task[None]

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._messages: asyncio.Queue[Message] = asyncio.Queue(_MAX_QUEUED_MESSAGES)

    def start(self, app: ASGIApp, scope: dict[str, object]) -> None:
        """Start the application."""
        response: Any = app(scope, self._receive, self._messages.put)
        self.task = asyncio.create_task(response)

    async def first_message(self) -> Message:
        """Return the first message.

        Raises:
            Exception: the application raised before it responded.
        """
        message = await self._next()
        if message is None:
            raise httpx.RemoteProtocolError("the application did not respond")
        return message

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the parts of the body on demand."""
        while (message := await self._next()) is not None:
            yield message.get("body", b"")
            if not message.get("more_body", False):
                return
        raise httpx.RemoteProtocolError("the response ended before it was complete")

    async def _next(self) -> Message | None:
        """Return the next message, or None if the application has ended; raise its exception."""
        message = asyncio.ensure_future(self._messages.get())
        await asyncio.wait({message, self.task}, return_when=asyncio.FIRST_COMPLETED)
        if message.done():
            return message.result()
        message.cancel()
        await self.task
        return None

    async def aclose(self) -> None:
        """Cancel the application."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _receive(self) -> Message:
        if self._body is None:
            await asyncio.Event().wait()  # the client disconnects only by `aclose`
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}
