"""Limits in bytes for whatever a client sends before, around and behind a body, on real sockets."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from gateway.app import create_app
from gateway.web.bad_http import ODataProtocol
from gateway.web.request_size import (
    MAX_FRAMING_BYTES,
    MAX_HEAD_BYTES,
    MAX_HEADER_FIELDS,
    MAX_MESSAGE_BYTES,
    MessageMeter,
)
from tests.support.examples import examples
from tests.support.live import running, settings_from

LINE = b"GET /odata/v4/$metadata HTTP/1.1\r\nHost: localhost\r\n"
SMALL = LINE + b"\r\n"
POST = b"POST /read HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
TOO_LARGE = (431, "RequestHeaderFieldsTooLarge")
MEBIBYTE = 1_048_576


class Hasty(ODataProtocol):
    """Lingers for no longer than a test likes to wait."""

    lingering_seconds = 0.5


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Tells what it got: the path, how many bytes of body, and the names of all headers."""
    if scope["type"] != "http":
        raise NotImplementedError  # no lifespan
    request = Request(scope, receive)
    if request.url.path.startswith("/slow"):
        started.set()
        while not released.is_set():
            await request.is_disconnected()
    size = 0
    if request.url.path.startswith("/read"):
        try:
            async for part in request.stream():
                size += len(part)
                reading.set()
        except ClientDisconnect:
            left.set()
    told = {"path": request.url.path, "read": size, "headers": request.headers.keys()}
    response: Response = PlainTextResponse(json.dumps(told))
    await response(scope, receive, send)


started, released = threading.Event(), threading.Event()
reading, left = threading.Event(), threading.Event()


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    with running(application, protocol=Hasty) as base:
        yield base


@pytest.fixture(scope="module")
def gateway() -> Iterator[str]:
    """A whole gateway behind the protocol that `serve` uses."""
    app = create_app(settings_from({"upstream": "http://127.0.0.1:9"}))
    with running(app, protocol=Hasty) as base:
        yield base


@contextmanager
def connection(root: str) -> Iterator[socket.socket]:
    place = urlsplit(root)
    with closing(socket.create_connection((str(place.hostname), place.port or 80), 10)) as found:
        yield found


def answer(connection: socket.socket) -> tuple[int, bytes]:
    """The next answer, and nothing of what comes behind it."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = connection.recv(1)
        assert piece, head
        head += piece
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    body = b""
    while len(body) < length:
        body += connection.recv(length - len(body))
    return int(head.split(b" ")[1]), body


def code(told: tuple[int, bytes]) -> tuple[int, str]:
    error = json.loads(told[1])["error"]
    assert error["message"]
    return told[0], error["code"]


def is_over(connection: socket.socket) -> bool:
    with suppress(ConnectionError):
        return connection.recv(1) == b""
    return True


def refused(root: str, *pieces: bytes) -> tuple[int, str]:
    """What the pieces are answered with, on a connection that then ends."""
    with connection(root) as client:
        for piece in pieces:
            client.sendall(piece)
        found = code(answer(client))
        assert is_over(client)
    return found


def field(size: int, name: str = "X-Filler") -> bytes:
    return f"{name}: ".encode() + b"a" * (size - len(name) - 4) + b"\r\n"


# --- heads ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        LINE + field(60 * MEBIBYTE),
        LINE + field(MAX_HEAD_BYTES),
        LINE + b"X: " + b"a" * MAX_HEAD_BYTES,  # never ends
        LINE + b"".join(field(1_000, f"X-{n}") for n in range(100)),
        LINE + field(70_000, "Cookie"),
        LINE + b"X" * MAX_HEAD_BYTES,  # a name
        LINE + b"Authorization: Basic " + b"a" * MAX_HEAD_BYTES,
        LINE + b"X: a\r\n" * (MAX_HEADER_FIELDS + 1) + b"\r\n",
        LINE + b"X: a\r\n" * 50_000,
        b"\r\n" * MAX_HEAD_BYTES,
    ],
    ids=lambda head: f"{head[:60]!r} {len(head)}",
)
def test_a_head_that_is_too_large_is_431(gateway: str, head: bytes) -> None:
    assert refused(gateway, head) == TOO_LARGE
    assert fits(gateway, SMALL)


def test_a_header_of_sixty_mebibytes_keeps_nobody_waiting(gateway: str) -> None:
    """It took 22 seconds of the event loop."""
    with connection(gateway) as client:
        sender = threading.Thread(target=_send, args=(client, LINE + field(60 * MEBIBYTE)))
        sender.start()
        waits: list[float] = []
        while sender.is_alive() or len(waits) < 3:
            began = time.monotonic()
            assert fits(gateway, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            waits.append(time.monotonic() - began)
        sender.join()
    assert max(waits) < 5


def _send(client: socket.socket, data: bytes) -> None:
    with suppress(OSError):
        client.sendall(data)


def fits(root: str, request: bytes) -> bool:
    with connection(root) as client:
        client.sendall(request)
        return answer(client)[0] == 200


def test_a_head_of_just_the_limit_is_read(gateway: str) -> None:
    rest = MAX_HEAD_BYTES - len(LINE) - 2
    assert fits(gateway, LINE + field(rest) + b"\r\n")
    assert refused(gateway, LINE + field(rest + 1) + b"\r\n") == TOO_LARGE
    assert fits(gateway, LINE + b"X: a\r\n" * (MAX_HEADER_FIELDS - 1) + b"\r\n")
    assert refused(gateway, LINE + b"X: a\r\n" * MAX_HEADER_FIELDS + b"\r\n") == TOO_LARGE


@pytest.mark.parametrize("size", [16_400, 40_000, 65_000, MAX_HEAD_BYTES, 100_000, MEBIBYTE])
def test_a_request_line_that_is_too_long_is_414(gateway: str, size: int) -> None:
    line = b"GET /odata/v4/Results?$filter=" + b"a" * size + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with connection(gateway) as client:
        client.sendall(line)
        assert code(answer(client)) == (414, "UriTooLong")
    line = b"GET /odata/v4/Results?$filter=" + b"a" * MAX_HEAD_BYTES  # never ends
    assert refused(gateway, line) == (414, "UriTooLong")


def test_every_head_of_a_connection_is_counted_by_itself(gateway: str) -> None:
    large = LINE + field(50_000) + b"\r\n"
    with connection(gateway) as client:
        for _ in range(5):
            client.sendall(large)
            assert answer(client)[0] == 200
        client.sendall(LINE + field(70_000))
        assert code(answer(client)) == TOO_LARGE
        assert is_over(client)


@examples(60)
@given(
    heads=st.lists(st.integers(0, 3_000), min_size=1, max_size=6),
    cuts=st.lists(st.integers(1, 400), min_size=1, max_size=5),
)
def test_the_meter_finds_the_end_of_each_head(heads: list[int], cuts: list[int]) -> None:
    """However the bytes are cut into pieces, no portion holds the end of one head and more."""
    wanted = [b"GET / HTTP/1.1\r\nX: " + b"a" * size + b"\r\n\r\n" for size in heads]
    stream, waiting, meter = b"".join(wanted), bytearray(), MessageMeter()
    found, current = [], b""
    while stream or waiting:
        size = cuts[len(current) % len(cuts)]
        waiting += stream[:size]
        stream = stream[size:]
        while waiting:
            taken = bytes(waiting[: meter.portion(waiting)])
            del waiting[: len(taken)]
            meter.count(taken)
            current += taken
            assert meter.excess() is None
            if current.endswith(b"\r\n\r\n"):
                meter.head_ended()
                meter.message_ended()
                found.append(current)
                current = b""
    assert found == wanted


# --- bodies ---------------------------------------------------------------------------------------


def chunk(content: bytes, extension: bytes = b"") -> bytes:
    return b"%x%s\r\n%s\r\n" % (len(content), extension, content)


@pytest.mark.parametrize(
    "framing",
    [
        b"1;" + b"a" * (MAX_FRAMING_BYTES + 8_192),  # never ends
        b"1;name=" + b"a" * 8 * MEBIBYTE + b"\r\n",
        chunk(b"x", b";e=" + b"a" * 5_000) * 20,
        b"0\r\nX-Trailer: " + b"a" * (MAX_FRAMING_BYTES + 8_192),
        b"0\r\n" + field(1_000) * 100,
        b"0\r\n" + b"X: a\r\n" * 20_000,
        b"1\r\nx\r\n0\r\n" + field(8 * MEBIBYTE),
    ],
    ids=lambda framing: f"{framing[:30]!r} {len(framing)}",
)
@pytest.mark.parametrize("path", [b"/read", b"/other"])
def test_extensions_and_trailers_have_a_limit(root: str, path: bytes, framing: bytes) -> None:
    """Where the answer needs no body it may come first; the connection ends in any case."""
    with connection(root) as client:
        client.sendall(POST.replace(b"/read", path))
        _send(client, framing)
        told = answer(client)
        assert told[0] == 431 if path == b"/read" else told[0] in (200, 431)
        assert is_over(client)


def test_bodies_of_many_small_chunks_are_read(root: str) -> None:
    with connection(root) as client:
        body = chunk(b"x") * 50_000 + chunk(b"y" * 100_000, b";name=value") + b"0\r\nX: a\r\n\r\n"
        for _ in range(2):
            client.sendall(POST + body)
            status, told = answer(client)
            assert (status, json.loads(told)["read"]) == (200, 150_000)


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_without_end_ends_the_connection(root: str, chunked: bool) -> None:
    """Also behind an answer that came before the body's end."""
    length = b"Content-Length: 100000000" if not chunked else b"Transfer-Encoding: chunked"
    for path, statuses in ((b"/read", (413,)), (b"/other", (200,))):
        with connection(root) as client:
            client.sendall(b"POST " + path + b" HTTP/1.1\r\nHost: x\r\n" + length + b"\r\n\r\n")
            piece = chunk(b"a" * 65_536) if chunked else b"a" * 65_536
            for _ in range(2 * MAX_MESSAGE_BYTES // 65_536):
                _send(client, piece)
            assert answer(client)[0] in statuses
            assert is_over(client)


def test_a_trailer_is_no_header(root: str) -> None:
    """A proxy that takes a client's X-Forwarded-For away may hand on its trailers."""
    with connection(root) as client:
        trailers = b"X-Forwarded-For: 192.0.2.1\r\nAuthorization: Basic eA==\r\nX-API-Key: x\r\n"
        client.sendall(POST + chunk(b"abc") + b"0\r\n" + trailers + b"\r\n")
        status, told = answer(client)
    assert status == 200
    assert json.loads(told) == {
        "path": "/read",
        "read": 3,
        "headers": ["host", "transfer-encoding"],
    }


# --- pipelines ------------------------------------------------------------------------------------


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


@pytest.mark.parametrize("cut", [1, 7, 100, 1_000_000])
def test_requests_that_are_sent_at_once_are_answered_in_order(root: str, cut: int) -> None:
    with connection(root) as client:
        sent = b"".join(
            get(f"/{n}") + POST.replace(b"/read", b"/read%d" % n) + chunk(b"a" * n) + b"0\r\n\r\n"
            for n in range(1, 40)
        )
        for start in range(0, len(sent), cut):
            client.sendall(sent[start : start + cut])
        for n in range(1, 40):
            assert json.loads(answer(client)[1])["path"] == f"/{n}"
            told = json.loads(answer(client)[1])
            assert (told["path"], told["read"]) == (f"/read{n}", n)


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        (LINE + field(100_000), 431),
        (LINE + b"X: a\r\n" * 300 + b"\r\n", 431),
        (b"GET /" + b"a" * 100_000, 414),
        (b"hello\r\n\r\n", 400),
        (POST + b"nonsense\r\n", 400),
        (POST + b"1;" + b"a" * 100_000, 431),
    ],
    ids=["head", "fields", "line", "garbage", "chunk", "extension"],
)
@pytest.mark.parametrize("before", [0, 1, 3])
def test_a_refusal_waits_for_the_answers_before_it(
    root: str, before: int, bad: bytes, expected: int
) -> None:
    """An answer is never taken for that to another request."""
    started.clear()
    released.clear()
    with connection(root) as client:
        client.sendall(b"".join(get(f"/slow{n}") for n in range(before)) + bad)
        if before:
            assert started.wait(10)
            client.settimeout(0.2)
            with pytest.raises(TimeoutError):
                client.recv(1, socket.MSG_PEEK)
            client.settimeout(10)
            released.set()
        for n in range(before):
            assert json.loads(answer(client)[1])["path"] == f"/slow{n}"
        assert code(answer(client))[0] == expected
        assert is_over(client)


def test_what_is_sent_ahead_has_a_limit(root: str) -> None:
    """One request at a time is parsed; what waits behind it stays in the client's system."""
    started.clear()
    released.clear()
    with connection(root) as client:
        client.settimeout(2)
        client.sendall(get("/slow"))
        assert started.wait(10)
        sent = 0
        with suppress(OSError):
            while sent < 200 * MEBIBYTE:
                sent += client.send(get("/next") * 1_000)
        released.set()
    assert sent < 40 * MEBIBYTE  # in the buffers of two sockets


def test_a_request_that_is_refused_in_its_body_is_over_for_the_application(root: str) -> None:
    """It is told that the client has left, and does not wait for the rest."""
    reading.clear()
    left.clear()
    with connection(root) as client:
        client.sendall(POST + chunk(b"abc"))
        assert reading.wait(10)
        client.sendall(b"no chunk\r\n")
        assert code(answer(client)) == (400, "InvalidSyntax")
        assert left.wait(10)


def test_a_client_reads_why_although_it_sent_more(root: str) -> None:
    """The connection is closed gently: a reset would take the answer away."""
    place = urlsplit(root)
    sender = http.client.HTTPConnection(str(place.hostname), place.port, timeout=10)
    with closing(sender):
        sender.putrequest("GET", "/")
        sender.putheader("X-Large", "a" * 5_000_000)
        sender.endheaders()
        assert sender.getresponse().status == 431
