"""The outside world that is injected: what is said to an operator, and what time it is.

`gateway.app` constructs both, so that no module owns a logger with handlers, tests can read what
was said, and no test waits for a clock.
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
    """Time, injected: `now` is the wall clock (aware, UTC), `monotonic` counts seconds."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]


@dataclass(slots=True)
class UpstreamHealth:
    """How the Analytics API has answered lately: the last outcome of a call, and when it came.

    `at` is of the wall clock, seconds since 1970; 0 before the first call.
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
    """Is told what happens: texts go to one logger, figures to the metrics, times to the traces.

    Texts carry no token, no personal data and no query values.
    """

    logger: logging.Logger
    metrics: Metrics = field(default_factory=Metrics)
    traces: Traces = field(default_factory=Traces)
    requests: RecentRequests = field(default_factory=RecentRequests)
    upstream: UpstreamHealth = field(default_factory=UpstreamHealth)

    def debug(self, message: str) -> None:
        """Something that follows from what was told already."""
        self.logger.debug("%s", message)

    def info(self, message: str) -> None:
        """Something that an operator may want to know."""
        self.logger.info("%s", message)

    def warn(self, message: str) -> None:
        """Something that an operator should look at."""
        self.logger.warning("%s", message)

    def extract_failed(self, reason: str) -> None:
        """Log a failed extract, whose error the waiting requests get too."""
        self.logger.warning(ExtractFailureNotice(reason))

    def fault(self, message: str, error: BaseException) -> None:
        """A fault of the gateway itself, with its stack trace."""
        self.logger.error("%s", message, exc_info=error)

    def called(self, outcome: str, seconds: float) -> None:
        """The Analytics API was called; `outcome` is a status or a kind of failure."""
        self.metrics.upstream(outcome, seconds)
        self.upstream.outcome, self.upstream.at = outcome, time()

    @contextmanager
    def extract(self) -> Iterator[RequestRecord]:
        """An extract is made: what it waits for is its own, not that of the request it is for.

        The block tells how many rows it has.
        """
        record, parent = RequestRecord("extract"), current()
        with (
            Recording(record),
            self.metrics.extract(record),
            self.traces.extract(record, parent),
        ):
            yield record
