"""Shared parts of the benchmarks: servers in separate processes, a client, and the table.

Everything is on loopback. Figures are ratios of medians from one run wherever something can be
compared with; absolute figures only show the size.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
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

from gateway.sandbox import make_token

SECRET = "a secret of at least thirty-two bytes"
IDENTITY = {"Accept-Encoding": "identity"}
GZIP = {"Accept-Encoding": "gzip"}


@dataclass(frozen=True, slots=True)
class Line:
    """A measure and its goal, if any. `unit` is empty for a ratio; `at_least`: the goal's side."""

    measure: str
    value: float
    goal: float | None
    figures: str
    unit: str = ""
    at_least: bool = False

    def says(self) -> tuple[str, str, str]:
        """Return value, goal and whether it is met, as texts."""
        if self.goal is None:
            return self._text(self.value), "", ""
        met = self.value >= self.goal if self.at_least else self.value <= self.goal
        goal = f"{'>=' if self.at_least else '<='} {self._text(self.goal)}"
        return self._text(self.value), goal, "met" if met else "missed"

    def _text(self, number: float) -> str:
        digits = 0 if self.unit == "MiB" or (self.unit == "ms" and number >= 10) else 2
        return f"{number:,.{digits}f} {self.unit}".rstrip()


def table(title: str, lines: list[Line]) -> None:
    """Print measures, goals, whether they are met, and what was compared."""
    print(f"\n{title}\n")
    print(f"{'measure':<57} {'value':>10}  {'goal':<12} {'':<6}  figures")
    for line in lines:
        value, goal, verdict = line.says()
        print(
            f"{line.measure:<57} {value:>10}  {goal:<12} {verdict:<6}  {line.figures}", flush=True
        )


@dataclass(frozen=True, slots=True)
class Process:
    """A running server; `pid` identifies it for memory measurements."""

    url: str
    pid: int

    def peak_mebibytes(self) -> float:
        """Return its peak memory (VmHWM)."""
        return self._status("VmHWM")

    def mebibytes(self) -> float:
        """Return its current memory (VmRSS)."""
        return self._status("VmRSS")

    def _status(self, name: str) -> float:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) / 1024
        raise LookupError(name)


@contextmanager
def sandbox(rows: int) -> Iterator[Process]:
    """Run the sandbox Analytics API as a process; see `delay`."""
    port = free_port()
    command = [sys.executable, "-m", "gateway.sandbox", "--port", str(port), "--admin"]
    command += ["--rows", str(rows), "--secret", SECRET]
    with _process(command, f"http://127.0.0.1:{port}", "/health", 180) as started:
        yield started


def delay(upstream: str, seconds: float) -> None:
    """Make the sandbox delay each page by this time."""
    link = connect(upstream)
    body = f'{{"latencySeconds": {seconds}}}'
    link.request("POST", "/sandbox/faults", body, {"Content-Type": "application/json"})
    response = link.getresponse()
    if response.status >= 300:
        raise RuntimeError(f"{upstream}: {response.status} {response.read()[:300]!r}")


@contextmanager
def gateway(upstream: str, *options: str, module: str = "gateway") -> Iterator[Process]:
    """Run the gateway as a process; its URL is the service root. `module` has the command."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        token = Path(folder) / "token"
        token.write_text(make_token(SECRET, expires_in_seconds=86_400))
        command = [sys.executable, "-c", _SERVE[module], "serve"]
        command += ["--port", str(port), "--upstream", upstream, "--token-file", str(token)]
        base = f"http://127.0.0.1:{port}"
        with _process([*command, *options], base, "/healthz", 30) as started:
            yield Process(f"{base}/odata/v4/", started.pid)


_SERVE = {
    "gateway": "from gateway.cli import main; main()",
    "watched": "from benchmarks.watched import main; main()",
}


@contextmanager
def _process(command: list[str], base: str, ready: str, patience: float) -> Iterator[Process]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            _wait_for(base + ready, process, patience)
            yield Process(base, process.pid)
        except BaseException:
            log.seek(0)
            print(log.read()[-2_000:].decode(errors="replace"), file=sys.stderr)
            raise
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
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
            time.sleep(0.02)
        else:
            return
    raise TimeoutError(url)


def free_port() -> int:
    """Return a loopback port that was free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def connect(url: str) -> http.client.HTTPConnection:
    """Open a persistent connection."""
    return http.client.HTTPConnection(urlsplit(url).netloc, timeout=600)


def ask(url: str, link: http.client.HTTPConnection, headers: dict[str, str]) -> tuple[float, bytes]:
    """Return the time of the body's first byte (`perf_counter`), and the body as on the wire.

    Fails unless the response is 200.
    """
    parts = urlsplit(url)
    link.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path, None, headers)
    response = link.getresponse()
    first = response.read(1)
    came = time.perf_counter()
    body = first + response.read()
    if response.status != 200:
        raise RuntimeError(f"{url}: {response.status} {body[:300]!r}")
    return came, body


def get(url: str, link: http.client.HTTPConnection | None = None, **headers: str) -> bytes:
    """Return the body as on the wire; fail unless the response is 200."""
    return ask(url, link or connect(url), headers)[1]


def seconds(run: Callable[[], object]) -> float:
    """Return the duration of a run."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def medians(times: int, *runs: Callable[[], object]) -> list[float]:
    """Return the median seconds of each, measured in turn, so that other load affects all."""
    samples: list[list[float]] = [[] for _ in runs]
    for run in runs:
        run()  # warm
    for _ in range(times):
        for run, sample in zip(runs, samples, strict=True):
            sample.append(seconds(run))
    return [statistics.median(sample) for sample in samples]
