"""The page Insights from an existing snapshot: CPU against the charts, and against one group-by.

`python -m benchmarks.insights [ROWS]`; ROWS is 300,000 unless given. CPU is that of the gateway's
process, all threads, in user and system mode. Insights and charts are compared without kept
responses, so that each view computes all of its queries. A change of the filter is a view with a
filter that no view had before, while the lists of choices are kept, as after any first view.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from statistics import median
from urllib.parse import quote

from benchmarks.apply import cpu_seconds
from benchmarks.support import Line, Process, gateway, get, sandbox, table
from gateway.figures.definitions import FIGURES, VALIDITY
from gateway.figures.queries import grouped
from gateway.figures.terms import Terms

_TIMES = 15
_HTML = {"Accept": "text/html", "User-Agent": "Mozilla/5.0"}
_FIELDS = ("department=cf_department", "region=cf_region", "jobTitle=cf_job_title")
_FEED = "odata/v4/Results?$apply="
_GROUP_BY = "groupby((enrollmentType,state),aggregate($count as n{n},progress with average as a))"
_TABLE = ("compliance", "completion", "expired", "failed")


@dataclass(frozen=True, slots=True)
class Measure:
    """Median seconds and mean CPU seconds of one request."""

    seconds: float
    cpu: float

    def over(self, other: Measure) -> float:
        """Return the ratio of the CPU."""
        return self.cpu / other.cpu

    def __str__(self) -> str:
        return f"{self.cpu * 1000:.0f} ms CPU, {self.seconds * 1000:.0f} ms"


def main(rows: int) -> None:
    """Print the table."""
    fields = [option for field in _FIELDS for option in ("--custom-field", field)]
    with tempfile.TemporaryDirectory() as folder, sandbox(rows) as upstream:
        options = ("--data-dir", folder, "--fresh-for", "1000000", *fields)
        with gateway(upstream.url, *options, "--page-budget", "0") as server:
            get(f"{server.url}Results/$count?$filter=length(id)%20gt%200")
            whole, charts = _measured(server, ["insights"], ["dashboard"])
        with gateway(upstream.url, *options) as server:
            views, plain, figures = _first_times(server)
    own, other = "other filters / the group-by of its table, CPU", "other filters / a group-by, CPU"
    lines = [
        Line("insights / charts, CPU", whole.over(charts), 2, f"{whole} vs {charts}"),
        Line(other, views.over(plain), 1, f"{views} vs {plain}"),
        Line(own, views.over(figures), 1, f"{views} vs {figures}"),
    ]
    table(f"Insights of {rows:,} rows", lines)


def _first_times(server: Process) -> list[Measure]:
    """Measure views with filters that no view had before, and as many different group-bys."""
    _page(server, "insights")  # its lists of choices are kept from now on
    regions, titles = (_values(server, name) for name in ("region", "jobTitle"))
    pairs = [*product(regions, titles)]
    views = [f"insights?region={quote(one)}&jobTitle={quote(two)}" for one, two in pairs]
    plain = [_FEED + quote(_GROUP_BY.format(n=n)) for n in range(len(views))]
    figures = [_FEED + quote(_of_figures(n)) for n in range(len(views))]
    return _measured(server, views, plain, figures)


def _values(server: Process, name: str) -> list[str]:
    """Return the values of a column as literals of OData."""
    rows = json.loads(get(f"{server.url}Results?$apply=groupby(({name}))"))["value"]
    return ["'" + row[name].replace("'", "''") + "'" for row in rows if row[name]]


def _of_figures(number: int) -> str:
    """Return the group-by of the page's table; each number has another moment as its present."""
    now = datetime.now(UTC) - timedelta(seconds=number)
    terms = Terms.of(VALIDITY, now, frozenset({"expiryDate", "certificateIssuedAt"}))
    figures = [figure for figure in FIGURES if figure.name in _TABLE]
    return grouped(figures, terms, ["department"])


def _measured(server: Process, *paths: list[str]) -> list[Measure]:
    """Measure the paths of each list in turn, so that other load affects all."""
    times: list[list[float]] = [[] for _ in paths]
    cpu = [0.0 for _ in paths]
    count = max(_TIMES, len(paths[0]))
    for number in range(-1, count):
        for place, each in enumerate(paths):
            before, started = cpu_seconds(server.pid), time.perf_counter()
            _page(server, each[number % len(each)])
            if number >= 0:
                times[place].append(time.perf_counter() - started)
                cpu[place] += cpu_seconds(server.pid) - before
    return [Measure(median(t), c / count) for t, c in zip(times, cpu, strict=True)]


def _page(server: Process, path: str) -> str:
    return get(server.url.removesuffix("odata/v4/") + path, None, **_HTML).decode()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300_000)
