"""Cancellation of work whose client disconnects before the response.

Pure ASGI, around all routes, so that no endpoint can forget it. The watch lasts from the end of the
request's body, which only the endpoint can read, to the start of the response. After that,
Starlette's streaming responses detect a disconnect themselves.
"""

from __future__ import annotations

import asyncio

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_UNWATCHED_SECONDS = 0.05
"""Shorter work is not watched: most responses come from memory."""
_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS"})


class CancelOnDisconnect:
    """The application, cancelled when its client disconnects."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with anyio.CancelScope() as work:
            watch = _Watch(receive, send, work)
            if scope["method"] in _WITHOUT_BODY:
                watch.begin_soon()
            try:
                await self._app(scope, watch.receive, watch.send)
            finally:
                watch.end()


class _Watch:
    """Cancels a scope when the client disconnects; `receive` and `send` replace the server's.

    A body that arrives while nothing reads it is discarded.
    """

    def __init__(self, receive: Receive, send: Send, work: anyio.CancelScope) -> None:
        self._receive = receive
        self._send = send
        self._work = work
        self._start: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_over = False

    async def receive(self) -> Message:
        """Pass on a message; start the watch after the last message of the body."""
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            self.begin_soon()
        return message

    async def send(self, message: Message) -> None:
        """Pass on a message; end the watch before the first one."""
        self.end()
        await self._send(message)

    def begin_soon(self) -> None:
        """Start the watch after a short delay."""
        if self._start is None and not self._is_over:
            self._start = asyncio.get_running_loop().call_later(_UNWATCHED_SECONDS, self._begin)

    def end(self) -> None:
        """End the watch."""
        self._is_over = True
        if self._start is not None:
            self._start.cancel()
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._work.cancel()
