"""A cold feed against the least work: fetching the same pages of the Analytics API.

`python -m benchmarks.cold [ROWS]`; ROWS is 300,000 unless given.
"""

from __future__ import annotations

import asyncio
import sys
import time
from statistics import median

import httpx

from benchmarks.reading import Feed, follow
from benchmarks.support import IDENTITY, SECRET, Line, delay, gateway, sandbox, seconds, table
from gateway.sandbox import make_token

_PAGE = 1_000
_CONCURRENCY = 4
_TIMES = 3


def cold(rows: int) -> None:
    """Print the table."""
    with sandbox(rows) as upstream:
        lines = _at(upstream.url, rows, 0.025, rival=1, goal=0.5)
        lines += _at(upstream.url, rows, 0.1, rival=_CONCURRENCY, goal=1.25)
    table(f"Cold feed of {rows:,} rows, pages of {_PAGE:,} rows upstream", lines)


def _at(upstream: str, rows: int, latency: float, *, rival: int, goal: float) -> list[Line]:
    """Measure feed and first byte while the upstream takes `latency` a page."""
    delay(upstream, latency)
    feeds, fetches = [], []
    for _ in range(_TIMES):
        feeds.append(_feed(upstream))
        fetches.append(seconds(lambda: asyncio.run(_fetch(upstream, rows, rival))))
    trip = asyncio.run(_round_trip(upstream))
    ours, theirs = median(f.seconds for f in feeds), median(fetches)
    first = median(f.first_byte for f in feeds)
    how = "in sequence" if rival == 1 else "in parallel, dropped"
    at = f"{latency * 1000:.0f} ms"
    return [
        Line(
            f"cold feed / pages fetched {how}, {at}",
            ours / theirs,
            goal,
            f"{ours:.1f} s vs {theirs:.1f} s",
        ),
        Line(
            f"first byte of the first page / page round trip, {at}",
            first / trip,
            3,
            f"{first * 1000:.0f} ms vs {trip * 1000:.0f} ms",
        ),
    ]


def _feed(upstream: str) -> Feed:
    """Read a full feed, in the default page size, from a gateway that has just started."""
    with gateway(upstream, "--upstream-concurrency", str(_CONCURRENCY)) as server:
        return follow(server.url + "Results", IDENTITY)


async def _fetch(upstream: str, rows: int, concurrency: int) -> None:
    """Fetch every page with httpx and drop it."""
    skips = iter(range(0, rows, _PAGE))
    async with _client(upstream) as client:

        async def worker() -> None:
            for skip in skips:
                await _page(client, skip)

        await asyncio.gather(*(worker() for _ in range(concurrency)))


async def _round_trip(upstream: str) -> float:
    """Return the median seconds of one page on an open connection, without creating the client."""
    async with _client(upstream) as client:
        await _page(client, 0)
        times = []
        for number in range(15):
            started = time.perf_counter()
            await _page(client, number * _PAGE)
            times.append(time.perf_counter() - started)
    return median(times)


def _client(upstream: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {make_token(SECRET)}"}
    return httpx.AsyncClient(base_url=upstream, headers=headers, timeout=60)


async def _page(client: httpx.AsyncClient, skip: int) -> None:
    options = {"limit": _PAGE, "skip": skip, "orderBy": "updatedAt", "order": "DESC"}
    answer = await client.post("/analyse/results", json={"options": options})
    answer.raise_for_status()


if __name__ == "__main__":
    started = time.perf_counter()
    cold(int(sys.argv[1]) if len(sys.argv) > 1 else 300_000)
    print(f"\n{time.perf_counter() - started:.0f} s")
