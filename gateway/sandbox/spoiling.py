"""Endpoints with spoilt responses: each function wraps an ASGI application.

Truncated and hanging responses end without their last message. uvicorn then closes the connection
and logs that the application did not complete. An in-process transport cannot show this, so tests
of it need a socket.
"""

import asyncio
from typing import assert_never

import msgspec
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.sandbox.failures import error_response
from gateway.sandbox.faults import Shape

HTML = b"<!doctype html><title>Just a moment...</title><p>Checking your browser</p>"


def hang(seconds: float) -> ASGIApp:
    """Return an endpoint that sends nothing for some seconds, then 504."""

    async def hanging(scope: Scope, receive: Receive, send: Send) -> None:
        if await _stays_connected(receive, seconds):
            await error_response(504, "The service did not answer in time")(scope, receive, send)

    return hanging


def hang_after_headers(app: ASGIApp, seconds: float) -> ASGIApp:
    """Return an endpoint that sends its headers, then nothing for some seconds, then closes."""

    async def hanging(scope: Scope, receive: Receive, send: Send) -> None:
        start, _ = await _capture(app, scope, receive)
        await send(start)
        await _stays_connected(receive, seconds)

    return hanging


def truncate(app: ASGIApp) -> ASGIApp:
    """Return an endpoint that announces its whole body, sends half of it and closes."""

    async def truncating(scope: Scope, receive: Receive, send: Send) -> None:
        start, body = await _capture(app, scope, receive)
        await send(start)
        half = body[: len(body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})

    return truncating


def reshape_response(app: ASGIApp, shape: Shape) -> ASGIApp:
    """Return an endpoint that responds with 200 in an undocumented shape."""

    async def reshaping(scope: Scope, receive: Receive, send: Send) -> None:
        start, body = await _capture(app, scope, receive)
        reshaped = _reshape(body, shape)
        headers = MutableHeaders(raw=start["headers"])
        headers["Content-Length"] = str(len(reshaped))
        if shape == "html":
            headers["Content-Type"] = "text/html; charset=utf-8"
        await send(start)
        await send({"type": "http.response.body", "body": reshaped})

    return reshaping


async def _capture(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
    """Run an endpoint and return the message with its headers, and its body."""
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, send)
    return messages[0], b"".join(message["body"] for message in messages[1:])


async def _stays_connected(receive: Receive, seconds: float) -> bool:
    """Wait some seconds, or until the client disconnects; return true if it is connected."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return True
    return False


class _Page(msgspec.Struct):
    total: int
    results: list[dict[str, object]]


def _reshape(body: bytes, shape: Shape) -> bytes:
    """Return a page in another shape; a body that is not a page becomes an empty object."""
    if shape == "html":
        return HTML
    try:
        page = msgspec.json.decode(body, type=_Page)
    except msgspec.ValidationError:
        return b"{}"
    return msgspec.json.encode(_reshaped(page, shape))


def _reshaped(page: _Page, shape: Shape) -> object:
    match shape:
        case "envelope":
            return {"count": page.total, "items": page.results}
        case "no-total":
            return {"results": page.results}
        case "array":
            return page.results
        case "types":
            rows = [row | {"progress": "half", "updatedAt": 0, "user": []} for row in page.results]
            return {"total": str(page.total), "results": rows}
        case "html":
            return HTML.decode()
        case _:
            assert_never(shape)
