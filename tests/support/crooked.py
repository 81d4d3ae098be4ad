"""A relay in front of a real Analytics API that goes wrong on the wire, byte by byte, when told to.

It speaks HTTP/1.1 on plain sockets, because a server framework would not send what it sends here.
"""

from __future__ import annotations

import http.client
import json
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

Misdeed = Callable[[socket.socket, bytes], None]
"""What is done on the connection in the place of sending the upstream's answer."""


@dataclass
class Crooked:
    """The relay; `misdeed` None lets answers through, and so do the next `honest` calls."""

    upstream: str
    misdeed: Misdeed | None = None
    honest: int = 0
    calls: int = 0
    url: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def heal(self) -> None:
        self.misdeed, self.honest = None, 0

    def answer(self, connection: socket.socket, head: bytes, body: bytes) -> None:
        with self._lock:
            self.calls += 1
            misdeed = None if self.honest else self.misdeed
            self.honest = max(0, self.honest - 1)
        status, content = self._ask(head, body)
        if misdeed is None:
            connection.sendall(whole(content, status))
        else:
            with suppress(OSError):  # who asked may have left
                misdeed(connection, content)

    def _ask(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        kept = {n: v for n, v in headers.items() if n.lower() in ("authorization", "content-type")}
        place = urlsplit(self.upstream)
        assert place.hostname is not None
        upstream = http.client.HTTPConnection(place.hostname, place.port, timeout=10)
        try:
            upstream.request("POST", lines[0].split(" ")[1], body, kept)
            answer = upstream.getresponse()
            return answer.status, answer.read()
        finally:
            upstream.close()


@contextmanager
def crooked(upstream: str) -> Iterator[Crooked]:
    """A relay on a port of its own; each call comes on a connection of its own."""
    relay = Crooked(upstream)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = self.rfile.readline()
                if not line:
                    return
                head += line
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
            relay.answer(self.connection, head, self.rfile.read(length))

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        relay.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield relay
        finally:
            server.shutdown()
            thread.join(10)


def whole(body: bytes, status: int = 200, *headers: str) -> bytes:
    """An answer as it should be."""
    lines = [f"HTTP/1.1 {status} Whatever", "Content-Type: application/json", "Connection: close"]
    lines += [f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def refuses(status: int, *headers: str) -> Misdeed:
    """An error of the API."""
    text = json.dumps({"statusCode": status, "error": "Error", "message": "no"}).encode()
    return lambda connection, _: connection.sendall(whole(text, status, *headers))


def sends(body: bytes) -> Misdeed:
    """200 with something else."""
    return lambda connection, _: connection.sendall(whole(body))


def rewrites(change: Callable[[dict[str, Any]], object]) -> Misdeed:
    """200 with a body of the right shape that is not true."""

    def misdeed(connection: socket.socket, body: bytes) -> None:
        answer = json.loads(body)
        change(answer)
        connection.sendall(whole(json.dumps(answer).encode()))

    return misdeed


def resets(connection: socket.socket, _: bytes) -> None:
    """RST in the place of an answer."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def hangs_up(connection: socket.socket, _: bytes) -> None:
    """The end in the place of an answer."""


def says_nothing(connection: socket.socket, _: bytes) -> None:
    """No byte until the client leaves."""
    _wait(connection)


def stops_in_the_body(connection: socket.socket, body: bytes) -> None:
    """A half of the body, then no byte until the client leaves."""
    connection.sendall(whole(body)[: -len(body) // 2])
    _wait(connection)


def breaks_off(connection: socket.socket, body: bytes) -> None:
    """A half of the body, then the end."""
    connection.sendall(whole(body)[: -len(body) // 2])


def _wait(connection: socket.socket) -> None:
    connection.settimeout(5)
    deadline = time.monotonic() + 5
    try:
        while connection.recv(1000) and time.monotonic() < deadline:
            pass
    except OSError:
        return
