"""Instants as text, in the one form that logs, JSON, pages and commands share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal


def instant_text(
    moment: datetime, timespec: Literal["auto", "seconds", "milliseconds"] = "milliseconds"
) -> str:
    """Return an aware instant as UTC text that ends in Z.

    >>> instant_text(datetime(2025, 3, 9, 7, 5, tzinfo=UTC), "seconds")
    '2025-03-09T07:05:00Z'
    """
    return moment.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def text_of_seconds(seconds: float) -> str:
    """Return seconds since 1970 as UTC text, to the millisecond."""
    return instant_text(datetime.fromtimestamp(seconds, UTC))
