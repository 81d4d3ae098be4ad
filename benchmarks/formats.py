"""The whole set as a file, and pages without nulls, against the same rows as pages of JSON.

`python -m benchmarks.formats [ROWS]`; ROWS is 300,000 unless given. No page is kept, so that every
format is made of its rows each time.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from benchmarks.reading import follow
from benchmarks.support import IDENTITY, Line, Process, connect, gateway, get, medians, sandbox
from benchmarks.support import table as print_table

_SORTED = "Results?$orderby=userName%20desc,id"
_FILES = {
    "text/csv": "Results?$format=text/csv",
    "csv, for spreadsheets": "Results?$format=csv",
    "csv, in another order": f"{_SORTED}&$format=text/csv",
    "arrow": "Results?$format=arrow",
    "parquet": "Results?$format=parquet",
}
_GOALS = {"csv, in another order": 3.0}
_TIMES = 3
_MEBIBYTE = 2**20


def formats(rows: int) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder, sandbox(rows) as upstream:
        options = ("--data-dir", folder, "--page-budget", "0", "--fresh-for", "1000000")
        with gateway(upstream.url, *options) as server:
            get(f"{server.url}Results/$count?$filter=length(id)%20gt%200")
        with gateway(upstream.url, *options) as server:  # it never held the extract in memory
            print_table(f"Formats of {rows:,} rows", _lines(server, rows))


def _lines(server: Process, rows: int) -> list[Line]:
    fewer = {**IDENTITY, "Prefer": "omit-values=nulls"}
    pages = [partial(follow, f"{server.url}Results", headers) for headers in (IDENTITY, fewer)]
    files = {name: partial(_size, server.url + target) for name, target in _FILES.items()}
    json, omitting, *seconds = medians(_TIMES, *pages, *files.values())
    whole, less = (_bytes(server.url, headers) for headers in (IDENTITY, fewer))
    figures = f"{rows / omitting:,.0f} rows/s vs {rows / json:,.0f}; {less / whole:.2f} bytes"
    lines = [Line("JSON without nulls: time / JSON", omitting / json, 1.1, figures)]
    for (name, size), taken in zip(files.items(), seconds, strict=True):
        figures = f"{rows / taken:,.0f} rows/s vs {rows / json:,.0f}; {size() / whole:.2f} bytes"
        lines.append(Line(f"{name}: time / JSON", taken / json, _GOALS.get(name, 1.0), figures))
    return [*lines, _memory(server, files["text/csv"])]


def _memory(server: Process, csv: Callable[[], int]) -> Line:
    largest = csv() / _MEBIBYTE
    peak = server.peak_mebibytes()
    return Line("most memory of all that", peak, 350, f"{largest:.0f} MiB of CSV", "MiB")


def _bytes(root: str, headers: dict[str, str]) -> int:
    """Return the number of bytes of the feed in JSON."""
    return sum(len(get(link, None, **headers)) for link in follow(f"{root}Results", headers).links)


def _size(url: str) -> int:
    """Return the size of a file, read as it arrives and dropped."""
    link, parts, size = connect(url), urlsplit(url), 0
    link.request("GET", f"{parts.path}?{parts.query}")
    response = link.getresponse()
    while part := response.read(1 << 20):
        size += len(part)
    return size


if __name__ == "__main__":
    formats(int(sys.argv[1]) if len(sys.argv) > 1 else 300_000)
