"""How much of a request is read: bytes of its head, of what frames its body, and of the whole.

The parser joins the pieces of a field each time that more of it comes, so a field without end would
cost more and more. Bytes are therefore counted before the parser gets them: it is given a head that
is whole or at most 64 KiB of one, and a body in small portions. What a client sends ahead, while
an earlier request is answered, waits unparsed.
"""

from __future__ import annotations

from typing import Any, NoReturn

from gateway.errors import ContentTooLarge, GatewayError, RequestHeaderFieldsTooLarge
from gateway.web.batch_model import MAX_BATCH_BYTES
from gateway.web.slow_clients import TimeLimitedProtocol

MAX_HEAD_BYTES = 65_536
MAX_FIELDS = 200
MAX_FRAMING_BYTES = 65_536
MAX_MESSAGE_BYTES = 2 * MAX_BATCH_BYTES
"""More than any endpoint reads: each refuses what is beyond its own limit by itself."""
MAX_WAITING_BYTES = 1_048_576
_END_OF_HEAD = b"\r\n\r\n"
_PORTION_BYTES = 4_096
_CHUNK_FRAMING = 32
"""Size and line breaks of a chunk (RFC 9112 7.1), which are no extension."""


class Meter:
    """Counts the bytes of one connection, request after request.

    The events of the parser come while a portion is parsed, `counted` before that.
    """

    __slots__ = ("_chunks", "_content", "_counted", "_last", "is_in_body")

    def __init__(self) -> None:
        self.is_in_body = False
        self._last = b""
        self._start_over()

    def portion(self, waiting: bytearray) -> int:
        """Return how many of the waiting bytes the parser may have next: of a head, all of it."""
        if self.is_in_body:
            return _PORTION_BYTES
        room = MAX_HEAD_BYTES - self._counted
        end = (self._last + waiting[:room]).find(_END_OF_HEAD)
        return room if end < 0 else end + len(_END_OF_HEAD) - len(self._last)

    def count(self, portion: bytes) -> None:
        """Count a portion that the parser gets now."""
        self._counted += len(portion)
        self._last = (self._last + portion)[1 - len(_END_OF_HEAD) :]

    def head_ended(self) -> None:
        """Begin to count a body."""
        self._start_over()
        self.is_in_body = True

    def chunk_began(self) -> None:
        """Allow for what every chunk takes besides its content."""
        self._chunks += 1

    def content_came(self, size: int) -> None:
        """Tell content from what frames it: the sizes and extensions of chunks, and trailers."""
        self._content += size

    def message_ended(self) -> None:
        """Begin to count the next head; the few bytes of it in the same portion do not count."""
        self._start_over()
        self.is_in_body = False

    def excess(self) -> GatewayError | None:
        """Return why no more is read; None while the request may go on."""
        if not self.is_in_body:
            return _head_too_large() if self._counted >= MAX_HEAD_BYTES else None
        if self._counted > MAX_MESSAGE_BYTES:
            return ContentTooLarge(
                f"the body is larger than {MAX_MESSAGE_BYTES // 1_048_576} MiB; send less at once"
            )
        framing = self._counted - self._content - self._chunks * _CHUNK_FRAMING
        if framing > MAX_FRAMING_BYTES:
            return RequestHeaderFieldsTooLarge(
                "the extensions of the body's chunks and the trailer fields behind it are larger"
                f" than {MAX_FRAMING_BYTES // 1024} KiB; send the body without them"
            )
        return None

    def _start_over(self) -> None:
        self._counted = self._content = self._chunks = 0
        self._last = b""


class SizeLimitedProtocol(TimeLimitedProtocol):
    """uvicorn's protocol over httptools, with limits in bytes for all that a client sends.

    `problem` is why no more is read; `send_400_response` answers it.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.problem: GatewayError | None = None
        self._meter = Meter()
        self._waiting = bytearray()

    def data_received(self, data: bytes) -> None:
        """Keep what came, and parse as much of it as its turn has come for."""
        self._waiting += data
        if len(self._waiting) > MAX_WAITING_BYTES:
            self.transport.abort()
        elif self.pipeline:
            self.flow.pause_reading()  # an endpoint that looks for a disconnect resumed it
        else:
            self._parse()

    def on_response_complete(self) -> None:
        """Go on with what waited for this."""
        super().on_response_complete()
        self._parse()

    def on_headers_complete(self) -> None:
        """A head ended."""
        super().on_headers_complete()
        self._meter.head_ended()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field, and no trailer field for one (RFC 9110 6.5.1)."""
        if self._meter.is_in_body:
            return
        if len(self.headers) >= MAX_FIELDS:
            self._refuse_fields()
        super().on_header(name, value)

    def on_chunk_header(self) -> None:
        """A chunk began."""
        self._meter.chunk_began()

    def on_body(self, body: bytes) -> None:
        """A piece of a body came."""
        self._meter.content_came(len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request ended."""
        super().on_message_complete()
        self._meter.message_ended()

    def _parse(self) -> None:
        """Parse to the end of what came, or to a request that has to wait for its turn."""
        while self._waiting and self._may_parse():
            size = self._meter.portion(self._waiting)
            portion = bytes(self._waiting[:size])
            del self._waiting[:size]
            self._meter.count(portion)
            super().data_received(portion)
            if self.problem is None:
                self.problem = self._meter.excess()
                if self.problem is not None:
                    self.send_400_response(self.problem.message)

    def _may_parse(self) -> bool:
        return self.problem is None and not self.pipeline and not self.transport.is_closing()

    def _refuse_fields(self) -> NoReturn:
        """End the parser, which has uvicorn call `send_400_response`."""
        self.problem = RequestHeaderFieldsTooLarge(
            f"the request has more than {MAX_FIELDS} header fields; send fewer"
        )
        raise self.problem


def _head_too_large() -> GatewayError:
    return RequestHeaderFieldsTooLarge(
        f"the head of the request is larger than {MAX_HEAD_BYTES // 1024} KiB; send fewer and"
        " shorter header fields, such as cookies, which the gateway does not read"
    )
