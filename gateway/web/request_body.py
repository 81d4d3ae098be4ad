"""What POST may be sent to, although the service is read-only, and how a body is read."""

from __future__ import annotations

from email.message import Message
from urllib.parse import unquote_to_bytes

import anyio
from starlette.datastructures import Headers
from starlette.types import Receive

from gateway.errors import (
    ContentTooLarge,
    InvalidSyntax,
    RequestTimeout,
    UnsupportedMediaType,
)

QUERY, BATCH = b"$query", b"$batch"
_POST = ("POST", "OPTIONS")
_GET = ("GET", "HEAD", "OPTIONS")
_MEBIBYTE = 1_048_576
BODY_SECONDS = 60.0


def last_segment(raw_path: bytes) -> bytes:
    """The last segment of an undecoded path, decoded; a slash at the end does not count.

    >>> last_segment(b"Results/%24query/")
    b'$query'
    """
    return unquote_to_bytes(raw_path.removesuffix(b"/").rpartition(b"/")[2])


def allowed_methods(raw_path: bytes) -> tuple[str, ...]:
    """What may be sent to a path below the service root; whether it exists is another matter."""
    return _POST if last_segment(raw_path) in (QUERY, BATCH) else _GET


def media_type(headers: Headers) -> Message:
    """Content-Type, parsed; `text/plain` when there is none, as in mail (RFC 2045 5.2)."""
    parsed = Message()
    parsed["Content-Type"] = headers.get("content-type", "")
    return parsed


def check_media_type(headers: Headers, *accepted: str) -> Message:
    """Content-Type, if it is one of `accepted`.

    Raises:
        UnsupportedMediaType: it is another, or none, or the body is compressed.
    """
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity":
        raise UnsupportedMediaType(
            f"Content-Encoding: {coding} is not read here; send the body as it is",
            target="Content-Encoding",
        )
    parsed = media_type(headers)
    if "content-type" not in headers or parsed.get_content_type() not in accepted:
        raise UnsupportedMediaType(
            f"Content-Type: {headers.get('content-type', '(none)')} is not read here; send"
            f" {' or '.join(accepted)}",
            target="Content-Type",
        )
    return parsed


async def read_body(receive: Receive, headers: Headers, limit: int, seconds: float) -> bytes:
    """The whole body, if it has at most `limit` bytes and they come within `seconds`.

    Raises:
        ContentTooLarge: it has more; reading stops there.
        InvalidSyntax: the client went away before its end.
        RequestTimeout: it takes longer.
    """
    announced = headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    try:
        with anyio.fail_after(seconds):
            return await _all_of_it(receive, limit)
    except TimeoutError:
        raise RequestTimeout(
            f"the body did not come within {seconds:g} seconds; send it at once"
        ) from None


async def _all_of_it(receive: Receive, limit: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise InvalidSyntax("the body ended before its end")
        body += message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            return bytes(body)


def _too_large(limit: int) -> ContentTooLarge:
    shown = f"{limit // _MEBIBYTE} MiB" if limit >= _MEBIBYTE else f"{limit} bytes"
    return ContentTooLarge(f"the body is larger than {shown}; ask for less at once")
