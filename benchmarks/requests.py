"""A small page requested repeatedly, by a client that only reads bytes."""

from __future__ import annotations

import socket
import time
from statistics import median
from urllib.parse import urlsplit

from benchmarks.static import HERE, nginx
from benchmarks.support import GZIP, IDENTITY, Line, get

_SECONDS = 1.0
_TIMES = 5
_SIZE = 63_000


def request_rates(root: str) -> list[Line]:
    """Yield requests a second against nginx; nothing if nginx is not installed."""
    if not HERE:
        return []
    url = _page_of(root, _SIZE)
    with nginx([get(url, None, **IDENTITY)]) as (file,):
        return [_line(url, file, "identity", IDENTITY), _line(url, file, "gzip", GZIP)]


def _page_of(root: str, size: int) -> str:
    """Return a page of about that many bytes."""
    sample = len(get(f"{root}Results?$top=200", None, **IDENTITY)) / 200
    return f"{root}Results?$top={round(size / sample)}"


def _line(url: str, file: str, name: str, headers: dict[str, str]) -> Line:
    rates = [(_rate(url, headers), _rate(file, headers)) for _ in range(_TIMES)]
    ours, theirs = (median(found) for found in zip(*rates, strict=True))
    size = len(get(url, None, **headers))
    what = f"small page, {name}: requests/s / nginx"
    figures = f"{ours:,.0f}/s vs {theirs:,.0f}/s, {size:,} bytes"
    return Line(what, ours / theirs, 0.22, figures, at_least=True)


def _rate(url: str, headers: dict[str, str]) -> float:
    parts = urlsplit(url)
    lines = [f"GET {parts.path}?{parts.query} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    request = ("\r\n".join(lines) + "\r\n\r\n").encode()
    buffer = bytearray(1 << 20)
    assert parts.hostname is not None
    with socket.create_connection((parts.hostname, parts.port or 80)) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _exchange(link, request, buffer)
        started, count = time.perf_counter(), 0
        while time.perf_counter() - started < _SECONDS:
            _exchange(link, request, buffer)
            count += 1
        return count / (time.perf_counter() - started)


def _exchange(link: socket.socket, request: bytes, buffer: bytearray) -> None:
    """Send a request and read its whole response, which must be 200 and state its length."""
    link.sendall(request)
    view, got, end = memoryview(buffer), 0, 0
    while not end or got < end:
        got += link.recv_into(view[got:])
        if not end and (head := buffer.find(b"\r\n\r\n", 0, got)) >= 0:
            fields = bytes(view[:head]).lower()
            assert fields.startswith(b"http/1.1 200"), fields
            length = fields.partition(b"content-length: ")[2].partition(b"\r\n")[0]
            end = head + 4 + int(length)
