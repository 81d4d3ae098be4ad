"""The `Date` header of every response, by the sandbox's clock (RFC 9110, section 6.6.1).

A client that corrects for the upstream's clock must see the clock that stamps the rows. uvicorn
would send its own `Date`; `gateway.sandbox.serving` turns that off.
"""

from datetime import UTC
from email.utils import format_datetime

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.sandbox.instants import Clock


class DateHeader:
    """Middleware that adds `Date` to each response when it starts."""

    def __init__(self, app: ASGIApp, *, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; scopes without a response, such as lifespan, stay unchanged."""

        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                now = self._clock().astimezone(UTC)
                MutableHeaders(scope=message)["Date"] = format_datetime(now, usegmt=True)
            await send(message)

        await self._app(scope, receive, send_dated)
