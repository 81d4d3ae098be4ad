"""The gateways, the storage they share, the sandbox that fails now and then, and their monitor."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from benchmarks.soak.asking import PUBLIC
from benchmarks.soak.ledger import at
from benchmarks.support import Process, connect, free_port, gateway, sandbox

_FAULTS = (
    '{"errorNext": 2}',
    '{"rateLimitNext": 2, "retryAfterSeconds": 1}',
    '{"truncateNext": 1}',
    '{"latencySeconds": 0.05}',
    '{"hangNext": 1, "hangSeconds": 4}',
    '{"latencySeconds": 0.002}',
    '{"wrongShapeNext": 1, "wrongShape": "html"}',
)
_DRIFT = '{"driftEvery": 2, "driftChanges": 3, "driftKinds": ["touch", "touch", "insert"]}'
_QUIET = '{"driftEvery": 0, "latencySeconds": 0}'


@dataclass(frozen=True)
class World:
    """The running processes."""

    upstream: Process
    gateways: tuple[Process, ...]

    @property
    def bases(self) -> tuple[str, ...]:
        """URLs of the gateways, without the service's path."""
        return tuple(process.url.removesuffix("/odata/v4/") for process in self.gateways)


@contextmanager
def world(rows: int, fresh_for: float, *, keep: float, sharing: str) -> Iterator[World]:
    """Run two gateways that share a data directory, or each with its own through Redis.

    Snapshots are kept for `keep` seconds after they were read: an hour, as by default, would be
    longer than the run, and memory could not be seen to come to rest.
    """
    with ExitStack() as stack:
        upstream = stack.enter_context(sandbox(rows))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        options = ["--public-url", PUBLIC, "--fresh-for", str(fresh_for)]
        options += ["--full-refresh-every", str(fresh_for * 4), "--upstream-timeout", "3"]
        options += ["--token-lifetime", str(keep), "--delta-lifetime", str(keep)]
        options += ["--page-budget", "64"]
        redis = ("--redis", stack.enter_context(_redis(folder))) if sharing == "redis" else ()
        gateways = tuple(
            stack.enter_context(
                gateway(
                    upstream.url,
                    *(*options, *redis),
                    *("--data-dir", str(folder / (name if redis else "shared"))),
                    module="watched",
                )
            )
            for name in ("one", "two")
        )
        yield World(upstream, gateways)


@contextmanager
def _redis(folder: Path) -> Iterator[str]:
    if shutil.which("redis-server") is None:
        raise SystemExit("redis-server is not installed (Debian, Ubuntu: apt-get install ...)")
    port = free_port()
    options = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder))
    command = ["redis-server", "--port", str(port), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()


@dataclass
class Watch:
    """Memory (MiB) and the longest stall (ms) of each gateway, at intervals."""

    world: World
    started: float = field(default_factory=time.monotonic)
    memory: list[tuple[float, tuple[float, ...]]] = field(default_factory=list)
    stalls: list[float] = field(default_factory=list)

    async def run(self, every: float) -> None:
        """Sample until cancelled."""
        async with aiohttp.ClientSession() as http:
            while True:
                sizes = tuple(process.mebibytes() for process in self.world.gateways)
                self.memory.append((time.monotonic() - self.started, sizes))
                for base in self.world.bases:
                    async with http.get(f"{base}/stall") as answer:
                        self.stalls.append(float(await answer.text()))
                await asyncio.sleep(every)

    def growth(self) -> float:
        """Return the median of the last third over that of the third before, of both gateways."""
        totals = [sum(sizes) for _, sizes in self.memory]
        third = len(totals) // 3
        if not third:
            return 1.0
        return at(totals[-third:], 0.5) / at(totals[third : 2 * third], 0.5)

    def print(self) -> None:
        """Return memory over time, and stalls, as text."""
        print(f"\n{'memory':<24} {'one':>9} {'two':>9}")
        for moment, sizes in self.memory[:: max(1, len(self.memory) // 10)]:
            print(f"after {moment:>5.0f} s            " + " ".join(f"{s:5,.0f} MiB" for s in sizes))
        print(f"last third of the time / the third before it: {self.growth():.2f}")
        print(
            f"\nlongest stall of an event loop in {len(self.stalls)} intervals: median"
            f" {at(self.stalls, 0.5):.0f} ms, p95 {at(self.stalls, 0.95):.0f} ms, longest"
            f" {max(self.stalls, default=0):.0f} ms"
        )


async def trouble(upstream: Process, every: float, until: float) -> None:
    """Change rows, and make something fail now and then."""
    _turn(upstream, _DRIFT)
    for fault in itertools.cycle(_FAULTS):
        await asyncio.sleep(every)
        if time.monotonic() > until:
            return
        await asyncio.to_thread(_turn, upstream, fault)


def quieten(upstream: Process) -> None:
    """Stop all changes and faults."""
    connection = connect(upstream.url)
    connection.request("DELETE", "/sandbox/faults")
    connection.getresponse().read()
    _turn(upstream, _QUIET)


def _turn(upstream: Process, switches: str) -> None:
    connection = connect(upstream.url)
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/sandbox/faults", switches, headers)
    response = connection.getresponse()
    if response.status != 200:
        raise RuntimeError(f"{switches}: {response.status} {response.read()!r}")
