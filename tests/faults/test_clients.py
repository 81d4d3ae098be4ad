"""Clients that read nothing, read slowly, or leave, on real sockets."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPResponse, IncompleteRead
from typing import Any
from urllib.parse import quote, urlsplit

import anyio
import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.app import create_app
from gateway.auth.authenticator import OpenAuthenticator
from gateway.auth.principal import Principal
from gateway.edge.admission import Admission
from gateway.edge.proxies import TrustedProxies
from gateway.edge.public_root import PublicRoot
from gateway.observe import Observer
from gateway.sandbox import create_sandbox, generate, make_token
from gateway.web.bad_http import ODataProtocol
from gateway.web.batch import BatchEndpoint
from gateway.web.odata import ODataEndpoint
from tests.faults.slow_questions import slow_apply
from tests.support.live import SECRET, running, settings_from
from tests.support.wire import send

ROWS = 12_000
RESULTS = "/odata/v4/Results"
WHOLE = f"{RESULTS}?$top={ROWS}"
BATCH = b",".join(b'{"id":"%d","method":"GET","url":"Results?$top=12000"}' % n for n in range(5))


class Impatient(ODataProtocol):
    stalled_seconds = 0.4
    head_seconds = 0.5


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway with more rows than the buffers on the way to a client hold."""
    token = tmp_path_factory.mktemp("clients") / "token"
    token.write_text(make_token(SECRET), "utf-8")
    with running(create_sandbox(generate(ROWS), secret=SECRET), date_header=False) as upstream:
        settings = settings_from({"upstream": upstream, "token_file": str(token)})
        with running(create_app(settings), protocol=Impatient) as base:
            assert send(base, f"{RESULTS}/$count?$apply=filter(progress%20ge%200)").status == 200
            yield base


@contextmanager
def connected(root: str) -> Iterator[socket.socket]:
    """A connection on which nothing was asked yet."""
    place = urlsplit(root)
    with socket.create_connection((str(place.hostname), place.port or 80), 10) as connection:
        yield connection


def _is_over(connection: socket.socket, dribbled: bytes) -> bool:
    """Whether the gateway has hung up; else a little more is sent, and answers are passed over."""
    try:
        connection.sendall(dribbled)
        return connection.recv(65_536) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def _next_answer(connection: socket.socket) -> bytes:
    answer = b""
    while not answer.endswith(b"late"):
        piece = connection.recv(1)  # no more: two may have come
        assert piece
        answer += piece
    return answer


class Anything:
    """Workspaces with a service that reads bodies, and gets no further."""

    def service_of(self, principal: Principal) -> Any:
        return self

    async def offload(self, size: int, work: Callable[..., Any], *arguments: object) -> Any:
        return work(*arguments)


@contextmanager
def asking(
    root: str, target: str, body: bytes = b"", media: str = "application/json"
) -> Iterator[socket.socket]:
    """A connection with little room on which something was asked."""
    place = urlsplit(root)
    assert place.hostname is not None
    assert place.port is not None
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        connection.settimeout(10)
        connection.connect((place.hostname, place.port))
        head = [
            f"{'POST' if body else 'GET'} {target} HTTP/1.1",
            "Host: localhost",
            "Prefer: odata.maxpagesize=20000",
            f"Content-Type: {media}",
            f"Content-Length: {len(body)}",
        ]
        connection.sendall("\r\n".join([*head, "", ""]).encode() + body)
        yield connection


@pytest.mark.parametrize(
    ("target", "body"),
    [
        (WHOLE, b""),
        ("/odata/v4/$batch", b'{"requests":[' + BATCH + b"]}"),
    ],
    ids=["page", "batch"],
)
def test_who_reads_nothing_is_hung_up_on(root: str, target: str, body: bytes) -> None:
    with asking(root, target, body) as connection, HTTPResponse(connection) as response:
        response.begin()
        assert response.status == 200
        time.sleep(1.5)
        with pytest.raises((IncompleteRead, ConnectionError)):
            response.read()
    assert send(root, f"{RESULTS}?$top=1").status == 200


def test_who_reads_slowly_gets_all(root: str) -> None:
    with asking(root, WHOLE) as connection:
        head = connection.recv(4_000)
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        assert length > 5_000_000
        read, began = len(head.partition(b"\r\n\r\n")[2]), time.monotonic()
        while read < length:
            time.sleep(0.05 if time.monotonic() - began < 2 else 0)  # five times the patience
            piece = connection.recv(65_536)
            assert piece, f"hung up after {read} of {length} bytes"
            read += len(piece)
    assert read == length


SLOW = f"$apply={slow_apply()}"
SLOW_URL = f"Results/$count?{SLOW}"
PARTS = (
    "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    f"GET {SLOW_URL} HTTP/1.1\r\n\r\n\r\n--b--\r\n"
)
SLOWLY: dict[str, tuple[str, str, str]] = {
    "GET": (f"/odata/v4/{SLOW_URL}", "", ""),
    "GET of a file": (f"{RESULTS}?{SLOW}&$format=csv", "", ""),
    "$query": ("/odata/v4/Results/$count/$query", SLOW, "text/plain"),
    "$query of a file": (f"{RESULTS}/$query?$format=csv", SLOW, "text/plain"),
    "JSON batch": (
        "/odata/v4/$batch",
        json.dumps({"requests": [{"id": "1", "method": "GET", "url": SLOW_URL}]}),
        "application/json",
    ),
    "JSON batch of a $query": (
        "/odata/v4/$batch",
        json.dumps(
            {
                "requests": [
                    {
                        "id": "1",
                        "method": "POST",
                        "url": "Results/$count/$query",
                        "headers": {"content-type": "text/plain"},
                        "body": SLOW,
                    }
                ]
            }
        ),
        "application/json",
    ),
    "multipart batch": ("/odata/v4/$batch", PARTS, "multipart/mixed; boundary=b"),
    "page": (f"/query?url={quote(SLOW_URL, safe='')}", "", ""),
}


@pytest.mark.parametrize("how", SLOWLY)
def test_a_query_ends_with_its_client(root: str, how: str) -> None:
    """Two run at once: without an end of theirs the third would wait for its turn for a minute."""
    target, body, media = SLOWLY[how]
    left = _clients_that_left(root)
    with asking(root, target, body.encode(), media), asking(root, target, body.encode(), media):
        time.sleep(0.5)
    began = time.monotonic()
    assert send(root, f"{RESULTS}/$count?$filter=contains(userName,'x')").status == 200
    assert time.monotonic() - began < 5
    deadline = time.monotonic() + 10  # the metrics count a request a moment after its end
    while (found := _clients_that_left(root)) != left + 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found == left + 2, "logged as a failure of the gateway"


def _clients_that_left(root: str) -> float:
    lines = send(root, "/metrics").text.splitlines()
    counted = [line for line in lines if "_requests_total{" in line and 'status="499"' in line]
    return sum(float(line.rpartition(" ")[2]) for line in counted)


def test_a_body_that_comes_late_is_read_to_its_end_before_the_watch(root: str) -> None:
    """The watch must not take a piece of the body that the endpoint waits for."""
    body = b"$filter=contains(userName,'x')"
    place = urlsplit(root)
    head = (
        "POST /odata/v4/Results/$count/$query HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((str(place.hostname), place.port or 80), 10) as connection:
        connection.sendall(head.encode() + body[:9])
        time.sleep(0.2)
        connection.sendall(body[9:])
        with HTTPResponse(connection) as response:
            response.begin()
            assert response.status == 200
            expected = send(root, "/odata/v4/Results/$count?" + body.decode())
            assert response.read() == expected.body


HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
NOTHING = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999\r\n\r\n"


@pytest.mark.parametrize(
    ("first", "dribbled"),
    [
        (b"", b""),
        (HEAD, b""),
        (HEAD, b"X-More: a\r\n"),
        (HEAD + b"\r\n", b"\r\n"),
        (HEAD + b"\r\n" + HEAD, b"X-More: a\r\n"),
        (NOTHING, b"x"),
    ],
    ids=["silent", "half a head", "a slow head", "blank lines", "a second head", "an unread body"],
)
def test_who_never_ends_a_head_is_hung_up_on(root: str, first: bytes, dribbled: bytes) -> None:
    began = time.monotonic()
    with connected(root) as connection:
        connection.sendall(first)
        connection.settimeout(0.1)
        while not _is_over(connection, dribbled):
            assert time.monotonic() - began < 10
    assert time.monotonic() - began >= 0.4


async def slow_answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Takes longer than a head may take."""
    await anyio.sleep(0.8)
    await Response("late")(scope, receive, send)


def test_who_waits_for_an_answer_or_between_two_is_let_be() -> None:
    """Also when the next request, or a half of it, came before the answer."""
    one = HEAD + b"\r\n"
    with running(slow_answer, protocol=Impatient) as base, connected(base) as connection:
        for request in (one, one + one, one + HEAD):
            connection.sendall(request)
            if request.endswith(HEAD):
                time.sleep(0.1)
                connection.sendall(b"X-More: a\r\n")
            for _ in range(request.count(b"\r\n\r\n")):
                assert _next_answer(connection).endswith(b"late")
            if request == one:
                time.sleep(0.8)
        connection.sendall(b"\r\n")
        assert _next_answer(connection).endswith(b"late")


@pytest.mark.parametrize("target", ["/odata/v4/Results/$query", "/odata/v4/$batch"])
def test_a_body_that_does_not_come_is_408(target: str) -> None:
    endpoint = ODataEndpoint(
        Admission(OpenAuthenticator(), Anything()),
        PublicRoot(None, TrustedProxies()),
        Observer(logging.getLogger("test")),
        body_seconds=0.3,
    )
    app = BatchEndpoint(endpoint)
    head = (
        f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n"
        f"Content-Type: {'application/json' if 'batch' in target else 'text/plain'}\r\n\r\n$"
    )
    with running(app) as base, connected(base) as connection:
        connection.sendall(head.encode())
        with HTTPResponse(connection) as response:
            response.begin()
            error = json.loads(response.read())["error"]
            assert (response.status, error["code"]) == (408, "RequestTimeout")
            assert response.headers["Connection"] == "close"
        assert connection.recv(1) == b""


def test_a_batch_that_takes_too_long_answers_what_it_has() -> None:
    """Each request that has not begun is refused by itself, and may be sent again."""
    endpoint = ODataEndpoint(
        Admission(OpenAuthenticator(), Anything()),
        PublicRoot(None, TrustedProxies()),
        Observer(logging.getLogger("test")),
    )
    body = b'{"requests":[' + BATCH + b"]}"
    header = ("Content-Type", "application/json")
    with running(BatchEndpoint(endpoint, seconds=0)) as base:
        answer = send(base, "/odata/v4/$batch", [header], method="POST", body=body)
    parts = answer.json()["responses"]
    assert [part["status"] for part in parts] == [503] * 5
    assert all("smaller batch" in str(part["body"]) for part in parts)
