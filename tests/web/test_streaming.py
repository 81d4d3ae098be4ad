"""Files on a real socket: back-pressure, clients that leave, and failures on the way.

Real feeds are too short for that, so the service's place is taken by one whose file never ends.
"""

from __future__ import annotations

import http.client
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import urlsplit

import anyio.to_thread
import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.auth.authenticator import OpenAuthenticator
from gateway.auth.principal import Principal
from gateway.contract.loader import built_in_contract, load_contract
from gateway.edge.admission import Admission
from gateway.edge.proxies import TrustedProxies
from gateway.edge.public_root import PublicRoot
from gateway.observe import Observer
from gateway.query.bind.query import bind
from gateway.query.request import parse_request
from gateway.service.messages import ExportStream, PlannedRequest
from gateway.web.odata import ODataEndpoint
from gateway.web.slow_clients import TimeLimitedProtocol
from tests.support.live import FIELDS, running

SCHEMA = load_contract(built_in_contract(), FIELDS).schema
PART = b"x" * 1_000_000


class EndlessService:
    """Its file has parts without end, or breaks off after some; counts what was made and freed."""

    def __init__(self, breaks_after: int | None = None) -> None:
        self.breaks_after = breaks_after
        self.made = 0
        self.freed = threading.Event()

    async def understand(self, raw_path: bytes, raw_query: bytes, root: str) -> PlannedRequest:
        request = parse_request(raw_path, raw_query, root)
        return PlannedRequest(request, bind(request, SCHEMA))

    @asynccontextmanager
    async def export(self, *_: object) -> AsyncIterator[ExportStream]:
        try:
            yield ExportStream(self._parts(), "text/csv", ())
        finally:
            self.freed.set()

    async def _parts(self) -> AsyncIterator[bytes]:
        while self.made != self.breaks_after:
            self.made += 1
            yield await anyio.to_thread.run_sync(lambda: PART)  # as the service makes its parts
        raise OSError("the disk is gone")


class OneTenant:
    """The same service for everybody."""

    def __init__(self, service: Any) -> None:
        self._service = service

    def service_of(self, principal: Principal) -> Any:
        return self._service


@contextmanager
def asked(service: Any, protocol: type[HttpToolsProtocol] | None = None) -> Iterator[socket.socket]:
    """A connection on which the file was asked for."""
    endpoint = ODataEndpoint(
        Admission(OpenAuthenticator(), OneTenant(service)),
        PublicRoot(None, TrustedProxies()),
        Observer(logging.getLogger("test")),
    )
    with running(endpoint, protocol=protocol) as base:
        place = urlsplit(base)
        assert place.hostname is not None
        assert place.port is not None
        with socket.create_connection((place.hostname, place.port), timeout=10) as connection:
            line = b"GET /odata/v4/Results?$format=csv HTTP/1.1\r\nHost: localhost\r\n\r\n"
            connection.sendall(line)
            yield connection


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_client_that_leaves_frees_what_the_file_was_made_from() -> None:
    service = EndlessService()
    with asked(service) as connection:
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        assert not service.freed.is_set()
        connection.close()
        assert service.freed.wait(10)


def test_nothing_is_made_that_the_client_does_not_read() -> None:
    service = EndlessService()
    with asked(service) as connection:
        connection.recv(1000)
        made = -1
        while service.made != made:  # until the buffers on the way are full
            made = service.made
            time.sleep(0.3)
        assert made < 20
        for _ in range(30 * len(PART) // 65_536):
            connection.recv(65_536)
        wait_until(lambda: service.made > made)


class Impatient(TimeLimitedProtocol):
    stalled_seconds = 0.2


def test_a_client_that_reads_nothing_for_long_is_hung_up_on() -> None:
    """It is still there: only a timeout tells that it will never read."""
    service = EndlessService()
    with asked(service, Impatient) as connection:
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        assert service.freed.wait(10)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_file_that_breaks_off_does_not_look_whole() -> None:
    service = EndlessService(breaks_after=3)
    with asked(service) as connection, http.client.HTTPResponse(connection) as response:
        response.begin()
        assert response.status == 200
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            response.read()
        assert service.freed.wait(10)
