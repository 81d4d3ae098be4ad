"""Numbers, sizes and times as text for readers; all times are UTC and labelled as such."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.edm.labels import column_label, table_label
from gateway.observe.instants import instant_text

_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60))


def as_number(value: float) -> str:
    """Return a number with thousands separators and at most one decimal.

    >>> as_number(1234567), as_number(12.345), as_number(12.0)
    ('1,234,567', '12.3', '12')
    """
    rounded = round(value, 1)
    return f"{rounded:,.0f}" if rounded == int(rounded) else f"{rounded:,.1f}"


def as_size(value: int) -> str:
    """Return a number of bytes in a readable unit.

    >>> as_size(900), as_size(5_300_000)
    ('900 bytes', '5.1 MiB')
    """
    size, unit = float(value), "bytes"
    for larger in ("KiB", "MiB", "GiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{as_number(size)} {unit}"


def as_took(milliseconds: float) -> str:
    """Return a duration in milliseconds or seconds.

    >>> as_took(0.04), as_took(85.25), as_took(12345)
    ('0.0 ms', '85.2 ms', '12.3 s')
    """
    return f"{milliseconds:.1f} ms" if milliseconds < 1_000 else f"{milliseconds / 1_000:.1f} s"


def as_moment(value: datetime) -> str:
    """Return a time to the minute.

    >>> as_moment(datetime(2025, 3, 9, 7, 5, tzinfo=UTC))
    '2025-03-09 07:05 UTC'
    """
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def as_machine_moment(value: datetime) -> str:
    """Return a time as HTML's `datetime` attribute requires it."""
    return instant_text(value, "seconds")


def as_age(value: timedelta) -> str:
    """Return an age in the largest unit that fits.

    >>> [as_age(timedelta(seconds=s)) for s in (20, 60, 7300, 200000)]
    ['less than a minute', '1 minute', '2 hours', '2 days']
    """
    for name, seconds in _UNITS:
        count = int(value.total_seconds() // seconds)
        if count:
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "less than a minute"


readable: Final = column_label
"""The name of a column for readers."""

FILTERS: Final = {
    "number": as_number,
    "size": as_size,
    "took": as_took,
    "moment": as_moment,
    "machine_moment": as_machine_moment,
    "age": as_age,
    "column_label": column_label,
    "table_label": table_label,
}
"""The filters that templates can use."""
