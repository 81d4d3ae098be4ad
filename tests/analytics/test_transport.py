"""Answers that are none, on real sockets, through httpx on aiohttp as the gateway uses it."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import anyio
import httpx
import pytest
from httpx_aiohttp import HttpxAiohttpClient

from gateway.analytics.read.client import AnalyticsClient, RetryPolicy, World
from gateway.analytics.read.observed_client import ObservedClient
from gateway.auth.tokens import CallerTokenSource
from gateway.errors import (
    GatewayError,
    UpstreamBrokeContract,
    UpstreamRejectedRequest,
    UpstreamUnavailable,
)
from gateway.observe import Clock, Observer
from tests.analytics.small_contract import small_contract
from tests.analytics.upstream_app import FIRST_PAGE, NO_ROWS, TOKEN

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\n"


@asynccontextmanager
async def answering(answer: bytes, patience: float = 0.0) -> AsyncIterator[str]:
    """A server that sends these bytes to whoever asks, waits, and closes the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            await asyncio.sleep(patience)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    await asyncio.sleep(patience)


async def fetch(base_url: str) -> int:
    clock = Clock(lambda: datetime.now(UTC), time.monotonic)
    world = World(CallerTokenSource(TOKEN), anyio.sleep, clock)
    async with HttpxAiohttpClient(base_url=base_url, timeout=httpx.Timeout(0.2)) as http:
        client = AnalyticsClient(http, small_contract(), world, RetryPolicy(tries=1))
        return (await client.fetch(FIRST_PAGE)).total


async def failure(base_url: str) -> GatewayError:
    with pytest.raises(GatewayError) as raised:
        await fetch(base_url)
    shown = "".join(traceback.format_exception(raised.value))
    error: BaseException | None = raised.value
    while error is not None:
        shown += repr(error) + repr(error.args)
        error = error.__cause__ or error.__context__
    assert TOKEN not in shown
    return raised.value


async def test_a_whole_answer_is_read() -> None:
    async with answering(OK + b"Content-Length: %d\r\n\r\n%b" % (len(NO_ROWS), NO_ROWS)) as base:
        assert await fetch(base) == 0


@pytest.mark.parametrize(
    ("answer", "patience", "word"),
    [
        (b"", 0.0, "cut before an answer"),
        (b"hello world\r\n\r\n", 0.0, "not HTTP"),
        (OK + b"Content-Length: -5\r\n\r\n", 0.0, "not HTTP"),
        (OK + b"Content-Length: 100\r\n\r\n{", 0.0, "ended too early"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{", 0.0, "ended too early"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{", 0.0, "not HTTP"),
        (b"", 0.4, "in time"),
        (OK + b"Content-Length: 100\r\n\r\n{", 0.4, "in time"),
    ],
    ids=str,
)
async def test_what_is_no_answer_is_unavailable_and_named(
    answer: bytes, patience: float, word: str
) -> None:
    async with answering(answer, patience) as base:
        error = await failure(base)
    assert type(error) is UpstreamUnavailable
    assert word in error.message


async def test_a_body_that_cannot_be_unpacked_is_whole_and_wrong() -> None:
    """It is an answer: waiting does not help."""
    packed = b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"
    async with answering(OK + packed) as base:
        error = await failure(base)
    assert type(error) is UpstreamBrokeContract
    assert "Content-Encoding" in error.message


async def test_a_refused_connection_is_no_timeout() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = await failure(f"http://127.0.0.1:{unused.getsockname()[1]}")
    assert type(error) is UpstreamUnavailable
    assert "(refused)" in error.message


async def test_a_redirect_is_not_followed() -> None:
    async with answering(
        b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"
    ) as base:
        assert isinstance(await failure(base), UpstreamRejectedRequest)


async def test_a_response_has_a_limit_in_bytes_once_unpacked() -> None:
    packed = gzip.compress(b" " * 3_000_000)
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    observer = Observer(logging.getLogger("transport"))
    async with answering(head + packed) as base:
        for most, expected in ((2_999_999, UpstreamBrokeContract), (3_000_000, None)):
            async with ObservedClient(observer, seconds=9, most_bytes=most, base_url=base) as http:
                if expected is None:
                    assert len((await http.post("/", content=b"")).content) == 3_000_000
                else:
                    with pytest.raises(expected, match="page size"):
                        await http.post("/", content=b"")


async def test_a_response_that_dribbles_has_a_limit_in_time() -> None:
    """httpx itself bounds only the silence between two pieces."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"Content-Length: 1000\r\n\r\n")
        with suppress(OSError):
            for _ in range(1_000):
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.05)
        writer.close()
        ended.set()

    ended = asyncio.Event()
    observer = Observer(logging.getLogger("transport"))
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with ObservedClient(observer, seconds=0.5, base_url=base) as http:
            with pytest.raises(httpx.ReadTimeout):
                await http.post("/", content=b"")
        await ended.wait()
