"""A HAR 1.2 file, saved from the network tab of a browser -> exchanges."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

from gateway.discovery.claims.document import as_list, as_object, as_text, json_of
from gateway.discovery.claims.examples import ABSENT, Exchange

MAX_ENTRIES = 20_000
MAX_BODIES = 300
"""The most POST requests whose bodies are read; a page makes a few dozen."""


def is_har(value: Any) -> bool:
    """Return True if a JSON value is a HAR file."""
    log = value.get("log") if isinstance(value, dict) else None
    return isinstance(log, dict) and isinstance(log.get("entries"), list)


def exchanges_from_har(value: Any) -> Iterator[Exchange]:
    """Yield the POST requests of a HAR file with their responses."""
    posts = 0
    for entry in value["log"]["entries"][:MAX_ENTRIES]:
        request = as_object(as_object(entry).get("request"))
        if str(request.get("method", "")).upper() != "POST" or posts >= MAX_BODIES:
            continue
        posts += 1
        response = as_object(entry.get("response"))
        status = response.get("status")
        yield Exchange(
            url=as_text(request.get("url")),
            headers=_headers(request),
            request=_request_body(as_object(request.get("postData"))),
            status=status if isinstance(status, int) and status > 0 else None,
            response=_response_body(as_object(response.get("content"))),
            response_headers=tuple(name for name, _ in _headers(response)),
        )


def body_of(text: str, media_type: str = "") -> Any:
    """Return a body as JSON; forms become an object of texts; other bodies are absent."""
    if "x-www-form-urlencoded" in media_type.lower():
        return dict(parse_qsl(text[:10_000], keep_blank_values=True)) or ABSENT
    try:
        return json_of(text)
    except ValueError:
        return ABSENT


def _request_body(data: dict[str, Any]) -> Any:
    text = as_text(data.get("text"))
    return body_of(text, as_text(data.get("mimeType"))) if text else ABSENT


def _response_body(content: dict[str, Any]) -> Any:
    text = as_text(content.get("text"))
    if content.get("encoding") == "base64":
        try:
            text = base64.b64decode(text, validate=False).decode("utf-8-sig")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return ABSENT
    return body_of(text) if text else ABSENT


def _headers(message: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    pairs = [as_object(one) for one in as_list(message.get("headers"))[:200]]
    return tuple((as_text(one.get("name")), as_text(one.get("value"))) for one in pairs)
