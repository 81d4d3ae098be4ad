"""One filtered, sorted query through the gateway against the same SQL in DuckDB directly.

`python -m benchmarks.queries [ROWS]`; ROWS is 300,000 unless given. Also a page at depth against
the first page, and a repeated small page against nginx.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from benchmarks.feed import nginx
from benchmarks.support import connect, gateway, get, sandbox, table

_FILTER = (
    "contains(contentName,'Safety') and state eq 'APPROVED'"
    " and updatedAt ge 2023-01-01T00:00:00Z and updatedAt lt 2024-01-01T00:00:00Z"
)
_SQL = (
    "SELECT to_json(r)::VARCHAR FROM rows r WHERE contains(contentName, 'Safety')"
    " AND state = 'APPROVED' AND updatedAt >= TIMESTAMP '2023-01-01'"
    " AND updatedAt < TIMESTAMP '2024-01-01'"
    " ORDER BY userName, progress DESC, id LIMIT 100"
)
_TIMES = 21


def main(rows: int) -> None:
    """Print the table."""
    lines: list[tuple[str, float, str, str]] = []
    with tempfile.TemporaryDirectory() as folder, sandbox(rows) as upstream:
        options = ("--data-dir", folder, "--page-budget", "0", "--fresh-for", "100000")
        with gateway(upstream.url, *options) as server:
            root, link = server.url, connect(server.url)
            get(root + "Results?$top=2000", link)
            ours = _median(_query(root))
            lines.append(_depth(root, rows))
        theirs = _direct(Path(folder))
        lines.insert(
            0,
            (
                "filter, 2 sort keys, top 100 / DuckDB directly",
                ours / theirs,
                "<= 1.3",
                f"{ours * 1000:.1f} ms vs {theirs * 1000:.1f} ms",
            ),
        )
        with gateway(upstream.url, "--data-dir", folder) as server:
            lines.append(_small_page(server.url))
    table(f"Queries on {rows:,} rows", lines)


def _median(run: Callable[[], object]) -> float:
    def once() -> float:
        started = time.perf_counter()
        run()
        return time.perf_counter() - started

    run()
    return statistics.median(once() for _ in range(_TIMES))


def _query(root: str) -> Callable[[], bytes]:
    filter_ = _FILTER.replace(" ", "%20")
    url = f"{root}Results?$filter={filter_}&$orderby=userName,progress%20desc&$top=100"
    link = connect(root)
    return lambda: get(url, link)


def _direct(folder: Path) -> float:
    """The same rows from the snapshot's own file, in this process."""
    (path,) = folder.glob("*.duckdb")
    with duckdb.connect(str(path), read_only=True) as connection:
        return _median(lambda: connection.execute(_SQL).fetchall())


def _depth(root: str, rows: int) -> tuple[str, float, str, str]:
    link = connect(root)
    deep = rows * 9 // 10

    def page(skip: int) -> Callable[[], bytes]:
        return lambda: get(f"{root}Results?$skip={skip}&$top=1000&$select=id,state,progress", link)

    first, last = _median(page(0)), _median(page(deep))
    figures = f"{last * 1000:.1f} ms vs {first * 1000:.1f} ms"
    return (f"page at depth {deep:,} / first page", last / first, "<= 1.3", figures)


def _small_page(root: str) -> tuple[str, float, str, str]:
    url = f"{root}Results?$top=110"
    body = get(url, None, **{"Accept-Encoding": "gzip"})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "www").mkdir()
        (folder / "www" / "page.json").write_bytes(body)
        with nginx(folder) as base:
            theirs = _rate(f"{base}/page.json")
    ours = _rate(url)
    figures = f"{ours:,.0f}/s vs {theirs:,.0f}/s, {len(body):,} bytes"
    return ("repeated small page, requests a second / nginx", ours / theirs, ">= 0.22", figures)


def _rate(url: str, seconds: float = 3.0) -> float:
    link = connect(url)
    ends, count = time.perf_counter() + seconds, 0
    while time.perf_counter() < ends:
        get(url, link, **{"Accept-Encoding": "gzip"})
        count += 1
    return count / seconds


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300_000)
