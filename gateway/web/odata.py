"""The OData endpoint: everything below the service root, as one pure ASGI application.

It reads the raw path and raw query of the scope, because decoding belongs to the grammar and
happens once (URL Conventions 2.1), and it answers every failure as OData JSON.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from gateway.auth.access import AccessGate
from gateway.errors import GatewayError, InternalError, MethodNotAllowed, UriTooLong
from gateway.exchange import Question, Reply
from gateway.observe import Observer
from gateway.query.bound import BoundQuery, Shape
from gateway.query.preferences import parse_preferences
from gateway.query.resource import MetadataDocument
from gateway.service import QueryService
from gateway.web.negotiation import (
    check_isolation,
    check_reader,
    negotiate_count,
    negotiate_metadata,
    negotiate_version,
    parse_entity_tags,
)
from gateway.web.public_root import SERVICE_PATH, Connection, PublicRoot
from gateway.web.respond import (
    Reaction,
    react_to_answer,
    react_to_error,
    react_to_export,
    send_reaction,
)
from gateway.web.row_formats import negotiate_rows
from gateway.writer.format import EXPORTS, Format
from gateway.writer.links import Links

_MAX_URL_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class ODataEndpoint:
    """Serves one `QueryService` under `/odata/v4/`."""

    service: QueryService
    gate: AccessGate
    root: PublicRoot
    observer: Observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        async with AsyncExitStack() as held:
            reaction = await self._react(scope, held)
            await send_reaction(reaction, scope, receive, send)

    async def _react(self, scope: Scope, held: AsyncExitStack) -> Reaction:
        """The reaction; `held` keeps what a file is made from until it is sent."""
        headers = Headers(scope=scope)
        version = "4.0"
        try:
            version = negotiate_version(
                headers.get("odata-maxversion"), headers.get("odata-version")
            )
            if scope["method"] == "OPTIONS":
                return _allow(version)
            self._admit(scope, headers)
            question, reply = self._read(scope, headers, version)
            if reply.format.media in EXPORTS and isinstance(question.bound, BoundQuery):
                export = self.service.export(question.request, question.bound, reply)
                return react_to_export(await held.enter_async_context(export), version)
            return react_to_answer(await self.service.answer(question, reply), version)
        except GatewayError as error:
            return react_to_error(error, version)
        except Exception as error:  # the last line of defence
            self.observer.fault("an unexpected failure", error)
            hidden = InternalError("the gateway failed; its log tells why")
            return react_to_error(hidden, version)

    def _admit(self, scope: Scope, headers: Headers) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodNotAllowed(
                f"{scope['method']} is not served: this service is read-only; use GET"
            )
        if len(scope["raw_path"]) + len(scope["query_string"]) > _MAX_URL_BYTES:
            raise UriTooLong(
                f"the URL is longer than {_MAX_URL_BYTES} bytes; select or filter less at once"
            )
        self.gate.check(headers)
        check_isolation(headers.get("isolation") or headers.get("odata-isolation"))

    def _read(self, scope: Scope, headers: Headers, version: str) -> tuple[Question, Reply]:
        path = scope["raw_path"].removeprefix(SERVICE_PATH.encode()).removeprefix(b"/")
        question = self.service.read(path, scope["query_string"])
        preferences = parse_preferences(headers.getlist("prefer"))
        format_ = _negotiate(question, headers, version)
        reply = Reply(
            format=replace(format_, omit_nulls=preferences.omit_nulls),
            preferences=preferences,
            links=Links(self.root.of(_connection(scope, headers))),
            known=parse_entity_tags(headers.getlist("if-none-match")),
            fresher="no-cache" in ",".join(headers.getlist("cache-control")).lower(),
        )
        return question, reply


def _negotiate(question: Question, headers: Headers, version: str) -> Format:
    check_reader(headers.get("user-agent", ""))
    accept = ",".join(headers.getlist("accept")).strip() or None
    format_option = question.request.options.format
    match question.bound:
        case MetadataDocument():
            return negotiate_metadata(accept, format_option, version)
        case BoundQuery(shape=Shape.COUNT):
            return negotiate_count(accept, format_option, version)
        case _:
            return negotiate_rows(accept, format_option, version, whole=_is_whole(question))


def _is_whole(question: Question) -> bool:
    """Whether a file of a collection answers it."""
    bound = question.bound
    return isinstance(bound, BoundQuery) and bound.shape is Shape.COLLECTION


def _connection(scope: Scope, headers: Headers) -> Connection:
    client = scope.get("client")
    return Connection(client[0] if client else "", scope["scheme"], headers)


def _allow(version: str) -> Reaction:
    return Reaction(204, b"", (("Allow", "GET, HEAD, OPTIONS"), ("OData-Version", version)))
