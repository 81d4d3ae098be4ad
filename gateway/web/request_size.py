"""Limits on the bytes of a request: of its head, of the framing of its body, and in total.

The parser joins the pieces of a field whenever more of it arrives, so an endless field would cost
more and more. Bytes are therefore counted before the parser gets them: a whole head or at most
64 KiB of one, and a body in small portions. Pipelined data waits unparsed while an earlier request
is processed.
"""

from __future__ import annotations

from typing import Any, NoReturn

from gateway.errors import ContentTooLarge, GatewayError, RequestHeaderFieldsTooLarge
from gateway.web.batch_model import MAX_BATCH_BYTES
from gateway.web.slow_clients import TimeLimitedProtocol

MAX_HEAD_BYTES = 65_536
MAX_HEADER_FIELDS = 200
MAX_FRAMING_BYTES = 65_536
MAX_MESSAGE_BYTES = 2 * MAX_BATCH_BYTES
"""More than any endpoint reads; each endpoint enforces its own, lower limit."""
MAX_WAITING_BYTES = 1_048_576
_END_OF_HEAD = b"\r\n\r\n"
_PORTION_BYTES = 4_096
_CHUNK_FRAMING_BYTES = 32
"""Size and line breaks of a chunk (RFC 9112 7.1), without extensions."""


class MessageMeter:
    """The byte counts of one connection, request after request.

    `count` is called before a portion is parsed, the parser's events while it is parsed.
    """

    __slots__ = ("_chunks", "_content", "_counted", "_last", "is_in_body")

    def __init__(self) -> None:
        self.is_in_body = False
        self._last = b""
        self._start_over()

    def portion(self, waiting: bytearray) -> int:
        """Return how many waiting bytes the parser may have next: of a head, all of them."""
        if self.is_in_body:
            return _PORTION_BYTES
        room = MAX_HEAD_BYTES - self._counted
        end = (self._last + waiting[:room]).find(_END_OF_HEAD)
        return room if end < 0 else end + len(_END_OF_HEAD) - len(self._last)

    def count(self, portion: bytes) -> None:
        """Count a portion that is about to be parsed."""
        self._counted += len(portion)
        self._last = (self._last + portion)[1 - len(_END_OF_HEAD) :]

    def head_ended(self) -> None:
        """Start to count a body."""
        self._start_over()
        self.is_in_body = True

    def chunk_began(self) -> None:
        """Allow for the framing that every chunk needs."""
        self._chunks += 1

    def content_came(self, size: int) -> None:
        """Count content, as opposed to framing: sizes and extensions of chunks, and trailers."""
        self._content += size

    def message_ended(self) -> None:
        """Start to count the next head; its few bytes in the same portion do not count."""
        self._start_over()
        self.is_in_body = False

    def excess(self) -> GatewayError | None:
        """Return the error if a limit is exceeded; None while reading may continue."""
        if not self.is_in_body:
            return _head_too_large() if self._counted >= MAX_HEAD_BYTES else None
        if self._counted > MAX_MESSAGE_BYTES:
            return ContentTooLarge(
                f"the body is larger than {MAX_MESSAGE_BYTES // 1_048_576} MiB; send less at once"
            )
        framing = self._counted - self._content - self._chunks * _CHUNK_FRAMING_BYTES
        if framing > MAX_FRAMING_BYTES:
            return RequestHeaderFieldsTooLarge(
                "the chunk extensions and trailer fields of the body are larger than"
                f" {MAX_FRAMING_BYTES // 1024} KiB; send the body without them"
            )
        return None

    def _start_over(self) -> None:
        self._counted = self._content = self._chunks = 0
        self._last = b""


class SizeLimitedProtocol(TimeLimitedProtocol):
    """uvicorn's protocol over httptools, with limits in bytes for all that a client sends.

    `problem` is the error after which reading stops; `send_400_response` sends it.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.problem: GatewayError | None = None
        self._meter = MessageMeter()
        self._waiting = bytearray()

    def data_received(self, data: bytes) -> None:
        """Buffer data, and parse it unless an earlier request is still being processed."""
        self._waiting += data
        if len(self._waiting) > MAX_WAITING_BYTES:
            self.transport.abort()
        elif self.pipeline:
            self.flow.pause_reading()  # an endpoint that watches for a disconnect resumed it
        else:
            self._parse()

    def on_response_complete(self) -> None:
        """Parse data that waited for this response."""
        super().on_response_complete()
        self._parse()

    def on_headers_complete(self) -> None:
        """Note the end of a head."""
        super().on_headers_complete()
        self._meter.head_ended()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header field; ignore trailer fields (RFC 9110 6.5.1)."""
        if self._meter.is_in_body:
            return
        if len(self.headers) >= MAX_HEADER_FIELDS:
            self._refuse_fields()
        super().on_header(name, value)

    def on_chunk_header(self) -> None:
        """Note the start of a chunk."""
        self._meter.chunk_began()

    def on_body(self, body: bytes) -> None:
        """Count a piece of a body."""
        self._meter.content_came(len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note the end of a request."""
        super().on_message_complete()
        self._meter.message_ended()

    def _parse(self) -> None:
        """Parse all waiting data, or up to a request that must wait for an earlier one."""
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
        """Stop the parser, which makes uvicorn call `send_400_response`."""
        self.problem = RequestHeaderFieldsTooLarge(
            f"the request has more than {MAX_HEADER_FIELDS} header fields; send fewer"
        )
        raise self.problem


def _head_too_large() -> GatewayError:
    return RequestHeaderFieldsTooLarge(
        f"the head of the request is larger than {MAX_HEAD_BYTES // 1024} KiB; send fewer and"
        " shorter header fields, such as cookies, which the gateway does not read"
    )
