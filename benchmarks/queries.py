"""Queries through the gateway: against the same SQL in DuckDB directly, and at depth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb

from benchmarks.support import Line, connect, gateway, get, medians

_FILTER = (
    "contains(contentName,'First aid') and state eq 'APPROVED'"
    " and updatedAt ge 2023-01-01T00:00:00Z and updatedAt lt 2024-01-01T00:00:00Z"
)
_SQL = """
    SELECT to_json(r)::VARCHAR FROM (
      SELECT * FROM rows WHERE contains(contentName, 'First aid')
        AND state = 'APPROVED' AND updatedAt >= TIMESTAMP '2023-01-01'
        AND updatedAt < TIMESTAMP '2024-01-01'
      ORDER BY userName NULLS FIRST, progress DESC NULLS LAST, id LIMIT 100) AS r
"""
_TIMES = 41


def queries(upstream: str, folder: Path, kept: tuple[str, ...], rows: int) -> list[Line]:
    """Measure without cached pages, so that each is read from the snapshot."""
    with gateway(upstream, *kept, "--page-budget", "0") as server:
        return [_filtered(server.url, folder), _depth(server.url, rows)]


def _filtered(root: str, folder: Path) -> Line:
    filter_ = _FILTER.replace(" ", "%20")
    page = _page(f"{root}Results?$filter={filter_}&$orderby=userName,progress%20desc&$top=100")
    assert page().count(b'"id":') == 100
    (path,) = folder.glob("*.duckdb")
    with duckdb.connect(str(path), read_only=True) as connection:
        ours, theirs = medians(_TIMES, page, lambda: connection.execute(_SQL).fetchall())
    figures = f"{ours * 1000:.1f} ms vs {theirs * 1000:.1f} ms"
    return Line("filter, 2 sort keys, top 100 / DuckDB directly", ours / theirs, 1.3, figures)


def _depth(root: str, rows: int) -> Line:
    deep = rows * 9 // 10

    def at(skip: int) -> Callable[[], bytes]:
        return _page(f"{root}Results?$skip={skip}&$top=1000&$select=id,state,progress")

    first, last = medians(_TIMES, at(0), at(deep))
    figures = f"{last * 1000:.1f} ms vs {first * 1000:.1f} ms"
    return Line(f"page at depth {deep:,} / first page", last / first, 1.3, figures)


def _page(url: str) -> Callable[[], bytes]:
    link = connect(url)
    return lambda: get(url, link)
