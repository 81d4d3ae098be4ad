"""A machine's needs by number of rows: disk, memory, time. For docs/operations.md.

`python -m benchmarks.sizing [ROWS ...]`; 10,000, 100,000 and 1,000,000 unless given. Each size has
a gateway of its own, whose Analytics API answers at once: a real one decides how long an extract
takes.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.reading import follow, read_all
from benchmarks.support import GZIP, gateway, sandbox, seconds

_MEBIBYTE = 1_048_576


@dataclass(frozen=True, slots=True)
class Size:
    """Measures of one size; memory in MiB, times in seconds."""

    rows: int
    disk: float
    idle: float
    after: float
    peak: float
    extract: float
    pages: float

    def says(self) -> str:
        """Return a row of the table in Markdown."""
        memory = " | ".join(f"{size:,.0f} MiB" for size in (self.idle, self.peak, self.after))
        times = f"{self.extract:,.1f} s | {self.pages:,.0f}"
        return f"| {self.rows:,} | {self.disk:,.1f} MiB | {memory} | {times} |"


def measure(rows: int) -> Size:
    """Extract and read once, then read the cached pages."""
    with tempfile.TemporaryDirectory() as name, sandbox(rows) as upstream:
        options = ("--data-dir", name, "--fresh-for", "1000000")
        with gateway(upstream.url, *options) as server:
            idle = server.mebibytes()
            extract = seconds(lambda: follow(f"{server.url}Users?$top=1", GZIP))
            links = follow(f"{server.url}Results", GZIP).links
            time.sleep(1)
            pages = len(links) / seconds(lambda: read_all(links, GZIP))
            disk = sum(path.stat().st_size for path in Path(name).glob("*.duckdb")) / _MEBIBYTE
            return Size(
                rows, disk, idle, server.mebibytes(), server.peak_mebibytes(), extract, pages
            )


def main(sizes: list[int]) -> None:
    """Print the table."""
    print("| rows | disk | idle | peak | after | extract | pages of 5,000 rows a second |")
    print("|---|---|---|---|---|---|---|")
    for rows in sizes:
        print(measure(rows).says(), flush=True)


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or [10_000, 100_000, 1_000_000])
