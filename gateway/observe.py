"""The outside world that is injected: what is said to an operator, and what time it is.

`gateway.app` constructs both, so that no module owns a logger with handlers, tests can read what
was said, and no test waits for a clock.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, injected: `now` is the wall clock (aware, UTC), `monotonic` counts seconds."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Observer:
    """Writes to one logger. Texts carry no token, no personal data and no query values."""

    logger: logging.Logger

    def info(self, message: str) -> None:
        """Something that an operator may want to know."""
        self.logger.info("%s", message)

    def warn(self, message: str) -> None:
        """Something that an operator should look at."""
        self.logger.warning("%s", message)

    def fault(self, message: str, error: BaseException) -> None:
        """A fault of the gateway itself, with its stack trace."""
        self.logger.error("%s", message, exc_info=error)
