"""The OData endpoint: everything below the service root, as one pure ASGI application.

It reads the raw path and raw query of the scope, because the grammar decodes them once (URL
Conventions 2.1), and it responds to every failure with OData JSON.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, replace

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from gateway.edge.admission import Admission, attribute_to_caller
from gateway.edge.public_root import SERVICE_PATH, Connection, PublicRoot
from gateway.errors import (
    GatewayError,
    InternalError,
    MethodNotAllowed,
    NotAcceptable,
    UriTooLong,
)
from gateway.observe import Observer
from gateway.observe.record import note_request
from gateway.query.bind.resource import MetadataDocument
from gateway.query.preferences import parse_preferences
from gateway.query.tree.queries import BoundQuery, PropertyPart, PropertyQuery, Shape
from gateway.service.messages import ExportStream, PlannedRequest, ResponseOptions
from gateway.service.service import QueryService
from gateway.web.negotiation import (
    check_isolation,
    check_match,
    check_reader,
    negotiate_metadata,
    negotiate_text,
    negotiate_version,
    parse_entity_tags,
)
from gateway.web.request_body import BODY_SECONDS, allowed_methods, check_media_type, read_body
from gateway.web.respond import (
    ODataResponse,
    body_response,
    error_response,
    export_response,
    options_response,
    send_response,
    takes_gzip,
)
from gateway.web.row_formats import negotiate_rows
from gateway.writer.format import EXPORTS, Format
from gateway.writer.links import Links
from grammar import DEFAULT_LIMITS

_MAX_URL_BYTES = 16_384
MAX_QUERY_BYTES = 3 * DEFAULT_LIMITS.max_characters  # each character may be percent-encoded
_MAX_LOGGED_QUERY_BYTES = 4_096
"""Longer queries are not kept for the list of last requests, which holds many."""


@dataclass(frozen=True, slots=True)
class ODataEndpoint:
    """Serves each caller's `QueryService` under `/odata/v4/`.

    `body_seconds` limits the time for the body of a POST.
    """

    admission: Admission
    root: PublicRoot
    observer: Observer
    body_seconds: float = BODY_SECONDS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        async with AsyncExitStack() as held:
            response = await self.respond(scope, receive, held)
            await send_response(response, scope, receive, send)

    async def respond(
        self,
        scope: Scope,
        receive: Receive,
        held: AsyncExitStack | None = None,
        *,
        max_url_bytes: int = _MAX_URL_BYTES,
    ) -> ODataResponse:
        """Return the response to a request, or its failure as OData JSON.

        `held` retains the snapshot of an export until it is sent; without it, exports are refused.
        """
        headers = Headers(scope=scope)
        version = "4.0"
        try:
            version = negotiate_version(
                headers.get("odata-maxversion"), headers.get("odata-version")
            )
            allowed = allowed_methods(scope["raw_path"])
            if scope["method"] == "OPTIONS":
                return options_response(allowed, version)
            _check_method(scope["method"], allowed)
            check_length(scope, max_url_bytes)
            service = await self.admission.admit(scope)
            check_isolation(headers.get("isolation") or headers.get("odata-isolation"))
            planned, options = await self._understand(service, scope, receive, headers, version)
            if options.format.media in EXPORTS and isinstance(planned.bound, BoundQuery):
                export = await _hold(service.export(planned, options), held)
                check_match(headers.getlist("if-match"), export.headers)
                return export_response(export, version)
            body = await service.respond(planned, options)
            check_match(headers.getlist("if-match"), body.headers)
            return body_response(body, version)
        except GatewayError as error:
            return self.refuse(attribute_to_caller(error, scope), version)
        except Exception as error:  # the last line of defence
            return self.refuse(error, version)

    def refuse(self, error: Exception, version: str) -> ODataResponse:
        """Return a gateway error as it is; log any other exception and return 500."""
        if isinstance(error, GatewayError):
            return error_response(error, version)
        self.observer.fault("an unexpected failure", error)
        return error_response(InternalError.unexpected(), version)

    def root_of(self, scope: Scope) -> str:
        """Return the service root that the client uses.

        Raises:
            InvalidValue: Host is missing or is not a host name.
        """
        return self.root.of(Connection.of(scope))

    async def _understand(
        self,
        service: QueryService,
        scope: Scope,
        receive: Receive,
        headers: Headers,
        version: str,
    ) -> tuple[PlannedRequest, ResponseOptions]:
        root = self.root_of(scope)
        path = below_service(scope["raw_path"])
        whole = await _whole_query(scope, receive, headers, self.body_seconds)
        query, key = self.admission.without_key(scope, whole)
        planned = await service.understand(path, query, root)
        route = "document" if planned.plan is None else planned.plan.route.name.lower()
        logged = planned if len(query) <= _MAX_LOGGED_QUERY_BYTES else None
        note_request(logged, planned.resource, route)
        preferences = parse_preferences(headers.getlist("prefer"))
        format_ = _negotiate(planned, headers, version)
        options = ResponseOptions(
            format=replace(format_, omit_nulls=preferences.omit_nulls),
            preferences=preferences,
            links=Links(root, key),
            known=parse_entity_tags(headers.getlist("if-none-match")),
            fresher="no-cache" in ",".join(headers.getlist("cache-control")).lower(),
            plain=not takes_gzip(headers),
        )
        return planned, options


async def _hold(
    export: AbstractAsyncContextManager[ExportStream], held: AsyncExitStack | None
) -> ExportStream:
    if held is None:
        raise NotAcceptable(
            "files cannot be exported inside a $batch; send this request alone, or use json"
        )
    return await held.enter_async_context(export)


def check_length(scope: Scope, max_bytes: int = _MAX_URL_BYTES) -> None:
    """Refuse a URL that is too long.

    Raises:
        UriTooLong: path and query together have more than `max_bytes` bytes.
    """
    if len(scope["raw_path"]) + len(scope["query_string"]) > max_bytes:
        raise UriTooLong(
            f"the URL is longer than {max_bytes} bytes; select fewer columns, use a shorter filter,"
            " or send the query as the body of a POST to /$query"
        )


async def _whole_query(scope: Scope, receive: Receive, headers: Headers, seconds: float) -> bytes:
    """Return the raw query of the URL, joined with the body's for `/$query` (URL Conventions 4.17).

    A line break at the end of the body comes from an editor and is dropped.
    """
    query: bytes = scope["query_string"]
    if scope["method"] != "POST":
        return query
    check_media_type(headers, "text/plain")
    body = await read_body(receive, headers, MAX_QUERY_BYTES, seconds)
    return b"&".join(part for part in (query, body.strip(b"\r\n")) if part)


def _check_method(method: str, allowed: tuple[str, ...]) -> None:
    if method in allowed:
        return
    remedy = "use GET" if "GET" in allowed else "use POST for this resource"
    raise MethodNotAllowed(
        f"{method} is not allowed here: this service is read-only; {remedy}", allow=allowed
    )


def below_service(raw_path: bytes) -> bytes:
    """Return the raw path below the service root."""
    return raw_path.removeprefix(SERVICE_PATH.encode()).removeprefix(b"/")


def _negotiate(planned: PlannedRequest, headers: Headers, version: str) -> Format:
    check_reader(headers.get("user-agent", ""))
    accept = ",".join(headers.getlist("accept")).strip() or None
    format_option = planned.request.options.format
    match planned.bound:
        case MetadataDocument():
            return negotiate_metadata(accept, format_option, version)
        case (
            BoundQuery(shape=Shape.COUNT)
            | PropertyQuery(part=PropertyPart.COUNT | PropertyPart.TEXT)
        ):
            return negotiate_text(accept, format_option, version)
        case _:
            return negotiate_rows(accept, format_option, version, whole=_is_whole(planned))


def _is_whole(planned: PlannedRequest) -> bool:
    """Return True if the response can be exported: rows of a collection, with their columns."""
    bound, is_delta = planned.bound, planned.request.options.deltatoken is not None
    if not isinstance(bound, BoundQuery) or bound.references or is_delta:
        return False
    return bound.shape is Shape.COLLECTION
