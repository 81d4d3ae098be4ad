"""Peak memory above an idle gateway, and the time until a gateway with a snapshot is ready."""

from __future__ import annotations

import tempfile
import time

from benchmarks.reading import follow
from benchmarks.support import IDENTITY, Line, gateway


def extracted(upstream: str, kept: tuple[str, ...]) -> Line:
    """Extract all rows into a data directory and serve them to one client, in one process."""
    with gateway(upstream, *kept) as server:
        idle = server.mebibytes()
        feed = follow(server.url + "Results", IDENTITY)
        peak = server.peak_mebibytes() - idle
    figures = f"{idle:,.0f} MiB idle; {len(feed.links)} pages in {feed.seconds:.1f} s"
    return Line("peak memory above idle, extracting and serving", peak, 700, figures, "MiB")


def from_disk(upstream: str, kept: tuple[str, ...]) -> list[Line]:
    """Start a new process over the same directory; idle is one over an empty directory."""
    with tempfile.TemporaryDirectory() as empty:
        started = time.perf_counter()
        with gateway(upstream, "--data-dir", empty) as server:
            bare = time.perf_counter() - started
            idle = server.mebibytes()
    started = time.perf_counter()
    with gateway(upstream, *kept) as server:
        ready = time.perf_counter() - started
        feed = follow(server.url + "Results", IDENTITY)
        peak = server.peak_mebibytes() - idle
    figures = f"{idle:,.0f} MiB idle; {len(feed.links)} pages, first time, in {feed.seconds:.1f} s"
    return [
        Line("peak memory above idle, serving from disk", peak, 200, figures, "MiB"),
        Line("ready after serve", ready, 2, f"with an empty directory {bare:.2f} s", "s"),
    ]
