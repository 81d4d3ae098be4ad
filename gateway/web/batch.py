"""`POST $batch` (Protocol 11.7): many requests in one, each handled exactly as if sent alone.

Each part takes the path of every request, `ODataEndpoint.respond`, with an ASGI scope of its own. A
short response is sent whole; a longer one is streamed, with one part in memory at a time. A part
that fails becomes an error inside the response, so every 200 can be finished.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar
from urllib.parse import unquote_to_bytes

import anyio
import anyio.to_thread
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from gateway.errors import (
    FailedDependency,
    GatewayError,
    InvalidValue,
    OptionNotAllowed,
    ServiceUnavailable,
)
from gateway.fairness.budget import current_budget, part_budget
from gateway.observe.record import note_resource, part
from gateway.query.bind.placement import given_options
from gateway.query.preferences import parse_preferences
from gateway.query.request import parse_request
from gateway.web.batch_json import CLOSE, OPEN, read_json, write_json
from gateway.web.batch_model import MAX_BATCH_BYTES, Item, Part, Refused, named
from gateway.web.batch_multipart import close_multipart, read_multipart, write_multipart
from gateway.web.batch_scope import Outer
from gateway.web.negotiation import (
    JSON,
    MULTIPART,
    check_isolation,
    negotiate_batch,
    negotiate_version,
)
from gateway.web.odata import MAX_QUERY_BYTES, ODataEndpoint, below_service
from gateway.web.request_body import BATCH, check_media_type, read_body
from gateway.web.respond import (
    ODataResponse,
    ShortOrStreamed,
    compressed_stream,
    error_response,
    in_identity,
    send_response,
    takes_gzip,
)

_INLINE_BYTES = 65_536
BATCH_SECONDS = 600.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Batch:
    """A parsed batch: its requests, whether an error ends it, and the format of the response."""

    outer: Outer
    version: str
    items: tuple[Item, ...]
    stops: bool
    answer_type: str
    applied: str


@dataclass(slots=True)
class _Progress:
    """The state that later requests need from earlier ones: failures and paths."""

    failed: set[str] = field(default_factory=set)
    paths: dict[str, str] = field(default_factory=dict)
    has_begun: bool = False

    def count(self) -> None:
        """Count each request but the first, which the batch itself was counted as.

        Raises:
            TooManyRequests: the key has made as many as it may in a minute.
        """
        if self.has_begun:
            current_budget().count()
        self.has_begun = True

    def check_dependencies(self, item: Item) -> None:
        for name in item.depends_on:
            if name in self.failed:
                raise FailedDependency(f"{name} has failed, on which this request depends")

    def note(self, item: Item, response: ODataResponse) -> None:
        if not 200 <= response.status < 300:
            self.failed |= {item.id, item.group} - {""}


@dataclass(frozen=True, slots=True)
class BatchEndpoint:
    """Serves `$batch`; `endpoint` handles each request in it, and all other requests.

    Requests that have not started after `seconds` are refused one by one.
    """

    endpoint: ODataEndpoint
    seconds: float = BATCH_SECONDS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        path = unquote_to_bytes(below_service(scope["raw_path"])).removesuffix(b"/")
        is_batch = path == BATCH and scope["method"] == "POST"
        await (self._serve if is_batch else self.endpoint)(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        version = "4.0"
        try:
            version = negotiate_version(
                headers.get("odata-maxversion"), headers.get("odata-version")
            )
            batch = await self._read(scope, receive, headers, version)
        except Exception as error:  # the last line of defence
            refusal = self.endpoint.refuse(error, version)
            await send_response(refusal, scope, receive, send)
            return
        chunks, fields = self._written(batch)
        if takes_gzip(headers):
            chunks, fields = compressed_stream(chunks), fields | {"Content-Encoding": "gzip"}
        await ShortOrStreamed(chunks, fields)(scope, receive, send)

    async def _read(self, scope: Scope, receive: Receive, headers: Headers, version: str) -> Batch:
        note_resource("$batch")
        admission = self.endpoint.admission
        service = await admission.admit(scope)
        check_isolation(headers.get("isolation") or headers.get("odata-isolation"))
        version_of_schema = _check_outside(
            admission.without_key(scope, scope["query_string"])[0], headers
        )
        outer = Outer(scope, headers, self.endpoint.root_of(scope), version_of_schema)
        content_type = check_media_type(headers, MULTIPART, JSON)
        is_multipart = content_type.get_content_type() == MULTIPART
        accept = ",".join(headers.getlist("accept")) or None
        answer_type = negotiate_batch(accept, content_type.get_content_type(), version)
        body = await read_body(receive, headers, MAX_BATCH_BYTES, self.endpoint.body_seconds)
        read = partial(read_multipart, content_type=content_type) if is_multipart else read_json
        items = await service.offload(len(body), read, body)
        if answer_type == JSON:
            items = named(items)
        going_on = parse_preferences(headers.getlist("prefer")).continue_on_error
        stops = not going_on if is_multipart else going_on is False
        applied = "" if going_on is None else f"continue-on-error={str(going_on).lower()}"
        return Batch(outer, version, items, stops, answer_type, applied)

    def _written(self, batch: Batch) -> tuple[AsyncIterator[bytes], dict[str, str]]:
        """Return the response in pieces, and its headers."""
        fields = {"OData-Version": batch.version, "Cache-Control": "no-store"}
        if batch.applied:
            prefix = "odata." if batch.version == "4.0" else ""
            fields["Preference-Applied"] = prefix + batch.applied
        if batch.answer_type == JSON:
            return _as_json(self._responses(batch)), fields | {"Content-Type": JSON}
        boundary = f"batchresponse_{secrets.token_hex(16)}"
        content_type = {"Content-Type": f"{MULTIPART}; boundary={boundary}"}
        return _as_multipart(self._responses(batch), boundary), fields | content_type

    async def _responses(self, batch: Batch) -> AsyncIterator[tuple[Item, ODataResponse]]:
        """Yield the responses in order; stop after the first error if the client wants that."""
        progress, ends = _Progress(), anyio.current_time() + self.seconds
        for item in batch.items:
            if anyio.current_time() < ends:
                response = await self._respond(item, batch, progress)
            else:
                response = error_response(self._too_late(), batch.version)
            progress.note(item, response)
            yield item, response
            if batch.stops and response.status >= 400:
                return

    def _too_late(self) -> GatewayError:
        return ServiceUnavailable(
            f"the requests before this one took {self.seconds:g} seconds; send it again, in a"
            " smaller batch"
        )

    async def _respond(self, item: Item, batch: Batch, progress: _Progress) -> ODataResponse:
        try:
            progress.check_dependencies(item)
            progress.count()
            if isinstance(item, Refused):
                raise item.error
            path, query = batch.outer.target_of(item, progress.paths)
            progress.paths[item.id] = path
            scope = batch.outer.scope_of(item, path, query)
        except GatewayError as error:
            return error_response(error, batch.version)
        with part(scope["method"]) as record, part_budget():
            response = await self.endpoint.respond(
                scope, _body_of(item), max_url_bytes=MAX_QUERY_BYTES
            )
            whole = await in_identity(response)
            record.status, record.bytes = whole.status, len(whole.body)
        return replace(whole, body=b"") if item.method == "HEAD" else whole


def _check_outside(raw_query: bytes, headers: Headers) -> str | None:
    """Refuse options and headers that only parts may have (Protocol 8.2.4, URL Conventions 5.1).

    Return the schema version that the parts inherit, None for none.
    """
    options = parse_request(b"$batch", raw_query).options
    for name in given_options(options):
        raise OptionNotAllowed(f"{name} stands in the URLs inside a batch", target=name)
    for name in ("If-Match", "If-None-Match"):
        if name in headers:
            raise InvalidValue(f"{name} stands in the requests inside a batch", target=name)
    return options.schemaversion


def _body_of(part: Part) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": part.body, "more_body": False}

    return receive


async def _as_multipart(
    responses: AsyncIterator[tuple[Item, ODataResponse]], boundary: str
) -> AsyncIterator[bytes]:
    async for item, response in responses:
        for chunk in write_multipart(item, response, boundary):
            yield chunk
    yield close_multipart(boundary)


async def _as_json(responses: AsyncIterator[tuple[Item, ODataResponse]]) -> AsyncIterator[bytes]:
    between = OPEN
    async for item, response in responses:
        yield between
        for chunk in await _offload(len(response.body), partial(_all, write_json(item, response))):
            yield chunk
        between = b","
    yield CLOSE if between == b"," else OPEN + CLOSE


def _all(chunks: Iterable[bytes]) -> tuple[bytes, ...]:
    return tuple(chunks)


async def _offload(size: int, work: Callable[[], T]) -> T:
    """Run large work in a thread, so that other requests do not wait."""
    return work() if size <= _INLINE_BYTES else await anyio.to_thread.run_sync(work)
