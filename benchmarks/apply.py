"""$apply through the gateway against the same SQL in DuckDB directly: time, and CPU a request.

`python -m benchmarks.apply [ROWS]`; ROWS is 100,000 unless given. CPU is that of the gateway's
process, all threads, in user and system mode.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import duckdb

from benchmarks.support import Line, connect, gateway, get, sandbox, table

_TIMES = 21
_TICKS = os.sysconf("SC_CLK_TCK")
_QUERIES = {
    "group by 2 columns, count and average": (
        "groupby((enrollmentType,state),aggregate($count as n,progress with average as a))",
        "SELECT to_json(r) FROM (SELECT enrollmentType, state, count(*) AS n, avg(progress) AS a"
        " FROM rows GROUP BY ALL ORDER BY ALL) r",
    ),
    "the same with subtotals (rollup)": (
        "groupby((rollup(enrollmentType,state)),aggregate($count as n,progress with average as a))",
        "SELECT to_json(r) FROM (SELECT enrollmentType, state, count(*) AS n, avg(progress) AS a"
        " FROM rows GROUP BY GROUPING SETS ((enrollmentType, state), (enrollmentType))"
        " ORDER BY ALL) r",
    ),
    "filter, group by 1 column, top 10": (
        "filter(progress gt 50)/groupby((contentName),aggregate($count as n))/topcount(10,n)",
        "SELECT to_json(r) FROM (SELECT contentName, count(*) AS n FROM rows WHERE progress > 50"
        " GROUP BY ALL ORDER BY n DESC LIMIT 10) r",
    ),
    "newest of each of 9 groups": (
        "groupby((enrollmentType,contentType),topcount(1,updatedAt))",
        "SELECT to_json(r) FROM (FROM rows QUALIFY row_number() OVER (PARTITION BY enrollmentType,"
        " contentType ORDER BY updatedAt DESC, id) = 1) r",
    ),
}


def main(rows: int) -> None:
    """Print the table."""
    lines: list[Line] = []
    again: list[float] = []
    with tempfile.TemporaryDirectory() as folder, sandbox(rows) as upstream:
        options = ("--data-dir", folder, "--page-budget", "0", "--fresh-for", "100000")
        with gateway(upstream.url, *options) as server:
            link = connect(server.url)
            urls = [f"{server.url}Results?$apply={quote(text)}" for text, _ in _QUERIES.values()]
            get(urls[0], link)
            ours = [_measured(lambda u=url: get(u, link), server.pid) for url in urls]  # type: ignore[misc]
        with gateway(upstream.url, "--data-dir", folder, "--fresh-for", "100000") as server:
            link = connect(server.url)
            urls = [f"{server.url}Results?$apply={quote(text)}" for text, _ in _QUERIES.values()]
            again = [_measured(lambda u=url: get(u, link), server.pid)[0] for url in urls]  # type: ignore[misc]
        (path,) = Path(folder).glob("*.duckdb")
        with duckdb.connect(str(path), read_only=True) as connection:
            theirs = [
                _measured(lambda s=sql: connection.execute(s).fetchall(), os.getpid())  # type: ignore[misc]
                for _, sql in _QUERIES.values()
            ]
    for name, (seconds, cpu), (direct, _) in zip(_QUERIES, ours, theirs, strict=True):
        figures = f"{seconds * 1000:.1f} ms vs {direct * 1000:.1f} ms, {cpu * 1000:.1f} ms CPU"
        lines.append(Line(f"{name} / DuckDB directly", seconds / direct, None, figures))
    for name, seconds, (first, _) in zip(_QUERIES, again, ours, strict=True):
        figures = f"{seconds * 1000:.2f} ms, of {first * 1000:.1f} ms the first time"
        lines.append(Line(f"{name}, asked again", seconds * 1000, 1, figures, "ms"))
    table(f"$apply on {rows:,} rows (goal: 35 ms CPU for the first)", lines)


def _measured(run: Callable[[], object], pid: int) -> tuple[float, float]:
    """Return the median time, and the mean CPU of the process."""
    run()
    before, times = cpu_seconds(pid), []
    for _ in range(_TIMES):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return statistics.median(times), (cpu_seconds(pid) - before) / _TIMES


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, all threads, in user and system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
