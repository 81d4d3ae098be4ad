"""`python -m benchmarks.soak`: see the package. Exits with 1 if anything was wrong.

SOAK_SECONDS is 600 unless given, SOAK_ROWS 20,000; SOAK_SHARING is `directory` or `redis`.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from contextlib import AsyncExitStack, suppress

import aiohttp

from benchmarks.soak.asking import Asker, Stumble
from benchmarks.soak.clients import (
    Copy,
    Round,
    blunder,
    export,
    leave,
    preview,
    refresh,
    repeat,
    storm,
    summary,
)
from benchmarks.soak.ledger import Ledger
from benchmarks.soak.truth import Truth
from benchmarks.soak.world import Watch, World, quieten, trouble, world

_CLIENTS: tuple[tuple[Round, int], ...] = (
    (refresh, 12),
    (preview, 10),
    (storm, 10),
    (summary, 6),
    (export, 4),
    (blunder, 2),
    (leave, 2),
)
_COPIES = 4
_MOST_GROWTH = 1.15
_WARM_SECONDS = 300


def soak(seconds: float, rows: int, sharing: str) -> bool:
    """Run and print; return True if everything was correct."""
    truth, ledger = Truth.of(rows), Ledger()
    fresh_for = max(2.0, min(20.0, seconds / 10))
    with world(rows, fresh_for, keep=max(60.0, seconds / 5), sharing=sharing) as running:
        watch = Watch(running)
        asyncio.run(_run(running, truth, ledger, watch, seconds))
    people = sum(number for _, number in _CLIENTS) + _COPIES
    print(f"{people} clients, {rows:,} rows, {seconds:,.0f} s, two gateways that share a {sharing}")
    ledger.print()
    watch.print()
    grew = seconds >= _WARM_SECONDS and watch.growth() > _MOST_GROWTH
    return not ledger.problems and not grew


async def _run(running: World, truth: Truth, ledger: Ledger, watch: Watch, seconds: float) -> None:
    until = time.monotonic() + seconds
    async with AsyncExitStack() as stack:
        timeout = aiohttp.ClientTimeout(total=120)
        connector = aiohttp.TCPConnector(limit=0)
        http = await stack.enter_async_context(
            aiohttp.ClientSession(timeout=timeout, connector=connector)
        )
        numbers = range(sum(number for _, number in _CLIENTS) + _COPIES)
        askers = [Asker(running.bases, http, ledger, random.Random(n), until) for n in numbers]
        copies = [Copy() for _ in range(_COPIES)]
        rounds = [round_ for round_, number in _CLIENTS for _ in range(number)]
        rounds += [copy.catch_up for copy in copies]
        background = [
            asyncio.create_task(watch.run(max(0.5, seconds / 120))),
            asyncio.create_task(trouble(running.upstream, max(3.0, seconds / 60), until)),
        ]
        pairs = zip(askers, rounds, strict=True)
        await asyncio.gather(*(repeat(asker, truth, round_) for asker, round_ in pairs))
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await asyncio.to_thread(quieten, running.upstream)
        await asyncio.gather(*(_compared(copy, askers[0]) for copy in copies))


async def _compared(copy: Copy, asker: Asker) -> None:
    with suppress(Stumble):  # it is in the ledger
        await copy.compare(asker)


def main() -> None:
    """Read settings from the environment and run."""
    seconds = float(os.environ.get("SOAK_SECONDS", "600"))
    rows = int(os.environ.get("SOAK_ROWS", "20000"))
    sharing = os.environ.get("SOAK_SHARING", "directory")
    raise SystemExit(0 if soak(seconds, rows, sharing) else 1)


if __name__ == "__main__":
    main()
