"""The whole feed as a file, and without nulls, against the same rows as pages of JSON.

`python -m benchmarks.formats [ROWS]`; ROWS is 300,000 unless given. Nothing is kept between
requests, so that each one renders its rows.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from urllib.parse import urlsplit

from benchmarks.support import Process, connect, gateway, get, read_feed, sandbox, table

_ALL = "Results?$filter=length(id)%20gt%200"
_SORTED = f"{_ALL}&$orderby=userName%20desc,id"
_FILES = ("text/csv", "csv", "arrow", "parquet")
_TIMES = 3


def main(rows: int) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder, sandbox(rows) as upstream:
        options = ("--data-dir", folder, "--page-budget", "0", "--fresh-for", "100000")
        with gateway(upstream.url, *options) as server:
            get(server.url + "Results?$top=2000")
            read_feed(server.url + _ALL, {}, bytes)
            idle = server.mebibytes()
            json = _pages(server, {})
            lines = [_omitting(server, json)]
            targets = {f"{name} / JSON": f"{_ALL}&$format={name}" for name in _FILES}
            targets["csv, sorted / JSON"] = f"{_SORTED}&$format=csv"
            lines += [_file(server, targets[name], name, json, rows) for name in targets]
            grown = server.peak_mebibytes() - idle
            largest = max(line[1] for line in _sizes(server))
            lines.append(
                (
                    "most memory above that after JSON / the largest file",
                    grown / largest,
                    "",
                    f"{grown:.0f} MiB vs {largest:.0f} MiB",
                )
            )
    table(f"Formats of {rows:,} rows", lines)


def _pages(server: Process, headers: dict[str, str]) -> tuple[float, int]:
    """Seconds and bytes of the feed in JSON."""
    runs = [read_feed(server.url + _ALL, headers, bytes) for _ in range(_TIMES)]
    return statistics.median(run.seconds for run in runs), runs[0].size


def _omitting(server: Process, json: tuple[float, int]) -> tuple[str, float, str, str]:
    seconds, size = _pages(server, {"Prefer": "omit-values=nulls"})
    figures = f"{seconds:.2f} s vs {json[0]:.2f} s; {size / json[1]:.2f} of the bytes"
    return ("JSON without nulls / JSON", seconds / json[0], "", figures)


def _file(
    server: Process, target: str, measure: str, json: tuple[float, int], rows: int
) -> tuple[str, float, str, str]:
    seconds = statistics.median(_stream(server, target)[0] for _ in range(_TIMES))
    size = _stream(server, target)[1]
    figures = f"{rows / seconds:,.0f} rows/s; {size / json[1]:.2f} of the bytes"
    return (measure, seconds / json[0], "", figures)


def _sizes(server: Process) -> list[tuple[str, float]]:
    return [(name, _stream(server, f"{_ALL}&$format={name}")[1] / 2**20) for name in _FILES]


def _stream(server: Process, target: str) -> tuple[float, int]:
    """Seconds and bytes of a file that is read as it comes and dropped."""
    link, parts = connect(server.url), urlsplit(server.url + target)
    started, size = time.perf_counter(), 0
    link.request("GET", f"{parts.path}?{parts.query}")
    response = link.getresponse()
    while part := response.read(1 << 20):
        size += len(part)
    return time.perf_counter() - started, size


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300_000)
