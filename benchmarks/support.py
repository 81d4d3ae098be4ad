"""What the benchmarks share: servers as processes of their own, and a client that reads feeds.

Every script prints ratios of medians from one run; absolute figures only show the size.
"""

from __future__ import annotations

import http.client
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

SECRET = "a secret of at least thirty-two bytes"
_NEXT = re.compile(rb'"@odata\.nextLink":"([^"]+)"\}\s*$')


@dataclass(frozen=True, slots=True)
class Process:
    """A server that runs; `pid` for looking at its memory."""

    url: str
    pid: int

    def peak_mebibytes(self) -> float:
        """The most memory it has held (VmHWM)."""
        return _status(self.pid, "VmHWM")

    def mebibytes(self) -> float:
        """The memory it holds now (VmRSS)."""
        return _status(self.pid, "VmRSS")


def _status(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    raise LookupError(name)


@contextmanager
def sandbox(rows: int, latency_seconds: float = 0.0) -> Iterator[Process]:
    """The sandbox Analytics API as a process, answering each page after the latency."""
    port = free_port()
    command = [sys.executable, "-m", "gateway.sandbox", "--port", str(port), "--admin"]
    command += ["--rows", str(rows), "--secret", SECRET]
    with _process(command, f"http://127.0.0.1:{port}", "/health", 180) as started:
        _post(started.url + "/sandbox/faults", f'{{"latencySeconds": {latency_seconds}}}')
        yield started


@contextmanager
def gateway(upstream: str, *options: str) -> Iterator[Process]:
    """The gateway as a process; its URL is the service root."""
    from gateway.sandbox import make_token

    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        token = Path(folder) / "token"
        token.write_text(make_token(SECRET, expires_in_seconds=86_400))
        command = [sys.executable, "-c", "from gateway.cli import main; main()", "serve"]
        command += ["--port", str(port), "--upstream", upstream, "--token-file", str(token)]
        base = f"http://127.0.0.1:{port}"
        with _process([*command, *options], base, "/healthz", 30) as started:
            yield Process(f"{base}/odata/v4/", started.pid)


@contextmanager
def _process(command: list[str], base: str, ready: str, patience: float) -> Iterator[Process]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        _wait_for(base + ready, process, patience)
        yield Process(base, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes], patience: float) -> None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{url}: the server ended with {process.returncode}")
        try:
            get(url)
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(url)


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def connect(url: str) -> http.client.HTTPConnection:
    """A connection that is kept."""
    return http.client.HTTPConnection(urlsplit(url).netloc, timeout=600)


def get(url: str, connection: http.client.HTTPConnection | None = None, **headers: str) -> bytes:
    """The body as it is on the wire; fails unless the answer is 200."""
    link = connection or connect(url)
    parts = urlsplit(url)
    link.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path, None, headers)
    response = link.getresponse()
    body = response.read()
    if response.status != 200:
        raise RuntimeError(f"{url}: {response.status} {body[:300]!r}")
    return body


def _post(url: str, body: str) -> None:
    link = connect(url)
    link.request("POST", urlsplit(url).path, body, {"Content-Type": "application/json"})
    response = link.getresponse()
    if response.status >= 300:
        raise RuntimeError(f"{url}: {response.status} {response.read()[:300]!r}")


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed read to its end. Times in seconds; `size` in bytes on the wire."""

    seconds: float
    first_byte: float
    pages: int
    size: int


def read_feed(url: str, headers: dict[str, str], find_next: Callable[[bytes], bytes]) -> Feed:
    """Follow nextLinks on one connection; `find_next` gives the plain text of a body's end."""
    link = connect(url)
    started = time.perf_counter()
    first, pages, size = 0.0, 0, 0
    following: str | None = url
    while following:
        body = get(following, link, **headers)
        first = first or time.perf_counter() - started
        pages, size = pages + 1, size + len(body)
        found = _NEXT.search(find_next(body))
        following = found[1].decode() if found else None
    return Feed(time.perf_counter() - started, first, pages, size)


def median_of(run: Callable[[], float], times: int) -> float:
    """The median of some runs."""
    return statistics.median(run() for _ in range(times))


def table(title: str, rows: list[tuple[str, float, str, str]]) -> None:
    """Print measure, ratio, goal and what was compared."""
    print(f"\n{title}\n")
    print(f"{'measure':<58} {'ratio':>8}  {'goal':<10} figures")
    for measure, ratio, goal, figures in rows:
        print(f"{measure:<58} {ratio:>8.2f}  {goal:<10} {figures}")
