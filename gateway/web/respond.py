"""Bodies and errors -> HTTP responses: whole bodies with their length, gzip where accepted.

A response is complete before its first byte is sent, so every 200 can be finished. For clients that
refuse gzip, a cached body is unpacked in pieces while it is sent: it was compressed here, from a
whole body, and is in memory. Exports are sent while they are written, from a complete snapshot.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import anyio.to_thread
from isal import igzip, isal_zlib
from starlette.concurrency import iterate_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from gateway.errors import GatewayError
from gateway.observe.record import note_error
from gateway.service.messages import ExportStream, ResponseBody
from gateway.writer.bodies import write_error

_VARY = "Accept, Accept-Encoding, OData-MaxVersion, Prefer, User-Agent"
_PROTECTING = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""Browsers must not render data as a page, nor give a response to the page of another site."""
_MIN_COMPRESSED_BYTES = 1_000
_INLINE_BYTES = 65_536
_PIECE_BYTES = 65_536
"""Compressed bytes; some 300 kB of rows."""
_GZIP_WBITS = 31
"""zlib's `wbits` for one gzip member with its header and checksum."""
_HELD_BYTES = 65_536
_HELD_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ODataResponse:
    """A response before its content coding is chosen; `gzipped` is True if the body is compressed.

    `parts` replace the body if the response is written while it is sent.
    """

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...]
    gzipped: bool = False
    parts: AsyncIterator[bytes] | None = None


def body_response(body: ResponseBody, version: str) -> ODataResponse:
    """Return 200 with the headers for OData and caches, 204 for null, 304 if not modified."""
    headers = _headers(body, version)
    if body.not_modified:
        return ODataResponse(304, b"", headers)
    if body.no_content:
        return ODataResponse(204, b"", headers[1:])
    return ODataResponse(200, body.body, headers, body.gzipped)


def export_response(export: ExportStream, version: str) -> ODataResponse:
    """Return 200 with the parts of the file, or 304 if the client has it."""
    headers = _headers(export, version)
    return ODataResponse(304 if export.parts is None else 200, b"", headers, parts=export.parts)


def _headers(content: ResponseBody | ExportStream, version: str) -> tuple[tuple[str, str], ...]:
    return (
        ("Content-Type", content.content_type),
        ("OData-Version", version),
        ("Vary", _VARY),
        ("Cache-Control", "private, no-cache"),
        *content.headers,
    )


def options_response(allowed: tuple[str, ...], version: str) -> ODataResponse:
    """Return 204 with the allowed methods (RFC 9110 9.3.7)."""
    return ODataResponse(204, b"", (("Allow", ", ".join(allowed)), ("OData-Version", version)))


def error_response(error: GatewayError, version: str) -> ODataResponse:
    """Return the error as OData JSON, whatever the request accepts (Protocol 9.4); never cached."""
    note_error(error.code)
    headers = (
        ("Content-Type", "application/json"),
        ("OData-Version", version),
        ("Content-Language", "en"),
        ("Vary", _VARY),
        ("Cache-Control", "no-store"),
        *error.headers,
    )
    return ODataResponse(error.status, write_error(error), headers)


async def send_response(
    response: ODataResponse, scope: Scope, receive: Receive, send: Send
) -> None:
    """Send the response; HEAD gets the same headers as GET, and no body."""
    gzip = takes_gzip(Headers(scope=scope))
    if response.parts is not None:
        streaming = _streamed(response, response.parts, gzip=gzip)
        if scope["method"] == "HEAD":
            streaming.body_iterator = iterate_in_threadpool(())
        await streaming(scope, receive, send)
        return
    coded = await _coded(response, gzip=gzip)
    whole = to_starlette_response(coded)
    if scope["method"] == "HEAD":
        whole.body = b""
    await whole(scope, receive, send)


def to_starlette_response(response: ODataResponse) -> Response:
    """Return Starlette's response, with Content-Length if it may have a body."""
    headers = list(response.headers)
    if response.status not in (204, 304):  # RFC 9110 8.6
        headers.append(("Content-Length", str(_length(response))))
    kind = _Unpacking if response.gzipped else Response
    made = kind(response.body, response.status)
    made.raw_headers = [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in headers]
    return made


class _Unpacking(Response):
    """A response that unpacks its gzip body while it is sent.

    It unpacks small pieces in the event loop and yields to other requests after each. Measurements
    show the same speed as one thread for the whole body, but only one piece is in memory.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        headers = self.raw_headers
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        packed, unpack = memoryview(self.body), isal_zlib.decompressobj(wbits=_GZIP_WBITS)
        for start in range(0, len(packed) or 1, _PIECE_BYTES):
            end = start + _PIECE_BYTES
            piece, more = unpack.decompress(packed[start:end]), end < len(packed)
            await send({"type": "http.response.body", "body": piece, "more_body": more})
            if more:
                await asyncio.sleep(0)


def _length(response: ODataResponse) -> int:
    """Return the bytes to send; gzip ends with the uncompressed length (RFC 1952 2.3.1)."""
    body = response.body
    return int.from_bytes(body[-4:], "little") if response.gzipped else len(body)


def _streamed(
    response: ODataResponse, parts: AsyncIterator[bytes], *, gzip: bool
) -> StreamingResponse:
    """Return a response that stops reading parts when the client disconnects.

    Only text is compressed: the other formats are compact or compressed already.
    """
    headers = dict(response.headers)
    if gzip and headers["Content-Type"].startswith("text/"):
        headers["Content-Encoding"] = "gzip"
        parts = _compressed(parts)
    return StreamingResponse(parts, response.status, headers)


class ShortOrStreamed(StreamingResponse):
    """Sends a short body with its length, and a long or slow one in chunks.

    If a proxy cuts off a body that has a length, every client notices, even if the proxy ends the
    response as if it were complete.
    """

    held_seconds: ClassVar[float] = _HELD_SECONDS

    def __init__(self, chunks: AsyncIterator[bytes], headers: Mapping[str, str]) -> None:
        super().__init__(chunks, headers=headers)
        self._chunks = chunks

    async def stream_response(self, send: Send) -> None:
        """Hold the chunks back until the body ends, is long, or has taken `held_seconds`."""
        held, ends = bytearray(), anyio.current_time() + self.held_seconds
        async for chunk in self._chunks:
            held += chunk
            if len(held) >= _HELD_BYTES or anyio.current_time() >= ends:
                break
        else:
            self.headers["Content-Length"] = str(len(held))
        self.body_iterator = _behind(bytes(held), self._chunks)
        await super().stream_response(send)


async def _behind(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


async def _compressed(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    stream = isal_zlib.compressobj(1, wbits=_GZIP_WBITS)
    async for part in parts:
        yield await anyio.to_thread.run_sync(stream.compress, part)
    yield stream.flush()


def protecting(headers: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
    """Return the headers that protect browsers, without those that the response has already."""
    there = {name.lower() for name, _ in headers}
    return tuple(pair for pair in _PROTECTING if pair[0] not in there)


def takes_gzip(headers: Headers) -> bool:
    """Return True if gzip has a quality above 0; its item overrides `*` (RFC 9110 12.5.3)."""
    qualities: dict[str, str] = {}
    for item in ",".join(headers.getlist("accept-encoding")).lower().split(","):
        coding, _, quality = item.partition(";")
        qualities[coding.strip()] = quality.replace(" ", "").removeprefix("q=")
    quality = qualities.get("gzip", qualities.get("*", "0"))
    return quality.strip("0.") != "" or quality == ""


async def in_identity(response: ODataResponse) -> ODataResponse:
    """Return the response with its body unpacked."""
    if not response.gzipped:
        return response
    body = await anyio.to_thread.run_sync(igzip.decompress, response.body)
    return replace(response, body=body, gzipped=False)


async def compressed_stream(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Compress chunks into one gzip stream: large ones in a thread, each sent without delay."""
    packer = isal_zlib.compressobj(1, isal_zlib.DEFLATED, _GZIP_WBITS)

    def pack(chunk: bytes) -> bytes:
        return packer.compress(chunk) + packer.flush(isal_zlib.Z_SYNC_FLUSH)

    async for chunk in chunks:
        small = len(chunk) < _INLINE_BYTES
        yield packer.compress(chunk) if small else await anyio.to_thread.run_sync(pack, chunk)
    yield packer.flush()


async def _coded(response: ODataResponse, *, gzip: bool) -> ODataResponse:
    """Return the response in a content coding that the client accepts; large bodies in a thread.

    `gzipped` stays True only if the body must be unpacked.
    """
    if not gzip:
        return response
    body = response.body
    if not response.gzipped:
        if len(body) < _MIN_COMPRESSED_BYTES:
            return response
        small = len(body) < _INLINE_BYTES
        body = _compress(body) if small else await anyio.to_thread.run_sync(_compress, body)
    headers = (*response.headers, ("Content-Encoding", "gzip"))
    return replace(response, body=body, headers=headers, gzipped=False)


def _compress(body: bytes) -> bytes:
    """Compress with level 1 of ISA-L, which releases the GIL."""
    return igzip.compress(body, 1)
