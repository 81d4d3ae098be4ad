"""Clients that read nothing, read slowly, or leave, on real sockets."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse, IncompleteRead
from urllib.parse import urlsplit

import pytest

from gateway.app import create_app
from gateway.sandbox import create_sandbox, generate, make_token
from gateway.web.unreadable import ODataProtocol
from tests.faults.slow_questions import slow_apply
from tests.support.live import SECRET, running, settings_from
from tests.support.wire import send

ROWS = 12_000
RESULTS = "/odata/v4/Results"
WHOLE = f"{RESULTS}?$top={ROWS}"
BATCH = b",".join(b'{"id":"%d","method":"GET","url":"Results?$top=12000"}' % n for n in range(5))


class Impatient(ODataProtocol):
    stalled_seconds = 0.4


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
def asking(root: str, target: str, body: bytes = b"") -> Iterator[socket.socket]:
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
            "Content-Type: application/json",
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


def test_a_query_ends_with_its_client(root: str) -> None:
    """Two run at once: without an end of theirs the third would wait for its turn for a minute."""
    slow = f"{RESULTS}/$count?$apply={slow_apply()}"
    with asking(root, slow), asking(root, slow):
        time.sleep(0.5)
    assert send(root, f"{RESULTS}/$count?$filter=contains(userName,'x')").status == 200
