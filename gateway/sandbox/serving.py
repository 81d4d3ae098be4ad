"""A server for the sandbox: uvicorn on a socket.

The application sends `Date` itself, so uvicorn must run with `date_header=False`, or on its own
command line with `--no-date-header`.
"""

import socket
from threading import Thread
from types import TracebackType

import uvicorn
from starlette.types import ASGIApp

_SHUTDOWN_TIMEOUT_SECONDS = 1


class SandboxServer(uvicorn.Server):
    """A server that is bound on construction: from then on clients can connect, and wait.

    `base_url` has no slash at its end. For port 0 it has the port in use.
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
        """Serve in a new thread until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread, hanging responses included, and wait until it ends."""
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
    """Return the configuration of uvicorn for a sandbox: without `Date` and access log."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        date_header=False,
        access_log=False,
        log_config=None,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=_SHUTDOWN_TIMEOUT_SECONDS,
    )


def run_sandbox(app: ASGIApp, host: str = "127.0.0.1", port: int = 0) -> SandboxServer:
    """Serve a sandbox in a new thread; call `stop` or use a `with` statement.

    Raises:
        OSError: the port is taken.
    """
    server = SandboxServer(serve_config(app, host, port))
    server.start()
    return server
