"""One request for each row, as Power Query makes when it expands a column of related rows.

`python -m benchmarks.storm [ROWS]`; ROWS is 100,000 unless given. 1,000 people's results are
requested, one after the other on one connection, from an existing snapshot.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from urllib.parse import quote

import duckdb

from benchmarks.support import Line, connect, gateway, get, sandbox, table

_PEOPLE = 1_000
_SQL = 'SELECT to_json(r) FROM rows AS r WHERE r."userId" = ? ORDER BY r."$position"'


def main(rows: int) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder, sandbox(rows) as upstream:
        options = ("--data-dir", folder, "--fresh-for", "100000")
        with gateway(upstream.url, *options) as server:
            link = connect(server.url)
            page = json.loads(get(f"{server.url}Users?$select=id&$top={_PEOPLE}", link))
            people = [row["id"] for row in page["value"]]
            keys = [quote(name.replace("'", "''"), safe="") for name in people]
            urls = [f"{server.url}Users('{key}')/results" for key in keys]
            get(f"{server.url}Results?$top=1&$expand=user", link)
            first = [_seconds(url, link) for url in urls]
            again = [_seconds(url, link) for url in urls]
        (path,) = Path(folder).glob("*.duckdb")
        with duckdb.connect(str(path), read_only=True) as connection:
            direct = []
            for name in people:
                started = time.perf_counter()
                connection.execute(_SQL, (name,)).fetchall()
                direct.append(time.perf_counter() - started)
    lines = [
        _line("results of one person, median of 1,000", first, 5),
        _line("the same asked again", again, None),
        Line(
            "results of one person / DuckDB directly",
            median(first) / median(direct),
            None,
            f"{median(first) * 1000:.2f} ms vs {median(direct) * 1000:.2f} ms",
        ),
    ]
    table(f"One request for each of {len(people):,} people, {rows:,} rows", lines)


def _seconds(url: str, link: object) -> float:
    started = time.perf_counter()
    get(url, link)  # type: ignore[arg-type]
    return time.perf_counter() - started


def _line(name: str, times: list[float], goal: float | None) -> Line:
    slowest = sorted(times)[int(len(times) * 0.99)]
    figures = f"median {median(times) * 1000:.2f} ms, 99 of 100 below {slowest * 1000:.1f} ms"
    return Line(name, median(times) * 1000, goal, figures, "ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
