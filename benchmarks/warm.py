"""Requests to an existing snapshot, against nginx with the same bytes and DuckDB with the same SQL.

`python -m benchmarks.warm [ROWS]`; ROWS is 1,000,000 unless given. One extract, kept on
disk, serves all measures. nginx is omitted if it is not installed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from benchmarks.latency import latency
from benchmarks.memory import extracted, from_disk
from benchmarks.queries import queries
from benchmarks.reading import follow, read_all
from benchmarks.requests import request_rates
from benchmarks.static import HERE, nginx
from benchmarks.support import GZIP, IDENTITY, Line, gateway, get, medians, sandbox, table

_TIMES = 7
FOREVER = ("--fresh-for", "1000000")


def warm(rows: int) -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kept = ("--data-dir", name, *FOREVER)
        with sandbox(rows) as upstream:
            lines = [extracted(upstream.url, kept)]
            url = upstream.url
        lines += from_disk(url, kept)
        table(f"Memory and start with {rows:,} rows", lines)
        with gateway(url, *kept) as server:
            table(f"Warm feed of {rows:,} rows", _feeds(server.url, rows))
            table("Repeated small page", request_rates(server.url))
        table(f"Queries on {rows:,} rows", queries(url, folder, kept, rows))
        table(f"Waiting, {rows:,} rows", latency(url, kept, rows))


def _feeds(root: str, rows: int) -> list[Line]:
    links = follow(root + "Results", IDENTITY).links
    if not HERE:
        print("\nnginx is not installed: what it is compared with is left out")
        [plain] = medians(_TIMES, lambda: read_all(links, IDENTITY))
        return [_speed(rows / plain)]
    pages = (get(link, None, **IDENTITY) for link in links)
    with nginx(pages) as files:
        ours, theirs, packed, theirs_packed = medians(
            _TIMES,
            lambda: read_all(links, IDENTITY),
            lambda: read_all(files, IDENTITY),
            lambda: read_all(links, GZIP),
            lambda: read_all(files, GZIP),
        )
    return [
        Line(
            "warm feed, gzip: time / nginx gzip_static",
            packed / theirs_packed,
            1.5,
            f"{rows / packed:,.0f} rows/s vs {rows / theirs_packed:,.0f}",
        ),
        Line(
            "warm feed, identity: rows/s / nginx",
            theirs / ours,
            0.4,
            f"{rows / ours:,.0f} rows/s vs {rows / theirs:,.0f}",
            at_least=True,
        ),
        _speed(rows / ours),
    ]


def _speed(rate: float) -> Line:
    what = "warm feed, identity, one client: rows/s / 250,000"
    return Line(what, rate / 250_000, 1, f"{rate:,.0f} rows/s", at_least=True)


if __name__ == "__main__":
    started = time.perf_counter()
    warm(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
    print(f"\n{time.perf_counter() - started:.0f} s")
