"""Request ids, logs, metrics and traces, for every request.

Pure ASGI, around the whole application. Inner stages write to the request's record
(`gateway.observe.record`); this middleware adds what was sent. Each response gets `X-Request-Id`,
`Server-Timing` with the time of each stage, and headers that protect browsers; bodies and ETags do
not change. No failure here fails a request.
"""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.auth.principal import Principal
from gateway.edge.admission import PRINCIPAL
from gateway.edge.public_root import SERVICE_PATH
from gateway.edge.unnamed_proxies import UnnamedProxies
from gateway.fairness.budget import BudgetScope
from gateway.observe import Observer
from gateway.observe.ledger import Ledger
from gateway.observe.logs import PROBES, facts_of
from gateway.observe.record import Recording, RequestRecord
from gateway.web.respond import protecting

_REQUEST_ID = re.compile(rb"[0-9A-Fa-f-]{16,64}")
"""UUIDs and other hexadecimal ids: nothing that could be a word, an address or a gateway key."""
_TAG = re.compile(rb"[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}")
"""A label that report authors send as Referer to distinguish data sets; never a URL."""
_TIMED = ("parse", "plan", "snapshot", "upstream", "query", "write")
_PAGES = {"assets", "connect", "dashboard", "favicon.ico", "query", "query.json", "read-now"}
_ROUTES = frozenset({"explain", "status", "requests", "openapi.json", *_PAGES}) | PROBES
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
_SERVICE = SERVICE_PATH.encode()
_CLIENT_DISCONNECTED = 499
"""The logged status if the client disconnects before the whole response; nginx uses it too."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The application with a record of each request."""

    app: ASGIApp
    observer: Observer
    ledger: Ledger
    unnamed: UnnamedProxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        record = _record(scope, headers)
        client = scope.get("client")
        self.unnamed.notice(client[0] if client else "", headers)
        sending = _Sending(record, send)
        self.observer.metrics.request_began()
        if self.observer.traces.is_on:
            with suppress(Exception):
                self.observer.traces.begin(record, headers)
        try:
            with Recording(record), BudgetScope():
                await self.app(scope, receive, sending)
                sending.has_returned = True
        finally:
            sending.end()
            self.observer.metrics.request_ended()
            end_record(record, scope.get(PRINCIPAL), self.observer, self.ledger)


def end_record(
    record: RequestRecord, principal: Principal | None, observer: Observer, ledger: Ledger
) -> None:
    """Record the end of a request, and of its parts if it is a batch; `principal` is the caller."""
    record.seconds = perf_counter() - record.began
    for part in (record, *record.parts):
        if principal is not None:
            part.workspace, part.role = principal.workspace, principal.role
            part.key = principal.id
        ledger.add(part)
    if record.span is not None:
        with suppress(Exception):
            observer.traces.end(record, facts_of(record))


class _Sending:
    """The response on its way out: adds headers to the first message and counts bytes."""

    __slots__ = ("_record", "_send", "began", "has_returned", "is_whole")

    def __init__(self, record: RequestRecord, send: Send) -> None:
        self._record = record
        self._send = send
        self.began = 0.0
        self.is_whole = False
        self.has_returned = False

    def end(self) -> None:
        """Note the outcome: a whole response, a disconnected client or a failed application.

        An application that returns without a response was cancelled (`CancelOnDisconnect`).
        """
        record = self._record
        if self.began:
            record.spend("send", self.began, perf_counter())
        if not self.is_whole:
            record.status = _CLIENT_DISCONNECTED if self.began or self.has_returned else 500

    def __call__(self, message: Message) -> Awaitable[None]:
        """Return the awaitable of the server's `send`, which saves a coroutine per message."""
        record = self._record
        if message["type"] == "http.response.start":
            self.began = perf_counter()
            record.status = message["status"]
            request_id = (b"x-request-id", record.id.encode())
            headers = message["headers"]
            message["headers"] = [*headers, *protecting(headers), request_id, *_timing(record)]
        elif message["type"] == "http.response.body":
            record.bytes += len(message.get("body", b""))
            self.is_whole = not message.get("more_body", False)
        return self._send(message)


def _record(scope: Scope, headers: dict[bytes, bytes]) -> RequestRecord:
    route = _route(scope["raw_path"])
    method = scope["method"] if scope["method"] in _METHODS else "other"
    record = RequestRecord(_request_id(headers), method, resource=route, is_query=route == "odata")
    tag = headers.get(b"referer")
    if tag is not None and _TAG.fullmatch(tag):
        record.tag = tag.decode()
    return record


def _request_id(headers: dict[bytes, bytes]) -> str:
    """Return the id that a proxy has set, or a new one."""
    name = headers.get(b"x-request-id")
    if name is not None and _REQUEST_ID.fullmatch(name):
        return name.decode()
    return os.urandom(8).hex()


def _route(raw_path: bytes) -> str:
    """Return the route of a request, never its path, which may hold personal data."""
    first = raw_path[1:].partition(b"/")[0].decode("latin-1")
    if raw_path.startswith(_SERVICE):
        return "odata"
    return first if first in _ROUTES else "other"


def _timing(record: RequestRecord) -> tuple[tuple[bytes, bytes], ...]:
    """Return the header, in milliseconds (W3C Server Timing); none if nothing was timed."""
    spent = record.stage_seconds
    parts = [f"{name};dur={spent[name] * 1000:.1f}" for name in _TIMED if name in spent]
    if record.cache:
        page = f", page {record.page}" if record.page else ""
        parts.append(f'cache;desc="snapshot {record.cache}{page}"')
    return ((b"server-timing", ", ".join(parts).encode()),) if parts else ()
