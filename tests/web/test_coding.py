"""Content codings of large pages on a real socket: the same bytes, their length, others' turn."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from gateway.sandbox import generate
from tests.support.live import Bridge, bridge
from tests.support.wire import send

PLAIN = (("Accept-Encoding", "identity"),)
PACKED = (("Accept-Encoding", "gzip"),)
PAGE = "/odata/v4/Results"


@pytest.fixture(scope="module")
def large() -> Iterator[Bridge]:
    """A gateway whose first page is some megabytes; all read, so that no page grows any more."""
    with bridge(generate(6_000)) as gateway:
        assert len(gateway.feed("Results")) == 6_000
        yield gateway


@pytest.mark.parametrize("target", [PAGE, f"{PAGE}?$top=100", f"{PAGE}?$top=3"])
def test_a_page_is_the_same_packed_and_plain_each_with_its_length(
    large: Bridge, target: str
) -> None:
    packed, plain = (send(large.root, target, coding) for coding in (PACKED, PLAIN))
    assert (packed.status, plain.status) == (200, 200)
    assert packed.header("Content-Encoding") == "gzip"
    assert plain.header("Content-Encoding") is None
    assert gzip.decompress(packed.body) == plain.body
    for answer, coding in ((packed, PACKED), (plain, PLAIN)):
        head = send(large.root, target, coding, method="HEAD")
        assert head.body == b""
        assert answer.header("Content-Length") == str(len(answer.body))
        assert head.header("Content-Length") == answer.header("Content-Length")


@pytest.mark.parametrize("reads", [0, 100_000])
def test_a_client_that_stops_reading_or_leaves_keeps_nobody_waiting(
    large: Bridge, reads: int
) -> None:
    address = urlsplit(large.root)
    assert address.hostname is not None
    assert address.port is not None
    with socket.create_connection((address.hostname, address.port), 10) as slow:
        request = f"GET {PAGE} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n"
        slow.sendall(request.encode())
        got = slow.recv(1)
        while len(got) < reads:
            got += slow.recv(reads - len(got))
        assert send(large.root, f"{PAGE}?$top=100", PLAIN).status == 200
    assert send(large.root, PAGE, PLAIN).status == 200
