"""The base class of all failures, and the one failure that no client sees."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class TextPosition:
    """The first wrong character of a text: `position` counts from 0; `len(text)` is the end."""

    text: str
    position: int


class Stopgap(StrEnum):
    """The age limit of a snapshot that is served instead of an error."""

    NEVER = "never"
    """The owner of the gateway must act; old rows would hide that."""
    WHILE_STALE = "within stale_for"
    """The upstream can be reached, but no consistent extract of it is possible."""
    IF_ERROR = "within stale_if_error"
    """No newer rows are available now; waiting helps."""


class GatewayError(Exception):
    """A failure that is listed in the catalogue.

    Attributes:
        message: text for people; names the option, the position and the remedy.
        target: the query option, header or path that failed; empty for the whole request.
        details: further messages about the same failure, e.g. the caret line of a syntax error.
        place: position of a syntax error, for callers that do not show the caret line.
        stopgap: age limit of a snapshot that is served when an extract fails with this error.
        wants_smaller_page: True if the Analytics API may answer a request for fewer rows.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "InternalError"
    stopgap: ClassVar[Stopgap] = Stopgap.NEVER

    def __init__(
        self,
        message: str,
        *,
        target: str = "",
        details: tuple[str, ...] = (),
        place: TextPosition | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.target = target
        self.details = details
        self.place = place
        self.wants_smaller_page = False

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return extra response headers, e.g. `Allow` or `Retry-After`."""
        return ()

    def in_public(self) -> GatewayError:
        """Return this failure without facts about rows that the caller may not see."""
        return self


def retry_after(seconds: float) -> tuple[tuple[str, str], ...]:
    """Return `Retry-After` in whole seconds, 120 at most.

    Power Query ignores dates and waits no longer than that.
    """
    return (("Retry-After", str(_whole_seconds(seconds))),)


def with_wait(message: str, seconds: float) -> str:
    """Return the message with the time of `Retry-After`, for people who see no headers.

    >>> with_wait("too many requests", 0.2)
    'too many requests; try again in 1 second'
    """
    number = _whole_seconds(seconds)
    return f"{message}; try again in {number} second{'' if number == 1 else 's'}"


def _whole_seconds(seconds: float) -> int:
    return max(1, min(ceil(seconds), 120))


class ConfigurationProblem(Exception):
    """An unusable setting, contract file or token file; ends the command with exit code 2."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
