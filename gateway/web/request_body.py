"""POST in a read-only service: the resources that accept it, and reading its body."""

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
    """Return the last segment of a raw path, decoded; ignore a slash at the end.

    >>> last_segment(b"Results/%24query/")
    b'$query'
    """
    return unquote_to_bytes(raw_path.removesuffix(b"/").rpartition(b"/")[2])


def allowed_methods(raw_path: bytes) -> tuple[str, ...]:
    """Return the methods for a path below the service root, whether or not it exists."""
    return _POST if last_segment(raw_path) in (QUERY, BATCH) else _GET


def media_type(headers: Headers) -> Message:
    """Parse Content-Type; return `text/plain` if there is none, as in mail (RFC 2045 5.2)."""
    parsed = Message()
    parsed["Content-Type"] = headers.get("content-type", "")
    return parsed


def check_media_type(headers: Headers, *accepted: str) -> Message:
    """Return Content-Type if it is one of `accepted`.

    Raises:
        UnsupportedMediaType: it is another type, or missing, or the body is compressed.
    """
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity":
        raise UnsupportedMediaType(
            f"Content-Encoding: {coding} is not supported; send the body uncompressed",
            target="Content-Encoding",
        )
    parsed = media_type(headers)
    if "content-type" not in headers or parsed.get_content_type() not in accepted:
        raise UnsupportedMediaType(
            f"Content-Type: {headers.get('content-type', '(none)')} is not supported here; send"
            f" {' or '.join(accepted)}",
            target="Content-Type",
        )
    return parsed


async def read_body(receive: Receive, headers: Headers, limit: int, seconds: float) -> bytes:
    """Read the whole body, of at most `limit` bytes, within `seconds`.

    Raises:
        ContentTooLarge: the body has more bytes; reading stops there.
        InvalidSyntax: the client disconnected before sending the whole body.
        RequestTimeout: the body takes longer.
    """
    announced = headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    try:
        with anyio.fail_after(seconds):
            return await _read_all(receive, limit)
    except TimeoutError:
        raise RequestTimeout(
            f"the body did not arrive within {seconds:g} seconds; send it faster"
        ) from None


async def _read_all(receive: Receive, limit: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise InvalidSyntax("the client disconnected before sending the whole body")
        body += message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            return bytes(body)


def _too_large(limit: int) -> ContentTooLarge:
    shown = f"{limit // _MEBIBYTE} MiB" if limit >= _MEBIBYTE else f"{limit} bytes"
    return ContentTooLarge(f"the body is larger than {shown}; send a smaller request, or several")
