"""Answers and errors -> HTTP responses: whole bodies with their length, gzip where it is wanted.

A response is complete before its first byte leaves: no 200 is sent that cannot be finished.
"""

from __future__ import annotations

from dataclasses import dataclass

import anyio.to_thread
from isal import igzip
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.errors import GatewayError
from gateway.service import Answer
from gateway.writer.bodies import write_error

_VARY = "Accept, Accept-Encoding, OData-MaxVersion, Prefer"
_WORTH_COMPRESSING = 1_000
_INLINE_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Reaction:
    """A response before compression."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...]


def react_to_answer(answer: Answer, version: str) -> Reaction:
    """200 with the headers that OData and caches need."""
    headers = (
        ("Content-Type", answer.content_type),
        ("OData-Version", version),
        ("Vary", _VARY),
        ("Cache-Control", "private, no-cache"),
        *answer.headers,
    )
    return Reaction(200, answer.body, headers)


def react_to_error(error: GatewayError, version: str) -> Reaction:
    """The error as OData JSON, whatever was asked for (Protocol 9.4); never cached."""
    headers = (
        ("Content-Type", "application/json"),
        ("OData-Version", version),
        ("Content-Language", "en"),
        ("Vary", _VARY),
        ("Cache-Control", "no-store"),
        *error.headers,
    )
    return Reaction(error.status, write_error(error), headers)


async def send_reaction(reaction: Reaction, scope: Scope, receive: Receive, send: Send) -> None:
    """Send it; HEAD gets the headers that GET would, and no body."""
    body, headers = reaction.body, dict(reaction.headers)
    if len(body) >= _WORTH_COMPRESSING and _takes_gzip(Headers(scope=scope)):
        headers["Content-Encoding"] = "gzip"
        body = await _compress(body)
    reply = to_response(Reaction(reaction.status, body, tuple(headers.items())))
    if scope["method"] == "HEAD":
        reply.body = b""
    await reply(scope, receive, send)


def to_response(reaction: Reaction) -> Response:
    """The response as Starlette sends it, with the length of its body; 204 has neither."""
    headers = dict(reaction.headers)
    if reaction.status != 204:  # RFC 9110 8.6
        headers["Content-Length"] = str(len(reaction.body))
    return Response(reaction.body, reaction.status, headers)


def _takes_gzip(headers: Headers) -> bool:
    """Whether gzip has a quality above 0; its own item counts before `*` (RFC 9110 12.5.3)."""
    qualities: dict[str, str] = {}
    for item in ",".join(headers.getlist("accept-encoding")).lower().split(","):
        coding, _, quality = item.partition(";")
        qualities[coding.strip()] = quality.replace(" ", "").removeprefix("q=")
    quality = qualities.get("gzip", qualities.get("*", "0"))
    return quality.strip("0.") != "" or quality == ""


async def _compress(body: bytes) -> bytes:
    """Level 1 of ISA-L; large bodies in a thread, where it frees the GIL."""
    if len(body) < _INLINE_BYTES:
        return igzip.compress(body, 1)
    return await anyio.to_thread.run_sync(igzip.compress, body, 1)
