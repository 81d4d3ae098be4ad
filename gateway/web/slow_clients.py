"""A client that reads nothing for a while, or never ends what it asks, is hung up on.

What is sent to it waits in this process, and what it is made from is held: a snapshot, the rest of
a file or batch. A slow client that takes a little at a time is let be. Who dribbles the head of a
request is not: nothing but that needs a connection for so long without asking anything.
"""

from __future__ import annotations

import array
import asyncio
import sys
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class TimeLimitedProtocol(HttpToolsProtocol):
    """uvicorn's protocol over httptools, with timeouts for writing and for a request's head.

    The head's time begins with the connection, and later with the first byte behind an answer:
    until then uvicorn's own timeout for idle connections counts.
    """

    stalled_seconds: ClassVar[float] = 60.0
    head_seconds: ClassVar[float] = 30.0

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._unread = 0
        self._look: asyncio.TimerHandle | None = None
        self._head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there, and has to ask something."""
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """A part of a request; behind an answer it is the next one's head, or should be."""
        if self._head is None and self.cycle is not None and self.cycle.response_complete:
            self._expect_head()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._expect_no_head()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A request is whole, perhaps one that was answered before its body's end."""
        self._expect_no_head()
        super().on_message_complete()

    def pause_writing(self) -> None:
        """More waits to be read than the transport likes."""
        super().pause_writing()
        self._look_later()

    def resume_writing(self) -> None:
        """Nearly all was read."""
        super().resume_writing()
        self._look_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._look_no_more()
        self._expect_no_head()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self._head = self.loop.call_later(self.head_seconds, self.transport.abort)

    def _expect_no_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _look_later(self) -> None:
        self._look_no_more()
        self._unread = _unread(self.transport)
        self._look = self.loop.call_later(self.stalled_seconds, self._check)

    def _look_no_more(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _check(self) -> None:
        """Hang up unless some was read; `close` would wait for the rest to be read."""
        if _unread(self.transport) >= self._unread:
            self.transport.abort()
        else:
            self._look_later()


def _unread(transport: asyncio.Transport) -> int:
    """Bytes that the client has not taken, also of those that the system holds for it.

    The system takes some megabytes at once; without them a slow client would look like a dead one.
    """
    return transport.get_write_buffer_size() + _in_system(transport)


if sys.platform == "linux":
    import fcntl
    import termios

    def _in_system(transport: asyncio.Transport) -> int:
        number = array.array("i", [0])
        try:
            fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, number)
        except (AttributeError, OSError):  # no socket, or closed
            return 0
        return number[0]

else:

    def _in_system(transport: asyncio.Transport) -> int:
        return 0
