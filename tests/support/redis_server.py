"""A real Redis on a free loopback port: started, killed, restarted, and behind a slow proxy."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
import redis


class RedisServer:
    """A server that keeps nothing on disk; `options` are those of redis-server."""

    def __init__(self, folder: Path, *options: str, password: str = "") -> None:
        self.port = _free_port()
        self.url = f"redis://:{password}@127.0.0.1:{self.port}/0"
        if not password:
            self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = redis.Redis(port=self.port, password=password or None, socket_timeout=5)
        secret = ("--requirepass", password) if password else ()
        self._command = [
            *("redis-server", "--port", str(self.port), "--bind", "127.0.0.1"),
            *("--save", "", "--appendonly", "no", "--dir", str(folder), *secret, *options),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while not self._answers():
            assert self._process.poll() is None, "redis-server ended at once"
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.02)

    def kill(self) -> None:
        """As kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def names(self) -> list[str]:
        """Of all keys that are in it."""
        return [key.decode() for key in self.client.scan_iter(count=1000)]

    def _answers(self) -> bool:
        with suppress(redis.exceptions.ConnectionError):
            return bool(self.client.ping())
        return False


@contextmanager
def running_redis(folder: Path, *options: str, password: str = "") -> Iterator[RedisServer]:
    """A server until the end of the block; the test is skipped where there is none."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed (Debian, Ubuntu: apt-get install redis-server)")
    server = RedisServer(folder, *options, password=password)
    try:
        server.start()
        yield server
    finally:
        server.client.close()
        server.kill()


class SlowProxy:
    """Passes bytes on, at `rate` bytes a second, while `flowing` is set."""

    def __init__(self, target: int) -> None:
        self.rate = 1e12
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.port = 0
        self._target = target
        self._pumps: set[asyncio.Task[None]] = set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target)
        for source, sink in ((reader, up_writer), (up_reader, writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._pumps.add(task)
            task.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                await self.flowing.wait()
                await asyncio.sleep(len(data) / self.rate)
                sink.write(data)
                await sink.drain()
        except OSError:
            pass
        finally:
            sink.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[SlowProxy]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            pumps = list(self._pumps)
            for task in pumps:
                task.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
