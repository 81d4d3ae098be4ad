"""Real servers on loopback for tests: a sandbox Analytics API and a gateway in front of it.

httpx's ASGITransport buffers whole bodies and sends no lifespan, so what is on the wire is tested
on a real socket.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp

from gateway.app import create_app
from gateway.config import STATED, Settings, load_settings
from gateway.observe import Clock
from gateway.sandbox import Dataset, create_sandbox, make_token
from gateway.web.bad_http import ODataProtocol

SECRET = "a secret of at least thirty-two bytes"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients of plain HTTP: loading the system's authorities takes longer than many a test."""
FIELDS = (("department", "cf_department"), ("region", "cf_region"), ("jobTitle", "cf_job_title"))


class _Server(uvicorn.Server):
    """Stops at once; uvicorn itself looks ten times a second whether it is to stop.

    The tests start and stop hundreds of servers.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = asyncio.Event()

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), 0.1)

    def end(self) -> None:
        """Stop serving; called in another thread."""
        self.should_exit = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._told.set)


@contextmanager
def running(
    app: ASGIApp, *, date_header: bool = True, protocol: type[asyncio.Protocol] | None = None
) -> Iterator[str]:
    """Serve an ASGI application on a free loopback port; yields its base URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            app,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            date_header=date_header,
            http=protocol or "auto",
            timeout_graceful_shutdown=2,
        )
        server = _Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        _wait_until(lambda: server.started or not thread.is_alive())
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.end()
            thread.join(10)


def _wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the server did not start")
        time.sleep(0.005)


@dataclass(frozen=True, slots=True)
class Bridge:
    """A gateway in front of a sandbox. `client` asks the gateway, relative to `/odata/v4/`."""

    root: str
    upstream: str
    sandbox: Any
    client: httpx.Client

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """GET below the service root; the path goes out as it is written here."""
        return self.client.get(self.root + path, headers=headers)

    def feed(self, path: str, headers: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """All rows of a feed, through its nextLinks."""
        rows: list[dict[str, Any]] = []
        url: str | None = self.root + path
        while url:
            answer = self.client.get(url, headers=headers)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            rows += page["value"]
            url = page.get("@odata.nextLink")
        return rows


@dataclass(slots=True)
class Ahead:
    """A clock that a test sets forward, in the place of sleeping."""

    seconds: float = 0.0

    @property
    def clock(self) -> Clock:
        """The gateway's clock: `seconds` ahead of the computer's."""
        return Clock(
            lambda: datetime.now(UTC) + timedelta(seconds=self.seconds),
            lambda: time.monotonic() + self.seconds,
        )


@contextmanager
def bridge(
    rows: Dataset | Iterable[Mapping[str, object]],
    *,
    settings: Mapping[str, object] | None = None,
    gateway_clock: Clock | None = None,
    **sandbox_options: Any,
) -> Iterator[Bridge]:
    """A sandbox over `rows` and a gateway, both on real sockets; settings as in TOML."""
    sandbox = create_sandbox(rows, secret=SECRET, **sandbox_options)
    with (
        running(sandbox, date_header=False) as upstream,
        served(upstream, settings, gateway_clock) as root,
        httpx.Client(timeout=30, verify=NO_TLS) as client,
    ):
        yield Bridge(root, upstream, sandbox, client)


@contextmanager
def served(
    upstream: str, settings: Mapping[str, object] | None = None, clock: Clock | None = None
) -> Iterator[str]:
    """A gateway in front of an upstream that already runs; yields the service root."""
    with tempfile.TemporaryDirectory() as folder:
        token_file = Path(folder) / "token"
        token_file.write_text(make_token(SECRET), "utf-8")
        wanted = {"upstream": upstream, "token_file": str(token_file), "custom_field": FIELDS}
        app = create_app(settings_from({**wanted, **(settings or {})}), clock=clock)
        with running(app, protocol=ODataProtocol) as base:
            yield f"{base}/odata/v4/"


def settings_from(values: Mapping[str, object]) -> Settings:
    """Settings as the command line would give them; `toml` are tables of the configuration file.

    What the contract states counts as proved, so that queries go upstream before any extract.
    """
    given = {"trust": STATED, **values}
    toml = str(given.pop("toml", ""))
    pairs = values.get("custom_field", FIELDS)
    assert isinstance(pairs, tuple)
    given["custom_field"] = [f"{name}={field}" for name, field in pairs]
    return load_settings(given, {}, toml)


def shared_folder() -> Path | None:
    """The optional reference data beside the checkout; None in a newcomer's clone."""
    named = os.environ.get("SKILLHABIT_SHARED")
    folder = Path(named) if named else Path(__file__).parents[3] / "shared"
    return folder if folder.is_dir() else None
