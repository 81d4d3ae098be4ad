"""Requests that never reach the application: refused as OData errors, in order.

Such as a head or body beyond the limits, an unencoded space or letter in a URL, or an unknown
method. A client that pipelines requests first gets the responses to earlier ones. The connection
closes only after the client had time to read the error: if it closed while data is still arriving,
it would be reset, and the response might be lost.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from gateway.errors import (
    GatewayError,
    InvalidSyntax,
    RequestHeaderFieldsTooLarge,
    UriTooLong,
)
from gateway.web.request_size import SizeLimitedProtocol
from gateway.web.respond import error_response, protecting, to_starlette_response

_MAX_URL_BYTES = 16_384
_TLS_CLOSE_SECONDS = 0.5
MAX_UNREAD_BYTES = 67_108_864


class ODataProtocol(SizeLimitedProtocol):
    """uvicorn's protocol over httptools with OData's errors, and limits in time and bytes."""

    lingering_seconds: ClassVar[float] = 5.0

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._unanswered = 0
        self._ignored_bytes = 0
        self._end: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Parse data; after a refusal, discard it for a while."""
        if self.problem is None:
            super().data_received(data)
            return
        self._ignored_bytes += len(data)
        if self._ignored_bytes > MAX_UNREAD_BYTES:
            self.transport.abort()

    def on_headers_complete(self) -> None:
        """Count a request for the application."""
        super().on_headers_complete()
        self._unanswered += 1

    def on_response_complete(self) -> None:
        """Count a response of the application; send a refusal that waited for it."""
        self._unanswered -= 1
        super().on_response_complete()
        if self.problem is not None and not self.transport.is_closing():
            self._refuse()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timer of the connection."""
        if self._end is not None:
            self._end.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse the current request after the responses to earlier ones, and close."""
        self.problem = self._to_error(self.problem)
        self._waiting.clear()
        self._expect_no_head()
        if self._has_response():
            return
        self._refuse()

    def shutdown(self) -> None:
        """Close an idle connection; do not wait long for TLS clients, which often never answer."""
        super().shutdown()
        if self.transport.is_closing() and self.transport.get_extra_info("ssl_object"):
            self.loop.call_later(_TLS_CLOSE_SECONDS, self.transport.abort)

    def _has_response(self) -> bool:
        """Take the request of a refused body from the application; True if it has responded."""
        if not self._meter.is_in_body:
            return False
        cycle = self.cycle
        if cycle.response_complete:
            self._linger()
            return True
        if cycle.response_started:
            self.transport.abort()  # a refusal cannot be sent in the middle of a response
            return True
        self.pipeline = deque(item for item in self.pipeline if item[0] is not cycle)
        self._unanswered -= 1
        cycle.disconnected = cycle.response_complete = True
        cycle.message_event.set()
        return False

    def _refuse(self) -> None:
        if self._unanswered or self._end is not None or self.problem is None:
            return
        response = to_starlette_response(error_response(self.problem, "4.0"))
        headers = [*self.server_state.default_headers, *response.raw_headers, *protecting(())]
        lines = [name + b": " + value + b"\r\n" for name, value in headers]
        head = [STATUS_LINE[response.status_code], *lines, b"connection: close\r\n\r\n"]
        self.transport.write(b"".join([*head, bytes(response.body)]))
        self._linger()

    def _linger(self) -> None:
        """Send no more, and discard incoming data for a while (RFC 9112 9.6)."""
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._end = self.loop.call_later(self.lingering_seconds, self.transport.abort)

    def _to_error(self, problem: GatewayError | None) -> GatewayError:
        """Return the error; if the URL makes the head too large, the URL is too long."""
        url = getattr(self, "url", None) or b""  # unset before a first line
        is_large = isinstance(problem, RequestHeaderFieldsTooLarge)
        if is_large and not self._meter.is_in_body and len(url) > _MAX_URL_BYTES:
            return UriTooLong(
                "the URL is far too long; select fewer columns or use a shorter filter"
            )
        return problem or InvalidSyntax(
            "this is not a valid HTTP request: use GET, and percent-encode spaces and characters"
            " beyond ASCII in the URL, e.g. %20 for a space"
        )
