"""Watches every request: gives it a name, and tells logs, metrics and traces how it ended.

Pure ASGI, around the whole application. What happened inside is in the request's record
(`gateway.observe.record`); what went out is seen here. Each answer gets `X-Request-Id`,
`Server-Timing` with what its parts took, and what browsers must not do with it; bodies and ETags
stay as they are. Nothing that goes wrong
here fails a request.
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
from gateway.edge.entrance import PRINCIPAL
from gateway.edge.public_root import SERVICE_PATH
from gateway.edge.unnamed_proxies import UnnamedProxies
from gateway.fairness.budget import BudgetScope
from gateway.observe import Observer
from gateway.observe.ledger import Ledger
from gateway.observe.logs import PROBES, facts_of
from gateway.observe.record import Recording, RequestRecord
from gateway.web.respond import protecting

_REQUEST_ID = re.compile(rb"[0-9A-Fa-f-]{16,64}")
"""UUIDs and other hexadecimal names: nothing that could be a word, an address or a key of ours."""
_TAG = re.compile(rb"[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}")
"""What report authors give as Referer to tell data sets apart; a URL is none."""
_TIMED = ("parse", "plan", "snapshot", "upstream", "query", "write")
_PAGES = {"assets", "connect", "dashboard", "favicon.ico", "query", "query.json", "read-now"}
_PLACES = frozenset({"explain", "status", "requests", "openapi.json", *_PAGES}) | PROBES
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
_SERVICE = SERVICE_PATH.encode()
_LEFT = 499
"""What is logged of a client that left before its answer was whole, as nginx does."""


@dataclass(frozen=True, slots=True)
class Watched:
    """The application, watched."""

    app: ASGIApp
    observer: Observer
    ledger: Ledger
    unnamed: UnnamedProxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = dict(scope["headers"])
        record = _record(scope, given)
        client = scope.get("client")
        self.unnamed.notice(client[0] if client else "", given)
        sending = _Sending(record, send)
        self.observer.metrics.request_began()
        if self.observer.traces.is_on:
            with suppress(Exception):
                self.observer.traces.begin(record, given)
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
    """A request has ended, with its parts if it was a batch; `principal` is who was let in."""
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
    """What goes out: counted, and its first message given the two headers."""

    __slots__ = ("_record", "_send", "began", "has_returned", "is_whole")

    def __init__(self, record: RequestRecord, send: Send) -> None:
        self._record = record
        self._send = send
        self.began = 0.0
        self.is_whole = False
        self.has_returned = False

    def end(self) -> None:
        """Nothing more goes out: either all did, or the client left, or the application failed.

        An application that returns without a response has none to send to (`Attended`).
        """
        record = self._record
        if self.began:
            record.spend("send", self.began, perf_counter())
        if not self.is_whole:
            record.status = _LEFT if self.began or self.has_returned else 500

    def __call__(self, message: Message) -> Awaitable[None]:
        """Hands on what the server's own `send` returns: one coroutine less for each message."""
        record = self._record
        if message["type"] == "http.response.start":
            self.began = perf_counter()
            record.status = message["status"]
            named = (b"x-request-id", record.id.encode())
            given = message["headers"]
            message["headers"] = [*given, *protecting(given), named, *_timing(record)]
        elif message["type"] == "http.response.body":
            record.bytes += len(message.get("body", b""))
            self.is_whole = not message.get("more_body", False)
        return self._send(message)


def _record(scope: Scope, given: dict[bytes, bytes]) -> RequestRecord:
    place = _place(scope["raw_path"])
    method = scope["method"] if scope["method"] in _METHODS else "other"
    record = RequestRecord(_request_id(given), method, resource=place, is_query=place == "odata")
    tag = given.get(b"referer")
    if tag is not None and _TAG.fullmatch(tag):
        record.tag = tag.decode()
    return record


def _request_id(given: dict[bytes, bytes]) -> str:
    """The name that something in front has given, or a new one."""
    name = given.get(b"x-request-id")
    if name is not None and _REQUEST_ID.fullmatch(name):
        return name.decode()
    return os.urandom(8).hex()


def _place(raw_path: bytes) -> str:
    """The route that was asked; never a path as it came."""
    first = raw_path[1:].partition(b"/")[0].decode("latin-1")
    if raw_path.startswith(_SERVICE):
        return "odata"
    return first if first in _PLACES else "other"


def _timing(record: RequestRecord) -> tuple[tuple[bytes, bytes], ...]:
    """The header, in milliseconds (W3C Server Timing); none where there is nothing to tell."""
    spent = record.stage_seconds
    parts = [f"{name};dur={spent[name] * 1000:.1f}" for name in _TIMED if name in spent]
    if record.cache:
        page = f", page {record.page}" if record.page else ""
        parts.append(f'cache;desc="snapshot {record.cache}{page}"')
    return ((b"server-timing", ", ".join(parts).encode()),) if parts else ()
