"""Cold and warm feeds against what is the least work: fetching the pages, or nginx with the bytes.

`python benchmarks/feed.py [ROWS]`; ROWS is 300,000 unless given. nginx is left out where it is not
installed. The gateway, the sandbox and nginx are processes of their own on loopback.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from isal import igzip

from benchmarks.support import (
    SECRET,
    Feed,
    Process,
    connect,
    free_port,
    gateway,
    get,
    read_feed,
    sandbox,
    table,
)
from gateway.sandbox import make_token

_PAGE = 1_000
_CONCURRENCY = 4
_IDENTITY = {"Accept-Encoding": "identity", "Prefer": "odata.maxpagesize=20000"}
_GZIP = {"Accept-Encoding": "gzip", "Prefer": "odata.maxpagesize=20000"}


def _plain(body: bytes) -> bytes:
    return body[-2_000:]


def _unpacked(body: bytes) -> bytes:
    return igzip.decompress(body)[-2_000:] if body[:2] == b"\x1f\x8b" else body[-2_000:]


async def _fetch_pages(upstream: str, rows: int, concurrency: int) -> float:
    """Seconds to fetch every page and drop it."""
    headers = {"Authorization": f"Bearer {make_token(SECRET)}"}
    skips = iter(range(0, rows, _PAGE))
    async with httpx.AsyncClient(base_url=upstream, headers=headers, timeout=60) as client:

        async def worker() -> None:
            for skip in skips:
                options = {"limit": _PAGE, "skip": skip, "orderBy": "updatedAt", "order": "DESC"}
                answer = await client.post("/analyse/results", json={"options": options})
                answer.raise_for_status()

        started = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(concurrency)))
        return time.perf_counter() - started


def _cold(upstream: str, rows: int) -> tuple[Feed, float]:
    """A full feed of a gateway that has just started, and the memory it took (MiB above idle)."""
    with gateway(upstream, "--upstream-concurrency", str(_CONCURRENCY)) as server:
        idle = server.mebibytes()
        feed = read_feed(server.url + "Results", _IDENTITY, _plain)
        return feed, server.peak_mebibytes() - idle


def cold(rows: int) -> None:
    """Ratios of a cold feed at two latencies."""
    lines = []
    for latency, rival, goal in ((0.025, 1, "<= 0.50"), (0.1, _CONCURRENCY, "<= 1.25")):
        with sandbox(rows, latency) as upstream:
            feed, memory = _cold(upstream.url, rows)
            fetched = asyncio.run(_fetch_pages(upstream.url, rows, rival))
            name = "in sequence" if rival == 1 else "in parallel, dropped"
            figures = f"{feed.seconds:.1f} s vs {fetched:.1f} s, {memory:.0f} MiB above idle"
            lines.append(
                (
                    f"cold feed / pages fetched {name}, {latency * 1000:.0f} ms",
                    feed.seconds / fetched,
                    goal,
                    figures,
                )
            )
            trip = fetched / (rows / _PAGE) * rival
            lines.append(
                (
                    f"first byte / page round trip, {latency * 1000:.0f} ms",
                    feed.first_byte / trip,
                    "< 3",
                    f"{feed.first_byte * 1000:.0f} ms vs {trip * 1000:.0f} ms",
                )
            )
    table(f"Cold feed of {rows:,} rows", lines)


@contextmanager
def nginx(folder: Path) -> Iterator[str]:
    """nginx serving a folder, gzip_static on."""
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log;\n"
        "events {}\n"
        f"http {{ access_log off; sendfile on; gzip_static on; server {{ listen 127.0.0.1:{port};"
        f" root {folder}/www; }} }}\n"
    )
    process = subprocess.Popen(["nginx", "-p", str(folder), "-c", str(config)])
    try:
        base = f"http://127.0.0.1:{port}"
        for _ in range(200):
            try:
                connect(base).connect()
                break
            except OSError:
                time.sleep(0.02)
        yield base
    finally:
        process.terminate()
        process.wait()


def warm(rows: int) -> None:
    """Ratios of a feed from a warm snapshot to nginx with the same bytes."""
    lines = []
    with sandbox(rows) as upstream, gateway(upstream.url) as server:
        read_feed(server.url + "Results", _IDENTITY, _plain)
        runs = {
            name: [read_feed(server.url + "Results", headers, ends) for _ in range(3)]
            for name, headers, ends in (
                ("identity", _IDENTITY, _plain),
                ("gzip", _GZIP, _unpacked),
            )
        }
        pages = _pages(server)
    for name, goal in (("identity", "<= 2.5"), ("gzip", "<= 1.5")):
        ours = statistics.median(feed.seconds for feed in runs[name])
        theirs = _nginx_seconds(pages, gzip=name == "gzip")
        if theirs is not None:
            figures = f"{rows / ours:,.0f} rows/s vs {rows / theirs:,.0f}"
            lines.append((f"warm feed, {name} / nginx, same bytes", ours / theirs, goal, figures))
    table(f"Warm feed of {rows:,} rows", lines)


def _pages(server: Process) -> list[bytes]:
    """The bodies of the feed, in order."""
    bodies: list[bytes] = []

    def keep(body: bytes) -> bytes:
        bodies.append(body)
        return _plain(body)

    read_feed(server.url + "Results", _IDENTITY, keep)
    return bodies


def _nginx_seconds(pages: list[bytes], *, gzip: bool) -> float | None:
    if shutil.which("nginx") is None:
        return None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "www").mkdir()
        for number, page in enumerate(pages):
            (folder / "www" / f"{number}.json").write_bytes(page)
            (folder / "www" / f"{number}.json.gz").write_bytes(igzip.compress(page, 1))
        with nginx(folder) as base:
            return statistics.median(_read_all(base, len(pages), gzip=gzip) for _ in range(3))


def _read_all(base: str, pages: int, *, gzip: bool) -> float:
    link = connect(base)
    ends = _unpacked if gzip else _plain
    started = time.perf_counter()
    for number in range(pages):
        encoding = "gzip" if gzip else "identity"
        ends(get(f"{base}/{number}.json", link, **{"Accept-Encoding": encoding}))
    return time.perf_counter() - started


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000
    print(f"{os.cpu_count()} cores")
    cold(wanted)
    warm(wanted)
