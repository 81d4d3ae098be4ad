"""What the server's parser cannot read: refused in the same form as all else, on a plain socket."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
import uvicorn

from gateway.app import create_app
from gateway.cli.serve import server_options
from tests.support.live import settings_from


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A gateway with the server options of the commands; nobody is asked upstream."""
    settings = settings_from({"upstream": "http://127.0.0.1:9"})
    options = {**server_options(settings), "log_level": logging.CRITICAL}
    server = uvicorn.Server(uvicorn.Config(create_app(settings), **options))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join(10)


def refusal(port: int, request: bytes) -> tuple[int, str]:
    """Status and code of the answer; its form is checked here."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as connection:
        connection.sendall(request)
        with http.client.HTTPResponse(connection) as answer:
            answer.begin()
            body = answer.read()
        assert connection.recv(1) == b"", "the connection ends"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["OData-Version"] == "4.0"
    assert answer.headers["Connection"] == "close"
    assert int(answer.headers["Content-Length"]) == len(body)
    error = json.loads(body)["error"]
    assert error["message"]
    return answer.status, error["code"]


@pytest.mark.parametrize("size", [65_536, 100_000, 1_000_000])
def test_a_url_that_is_far_too_long_is_414(port: int, size: int) -> None:
    url = b"/odata/v4/Results?$filter=" + b"a" * size
    request = b"GET " + url + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert refusal(port, request) == (414, "UriTooLong")


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /odata/v4/Results?$filter=userName eq 'a' HTTP/1.1",
        "GET /odata/v4/Results?$filter=userName%20eq%20'é' HTTP/1.1".encode(),
        "GET /odata/v4/Résultats HTTP/1.1".encode("latin-1"),
        b"FETCH /odata/v4/ HTTP/1.1",
        b"hello",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS on the port of HTTP
    ],
)
def test_what_is_no_request_is_told_how_to_become_one(port: int, request_line: bytes) -> None:
    assert refusal(port, request_line + b"\r\nHost: localhost\r\n\r\n") == (400, "InvalidSyntax")
