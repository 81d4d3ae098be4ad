"""The injected outside world: reports to operators, and the clock.

`gateway.app` constructs both, so that no module owns a logger with handlers, tests can read the
reports, and no test waits for a clock.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import time

from gateway.observe.metrics import Metrics
from gateway.observe.recent import RecentRequests
from gateway.observe.record import Recording, RequestRecord, current
from gateway.observe.traces import Traces


@dataclass(frozen=True, slots=True)
class Clock:
    """The injected time: `now` is the wall clock (aware, UTC), `monotonic` counts seconds."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]


@dataclass(slots=True)
class UpstreamHealth:
    """The outcome of the last call to the Analytics API.

    `at` is its wall-clock time in seconds since 1970; 0 before the first call.
    """

    outcome: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class ExtractFailureNotice:
    """The log message of a failed extract, as an object so that log filters can recognise it."""

    reason: str

    def __str__(self) -> str:
        """Return the text of the log line."""
        return f"an extract failed: {self.reason}"


@dataclass(frozen=True, slots=True)
class Observer:
    """The receiver of all reports: texts for one logger, metrics, and traces.

    Texts contain no token, no personal data and no query values.
    """

    logger: logging.Logger
    metrics: Metrics = field(default_factory=Metrics)
    traces: Traces = field(default_factory=Traces)
    requests: RecentRequests = field(default_factory=RecentRequests)
    upstream: UpstreamHealth = field(default_factory=UpstreamHealth)

    def debug(self, message: str) -> None:
        """Log a detail that earlier messages imply."""
        self.logger.debug("%s", message)

    def info(self, message: str) -> None:
        """Log an event that an operator may want to know."""
        self.logger.info("%s", message)

    def warn(self, message: str) -> None:
        """Log an event that an operator should look at."""
        self.logger.warning("%s", message)

    def extract_failed(self, reason: str) -> None:
        """Log a failed extract, whose error the waiting requests get too."""
        self.logger.warning(ExtractFailureNotice(reason))

    def fault(self, message: str, error: BaseException) -> None:
        """Log a fault of the gateway itself, with its stack trace."""
        self.logger.error("%s", message, exc_info=error)

    def called(self, outcome: str, seconds: float) -> None:
        """Record a call to the Analytics API; `outcome` is a status or a kind of failure."""
        self.metrics.observe_call(outcome, seconds)
        self.upstream.outcome, self.upstream.at = outcome, time()

    @contextmanager
    def extract(self) -> Iterator[RequestRecord]:
        """Record an extract separately from the request that started it.

        The block sets the number of rows in the yielded record.
        """
        parent = current()
        record = RequestRecord("extract", cause=parent)
        with (
            Recording(record),
            self.metrics.track_extract(record),
            self.traces.extract(record, parent),
        ):
            yield record
