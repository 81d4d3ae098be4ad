"""Metrics for Prometheus: counted where events happen, read at `/metrics`.

Labels are bounded: workspaces of the configuration, entity sets of the schema, codes of the error
catalogue. With several workers, prometheus_client keeps all values in files of the directory that
`PROMETHEUS_MULTIPROC_DIR` names; any worker then reports for all of them, and gauges have a label
`pid` for each process.
"""

from __future__ import annotations

import math
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Literal, TypeAlias

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from gateway.observe.oddities import OddRows
from gateway.observe.record import RequestRecord

NO_LABEL = "-"
"""The label of requests without an authenticated workspace, or without a page."""
_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
_PREFIX = "skillhabit_odata"
_REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)
_CALL_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_EXTRACT_SECONDS = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600)
_LAG_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5)
Mode: TypeAlias = Literal["livesum", "liveall", "max"]


@dataclass(frozen=True, slots=True)
class Levels:
    """The current state of one process.

    Sizes are in bytes; `newest` is in seconds since 1970, 0 without any.
    """

    snapshots: tuple[tuple[str, int, int, float], ...] = ()
    """Workspace, number, bytes, newest."""
    page_bytes: int = 0
    pages: int = 0
    database_bytes: int = 0
    is_writable: bool = True
    """True if snapshots can be written to the data directory, or there is none."""
    free_bytes: int | None = None
    """Free space of the data directory; None without one, or if it cannot be measured."""
    token_ends: tuple[tuple[str, float], ...] = ()
    """Workspace, and the end of its token in seconds since 1970; 0 without a known end."""


class Metrics:
    """All metrics of one application; `text` returns them for Prometheus."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = self._counter(
            "requests", "Requests that ended", "workspace", "resource", "status"
        )
        self._errors = self._counter("errors", "Errors returned to clients", "workspace", "code")
        self._bytes = self._counter("response_bytes", "Bytes of bodies sent", "workspace")
        self._rows = self._counter("response_rows", "Rows in responses", "workspace")
        self._cache = self._counter(
            "cache", "How snapshots and their pages were found", "workspace", "snapshot", "page"
        )
        self._latency = self._histogram(
            "request_seconds", "Until the last byte was sent", _REQUEST_SECONDS, "route"
        )
        self._calls = self._histogram(
            "upstream_call_seconds", "Calls to the Analytics API", _CALL_SECONDS, "outcome"
        )
        self._retries = self._counter("upstream_retries", "Calls that were repeated")
        self._extracts = self._histogram(
            "extract_seconds", "Extracts that ended", _EXTRACT_SECONDS, "outcome"
        )
        self._extracts.labels("ok")  # there from the start, so that alerts see the first success
        self._extract_rows = self._counter("extract_rows", "Rows of the snapshots that were made")
        self._report_failures = self._counter(
            "report_failures", "Failures to report requests that ended", "report"
        )
        self._odd = self._counter(
            "odd_rows", "Strange rows of snapshots that were made", "column", "reason"
        )
        self._lag = self._histogram(
            "event_loop_lag_seconds", "How late the event loop woke up", _LAG_SECONDS
        )
        self._running = self._gauge("extracts_running", "Extracts that are running", "livesum")
        self._in_flight = self._gauge("requests_in_flight", "Requests in flight", "livesum")
        self._snapshots = (
            self._gauge("snapshots", "Cached snapshots", "liveall", "workspace"),
            self._gauge("snapshot_bytes", "Bytes of cached snapshots", "liveall", "workspace"),
            self._gauge(
                "snapshot_newest_timestamp_seconds",
                "Start of the newest snapshot's extract; 0 without any",
                "liveall",
                "workspace",
            ),
        )
        self._page_bytes = self._gauge("page_cache_bytes", "Bytes of cached page bodies", "liveall")
        self._pages = self._gauge("page_cache_pages", "Number of cached page bodies", "liveall")
        self._database = self._gauge("duckdb_memory_bytes", "Memory that DuckDB holds", "liveall")
        self._writable = self._gauge(
            "data_directory_writable", "1 while snapshots can be written, else 0", "liveall"
        )
        self._free = self._gauge(
            "data_directory_free_bytes",
            "Free space of the data directory; NaN if unknown",
            "liveall",
        )
        self._token_ends = self._gauge(
            "token_expires_timestamp_seconds",
            "End of the token of the Analytics API; 0 without a known end, or if it renews itself",
            "liveall",
            "workspace",
        )
        info = self._gauge("info", "Always 1; the version is a label", "max", "version")
        info.labels(version("skillhabit-odata")).set(1)
        if _DIRECTORY not in os.environ:
            ProcessCollector(registry=self._registry)
        self._open = 0
        self._latencies: dict[str, Histogram] = {}
        self._workspaces: set[str] = set()

    # --- events -----------------------------------------------------------------------------------

    def request_began(self) -> None:
        """Count a request in flight."""
        self._open += 1

    def request_ended(self) -> None:
        """Remove a request in flight; `count_requests` counts it later."""
        self._open -= 1

    def count_requests(self, records: Iterable[RequestRecord]) -> None:
        """Count requests that ended, touching each counter once for all equal labels."""
        sums: dict[tuple[Counter, tuple[str, ...]], float] = defaultdict(float)
        for record in records:
            workspace = record.workspace or NO_LABEL
            sums[self._requests, (workspace, record.resource, str(record.status))] += 1
            sums[self._bytes, (workspace,)] += 0 if record.part else record.bytes
            if record.cache:
                sums[self._cache, (workspace, record.cache, record.page or NO_LABEL)] += 1
            if record.rows:
                sums[self._rows, (workspace,)] += record.rows
            if record.error:
                sums[self._errors, (workspace, record.error)] += 1
            latency = self._latencies.get(record.route)
            if latency is None:
                latency = self._latency.labels(record.route or "none")
                self._latencies[record.route] = latency
            latency.observe(record.seconds)
        for (counter, labels), amount in sums.items():
            counter.labels(*labels).inc(amount)

    def observe_call(self, outcome: str, seconds: float) -> None:
        """Record a call to the Analytics API."""
        self._calls.labels(outcome).observe(seconds)

    def count_retry(self) -> None:
        """Count a call that failed and is repeated."""
        self._retries.inc()

    def count_odd_rows(self, odd: Iterable[OddRows]) -> None:
        """Count strange rows of a snapshot; a column that is strange as a whole counts as one."""
        for each in odd:
            self._odd.labels(each.column, each.reason).inc(each.rows or 1)

    def count_report_failure(self, report: str) -> None:
        """Count a failure to report requests; `report` is `metrics`, `log` or `requests`."""
        self._report_failures.labels(report).inc()

    def observe_lag(self, seconds: float) -> None:
        """Record how late the event loop woke up."""
        self._lag.observe(seconds)

    @contextmanager
    def track_extract(self, record: RequestRecord) -> Iterator[None]:
        """Track an extract; its outcome is `ok`, an error's code, or `cancelled`."""
        outcome = "cancelled"
        self._running.inc()
        try:
            yield
            outcome = "ok"
            self._extract_rows.inc(record.rows or 0)
        except Exception as error:
            outcome = getattr(error, "code", "InternalError")
            raise
        finally:
            self._running.dec()
            self._extracts.labels(outcome).observe(perf_counter() - record.began)

    def set_levels(self, levels: Levels) -> None:
        """Set the gauges of this process; workspaces that no longer have snapshots get 0."""
        current = {name: values for name, *values in levels.snapshots}
        self._workspaces |= current.keys()
        for workspace in self._workspaces:
            values = current.get(workspace, (0, 0, 0))
            for gauge, value in zip(self._snapshots, values, strict=True):
                gauge.labels(workspace).set(value)
        self._in_flight.set(self._open)
        self._page_bytes.set(levels.page_bytes)
        self._pages.set(levels.pages)
        self._database.set(levels.database_bytes)
        self._writable.set(levels.is_writable)
        self._free.set(math.nan if levels.free_bytes is None else levels.free_bytes)
        for workspace, instant in levels.token_ends:
            self._token_ends.labels(workspace).set(instant)

    # --- exposition -------------------------------------------------------------------------------

    def text(self) -> bytes:
        """Return the metrics of all processes in the text format."""
        directory = os.environ.get(_DIRECTORY)
        if directory is None:
            return generate_latest(self._registry)
        _forget_dead_processes(Path(directory))
        registry = CollectorRegistry()
        MultiProcessCollector(registry, directory)  # type: ignore[no-untyped-call]
        return generate_latest(registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}_{name}", text, labels, registry=self._registry)

    def _histogram(
        self, name: str, text: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        return Histogram(
            f"{_PREFIX}_{name}", text, labels, registry=self._registry, buckets=buckets
        )

    def _gauge(self, name: str, text: str, mode: Mode, *labels: str) -> Gauge:
        """Return a new gauge; `mode` says how the values of several processes are combined."""
        return Gauge(
            f"{_PREFIX}_{name}", text, labels, registry=self._registry, multiprocess_mode=mode
        )


def _forget_dead_processes(directory: Path) -> None:
    """Remove the gauges of processes that ended; their counters stay."""
    for file in directory.glob("gauge_live*_*.db"):
        pid = file.stem.rpartition("_")[2]
        if pid.isdigit() and not _is_alive(int(pid)):
            mark_process_dead(pid, str(directory))  # type: ignore[no-untyped-call]


def _is_alive(pid: int) -> bool:
    """Return False if a process has ended; in Windows its signal 0 would be Ctrl+C."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
