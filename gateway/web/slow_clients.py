"""Timeouts for clients that stop reading, or do not finish the head of a request.

Unread data waits in this process and retains its source: a snapshot, the rest of a file or batch. A
slow client that keeps reading a little is accepted. A client that sends a head byte by byte is not:
no honest client needs a connection for so long without a request.
"""

from __future__ import annotations

import array
import asyncio
import sys
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class TimeLimitedProtocol(HttpToolsProtocol):
    """uvicorn's protocol over httptools, with timeouts for writing and for a request's head.

    The timeout for a head starts with the connection, and later with the first byte after a
    response; until then uvicorn's own timeout for idle connections applies.
    """

    stalled_seconds: ClassVar[float] = 60.0
    head_seconds: ClassVar[float] = 30.0

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._unread = 0
        self._timer: asyncio.TimerHandle | None = None
        self._head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timeout for the first head."""
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Parse a part of a request; after a response, start the timeout for the next head."""
        if self._head is None and self.cycle is not None and self.cycle.response_complete:
            self._expect_head()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """Stop the timeout: the head is complete."""
        self._expect_no_head()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Stop the timeout: the request is complete, perhaps after its response."""
        self._expect_no_head()
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Start to watch a client that leaves much data unread."""
        super().pause_writing()
        self._schedule_check()

    def resume_writing(self) -> None:
        """Stop the watch: the client has read nearly all data."""
        super().resume_writing()
        self._cancel_check()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        self._cancel_check()
        self._expect_no_head()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self._head = self.loop.call_later(self.head_seconds, self.transport.abort)

    def _expect_no_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _schedule_check(self) -> None:
        self._cancel_check()
        self._unread = _unread(self.transport)
        self._timer = self.loop.call_later(self.stalled_seconds, self._check)

    def _cancel_check(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        """Abort unless the client has read some data; `close` would wait for the rest."""
        if _unread(self.transport) >= self._unread:
            self.transport.abort()
        else:
            self._schedule_check()


def _unread(transport: asyncio.Transport) -> int:
    """Return the bytes that the client has not read, including those in the system's buffer.

    The system buffers some megabytes; without them a slow client would look like a dead one.
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
