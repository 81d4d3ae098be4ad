"""Requests byte for byte as a client writes them, on a plain socket; answers unparsed.

httpx re-encodes URLs, merges headers and decompresses bodies. What a BI client sends, and what it
really gets back, is only to be seen without such help.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """Status, header lines in order, and the body as it came (still compressed)."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def every(self, name: str) -> list[str]:
        """All lines of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        """The one line of a header, None when absent; two lines of one header are a failure."""
        lines = self.every(name)
        assert len(lines) <= 1, f"{name} came {len(lines)} times: {lines}"
        return lines[0] if lines else None

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """One connection, kept alive over many requests."""

    def __init__(self, connection: socket.socket, host: str) -> None:
        self._connection = connection
        self._host = host

    def send(
        self, target: str, headers: Headers = (), *, method: str = "GET", body: bytes = b""
    ) -> WireAnswer:
        """Ask for `target` as it stands; `Host` is added unless `headers` has it."""
        given = [*headers]
        names = {name.lower() for name, _ in given}
        if "host" not in names:
            given.insert(0, ("Host", self._host))
        if body and "content-length" not in names:
            given.append(("Content-Length", str(len(body))))
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in given)]
        self._connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        with http.client.HTTPResponse(self._connection, method=method) as response:
            response.begin()
            content = response.read()
            return WireAnswer(response.status, tuple(response.getheaders()), content)


@contextmanager
def connected(root: str) -> Iterator[Wire]:
    """A connection to the server of `root`."""
    place = urlsplit(root)
    assert place.hostname is not None
    with socket.create_connection((place.hostname, place.port or 80), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield Wire(connection, place.netloc)


def send(
    root: str, target: str, headers: Headers = (), *, method: str = "GET", body: bytes = b""
) -> WireAnswer:
    """One request on a connection of its own; `target` starts with a slash."""
    with connected(root) as wire:
        return wire.send(target, headers, method=method, body=body)
