"""What all failures have in common, and the one that no client sees."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class TextPosition:
    """Where a text stops being right: `position` counts characters, `len(text)` is its end."""

    text: str
    position: int


class Stopgap(StrEnum):
    """How old a snapshot may be that is served in place of an error."""

    NEVER = "never"
    """The owner of the gateway has to do something, which old rows would hide."""
    WHILE_STALE = "within stale_for"
    """New rows exist and can be reached, but no consistent extract of them."""
    IF_ERROR = "within stale_if_error"
    """Nothing newer can be had now, and waiting helps."""


class GatewayError(Exception):
    """A failure with a place in the catalogue.

    Attributes:
        message: for people; names the option, the position and the remedy.
        target: the query option, header or path the failure is about; empty when it is the whole.
        details: further messages about the same failure, e.g. the caret line of a syntax error.
        place: of a syntax error, for who shows it in another way than a caret line.
        stopgap: whether an old snapshot is served when an extract fails with it.
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

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Extra response headers, e.g. `Allow` or `Retry-After`."""
        return ()

    def in_public(self) -> GatewayError:
        """The same failure for who may not see all rows: itself, if it tells nothing of them."""
        return self


def retry_after(seconds: float) -> tuple[tuple[str, str], ...]:
    """Whole seconds, since Power Query ignores dates, and no more than the 120 it waits."""
    return (("Retry-After", str(max(1, min(ceil(seconds), 120)))),)


class ConfigurationProblem(Exception):
    """A setting, contract file or token file that cannot be used; ends the command with code 2."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
