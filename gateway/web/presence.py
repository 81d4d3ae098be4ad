"""Work for a client that may leave before its answer: then it ends, and frees what it held."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import anyio
from starlette.types import Receive

T = TypeVar("T")
_SOON_SECONDS = 0.05
"""What takes less is not watched: most answers are at hand."""


async def while_present(receive: Receive, work: Coroutine[Any, Any, T]) -> T | None:
    """The result; None when the client left before. The request must have no body to read."""
    with anyio.CancelScope() as scope:
        watch = _Watch(receive, scope)
        try:
            return await work
        finally:
            watch.end()
    return None


class _Watch:
    """Cancels a scope when the client leaves; begins a little later."""

    def __init__(self, receive: Receive, scope: anyio.CancelScope) -> None:
        self._receive = receive
        self._scope = scope
        self._task: asyncio.Task[None] | None = None
        self._start = asyncio.get_running_loop().call_later(_SOON_SECONDS, self._begin)

    def end(self) -> None:
        """Watch no longer."""
        self._start.cancel()
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._scope.cancel()
