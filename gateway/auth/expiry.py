"""The expiry of a key as people write it: `90d`, or the last day on which the key works."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

_DURATION = re.compile(r"(\d{1,5})([mhdwy])")
_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "y": timedelta(days=365),
}


def parse_expiry(text: str, now: datetime) -> datetime:
    """Return the instant from which a key is refused, in UTC.

    >>> parse_expiry("90d", datetime(2026, 1, 1, tzinfo=UTC)).date()
    datetime.date(2026, 4, 1)
    >>> parse_expiry("2026-12-31", datetime(2026, 1, 1, tzinfo=UTC)).isoformat()
    '2027-01-01T00:00:00+00:00'

    Raises:
        ValueError: the text is neither a duration nor a date, or has passed.
    """
    try:
        expires = _instant(text, now)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            "must be a duration such as 12h, 90d, 8w or 1y, or the last day on which the key works"
            " (UTC), such as 2030-12-31"
        ) from error
    if expires <= now:
        raise ValueError("is in the past")
    return expires


def _instant(text: str, now: datetime) -> datetime:
    duration = _DURATION.fullmatch(text)
    if duration:
        return now + int(duration[1]) * _UNITS[duration[2]]
    day = date.fromisoformat(text) + timedelta(days=1)
    return datetime.combine(day, time(), UTC)
