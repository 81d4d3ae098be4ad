"""Batched reports of requests that ended, to the log, the metrics and `/requests`.

Reporting each request by itself would take a tenth of the time of a small response; in batches it
takes a third of that. Requests that ended just before a process is killed are not reported.
"""

from __future__ import annotations

import asyncio
import math
import time

from gateway.observe.logs import RequestLog
from gateway.observe.record import RequestRecord
from gateway.observe.world import Observer

_DELAY_SECONDS = 0.05
_MAX_RECORDS = 512
_FAULT_SECONDS = 60.0
"""A report that keeps failing logs its stack trace this often; each failure is counted."""


class Ledger:
    """The requests to report; runs on the event loop. Its failures never fail a request."""

    def __init__(self, observer: Observer, log: RequestLog) -> None:
        self._observer = observer
        self._records: list[RequestRecord] = []
        self._reports = {
            "metrics": observer.metrics.count_requests,
            "log": log.write,
            "requests": observer.requests.add,
        }
        self._logged_at = dict.fromkeys(self._reports, -math.inf)

    def add(self, record: RequestRecord) -> None:
        """Add a request that ended; it is reported a moment later."""
        self._records.append(record)
        if len(self._records) == 1:
            asyncio.get_running_loop().call_later(_DELAY_SECONDS, self.flush)
        elif len(self._records) >= _MAX_RECORDS:
            self.flush()

    def flush(self) -> None:
        """Report all requests that have ended until now."""
        records, self._records = self._records, []
        for name, report in self._reports.items():
            try:
                report(records)
            except Exception as error:
                self._failed(name, len(records), error)

    def _failed(self, name: str, number: int, error: Exception) -> None:
        """Count a failure, and log it unless the same report has failed in the last minute."""
        self._observer.metrics.count_report_failure(name)
        now = time.monotonic()
        if now - self._logged_at[name] >= _FAULT_SECONDS:
            self._logged_at[name] = now
            self._observer.fault(f"{number} requests could not be reported ({name})", error)
