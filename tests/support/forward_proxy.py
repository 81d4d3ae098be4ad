"""A forward proxy on loopback, as companies have one: CONNECT (RFC 9110, 9.3.6) and plain requests.

With `password` it asks for it (407), with `refuses` it answers 403. With an `authority` it opens
TLS as an inspecting proxy does: clients get a certificate of its own for each host, and the host
itself, which is here on loopback, gets plain HTTP.
"""

from __future__ import annotations

import base64
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from socketserver import BaseRequestHandler, ThreadingTCPServer
from urllib.parse import urlsplit

import trustme


@dataclass
class ForwardProxy:
    """How it behaves, where clients were led (`tunnels`), and each host's real address."""

    address: dict[str, tuple[str, int]]
    password: str = ""
    refuses: bool = False
    authority: trustme.CA | None = None
    tunnels: list[str] = field(default_factory=list)
    port: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        user = f"{self.password}@" if self.password else ""
        return f"http://{user}127.0.0.1:{self.port}"

    def serve(self, client: socket.socket) -> None:
        head = _head(client)
        status = self._status(head)
        if status:
            realm = 'Proxy-Authenticate: Basic realm="proxy"\r\n' if "407" in status else ""
            client.sendall(f"HTTP/1.1 {status}\r\n{realm}Content-Length: 0\r\n\r\n".encode())
            return
        method, target, version = head.partition("\r\n")[0].split()
        parts = urlsplit(target if method != "CONNECT" else f"//{target}")
        self.tunnels.append(parts.netloc)
        with socket.create_connection(self.address[parts.netloc], timeout=20) as host:
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                with self._opened(client, parts.hostname or "") as opened:
                    self._copy(opened, host)
                return
            path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
            rest = head.partition("\r\n")[2]
            host.sendall(f"{method} {path} {version}\r\n{rest}".encode("latin-1"))
            self._copy(client, host)

    def _status(self, head: str) -> str:
        wanted = f"Basic {base64.b64encode(self.password.encode()).decode()}"
        if self.password and f"proxy-authorization: {wanted}".lower() not in head.lower():
            return "407 Proxy Authentication Required"
        return "403 Forbidden" if self.refuses else ""

    def _opened(self, client: socket.socket, host: str) -> socket.socket:
        if self.authority is None:
            return client
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(host).configure_cert(context)
        return context.wrap_socket(client, server_side=True)

    def _copy(self, one: socket.socket, other: socket.socket) -> None:
        """Copy both ways until one end closes, or the proxy ends."""
        to = {one: other, other: one}
        while not self.ended.is_set():
            has_more = isinstance(one, ssl.SSLSocket) and one.pending() > 0
            for each in [one] if has_more else select.select([*to], [], [], 0.05)[0]:
                data = each.recv(65_536)
                if not data:
                    return
                to[each].sendall(data)


def _head(client: socket.socket) -> str:
    found = b""
    while not found.endswith(b"\r\n\r\n"):
        byte = client.recv(1)  # a body that follows stays for whom it is meant
        if not byte:
            raise ConnectionError
        found += byte
    return found.decode("latin-1")


@contextmanager
def running_proxy(proxy: ForwardProxy) -> Iterator[ForwardProxy]:
    """Serve on a free port, in threads of its own."""

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(20)
            with suppress(OSError):
                proxy.serve(self.request)

    class Server(ThreadingTCPServer):
        daemon_threads = False  # the end waits for them

    with Server(("127.0.0.1", 0), Handler) as server:
        proxy.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield proxy
        finally:
            proxy.ended.set()
            server.shutdown()
            thread.join(10)
