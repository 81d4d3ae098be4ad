"""The ASGI middleware before the documented endpoints: it records requests and makes faults.

The response is the endpoint's own, an error, or a spoilt one.
"""

import asyncio
from datetime import UTC, timedelta
from email.utils import format_datetime
from typing import assert_never

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.sandbox.failures import error_response
from gateway.sandbox.faults import Fault, Faults
from gateway.sandbox.instants import Clock
from gateway.sandbox.journal import Journal
from gateway.sandbox.spoiling import hang, hang_after_headers, reshape_response, truncate


class FaultGate:
    """Middleware of one endpoint; the gates of a sandbox share faults and journal."""

    def __init__(self, app: ASGIApp, *, faults: Faults, journal: Journal, clock: Clock) -> None:
        self._app = app
        self._faults = faults
        self._journal = journal
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one request, correctly or with a fault."""
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            return
        number = self._journal.record(request.method, request.url.path, body)
        fault = self._faults.take(number)
        await asyncio.sleep(self._faults.latency_seconds)
        await self._app_with(fault)(scope, _replay(body, receive), send)

    def _app_with(self, fault: Fault | None) -> ASGIApp:
        """Return the endpoint with this fault."""
        faults = self._faults
        match fault:
            case None:
                return self._app
            case Fault.RATE_LIMIT:
                return error_response(429, "Too many requests", self._retry_after())
            case Fault.ERROR:
                return error_response(faults.error_status, "The service is out of order")
            case Fault.HANG if faults.hang_after_headers:
                return hang_after_headers(self._app, faults.hang_seconds)
            case Fault.HANG:
                return hang(faults.hang_seconds)
            case Fault.TRUNCATE:
                return truncate(self._app)
            case Fault.WRONG_SHAPE:
                return reshape_response(self._app, faults.wrong_shape)
            case _:
                assert_never(fault)

    def _retry_after(self) -> dict[str, str]:
        seconds = self._faults.retry_after_seconds
        if seconds is None:
            return {}
        if not self._faults.retry_after_as_date:
            return {"Retry-After": str(seconds)}
        moment = self._clock().astimezone(UTC) + timedelta(seconds=seconds)
        return {"Retry-After": format_datetime(moment, usegmt=True)}


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that repeats the body, then passes on later messages."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return messages.pop() if messages else await receive()

    return replayed
