"""Serving a sandbox on a socket with uvicorn.

The application dates its answers itself, so uvicorn must run with `date_header=False`; `uvicorn`'s
own command needs `--no-date-header` for that.
"""

import socket
from threading import Thread
from types import TracebackType

import uvicorn
from starlette.types import ASGIApp

_GRACE_SECONDS = 1


class SandboxServer(uvicorn.Server):
    """A server that is bound when it is made: clients may connect (and wait) from then on.

    `base_url` has no slash at its end, and the port in use where port 0 was asked for.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
        self._socket = socket.create_server((config.host, config.port), family=family)
        host, port = self._socket.getsockname()[:2]
        self.base_url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._thread = Thread(target=self.serve_here, name="sandbox", daemon=True)

    def serve_here(self) -> None:
        """Serve in this thread until stopped."""
        self.run(sockets=[self._socket])

    def start(self) -> None:
        """Serve in a thread of its own until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread, hanging answers included, and wait for its end."""
        self.should_exit = True
        self._thread.join()

    def __enter__(self) -> "SandboxServer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def serve_config(app: ASGIApp, host: str = "127.0.0.1", port: int = 9000) -> uvicorn.Config:
    """Return how uvicorn serves a sandbox: no `Date` of its own, no access log."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        date_header=False,
        access_log=False,
        log_config=None,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )


def run_sandbox(app: ASGIApp, host: str = "127.0.0.1", port: int = 0) -> SandboxServer:
    """Serve a sandbox in a thread of its own; `stop` it, or use it in a `with` statement.

    Raises:
        OSError: the port is taken.
    """
    server = SandboxServer(serve_config(app, host, port))
    server.start()
    return server
