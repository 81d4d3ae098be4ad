"""Conversion between canonical literal text and Python values.

`Literal.value` holds text for dates and times because OData allows year -10000, twelve digits of a
second and offsets up to 23:59, which Python's types cannot hold. These functions convert the values
that fit.
"""

from __future__ import annotations

import math
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

_DATE_TIME = re.compile(r"(.+)T([0-9:]+)(?:\.([0-9]+))?(?:Z|([-+])([0-9]{2}):([0-9]{2}))")
_DURATION = re.compile(
    r"(-?)P(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)(?:\.([0-9]+))?S)?)?"
)


def to_date(text: str) -> date:
    """Convert `2024-02-29`; raise ValueError for years outside 1 to 9999."""
    return date.fromisoformat(text)


def to_time(text: str) -> time:
    """Convert `07:59:00.5`, cut to microseconds; raise ValueError for second 60."""
    clock, _, fraction = text.partition(".")
    return time.fromisoformat(clock).replace(microsecond=_microseconds(fraction))


def to_datetime(text: str) -> datetime:
    """Convert `2024-02-29T23:59:00+01:00` to UTC, cut to microseconds.

    A leap second becomes the first instant of the next minute. Raises ValueError outside the years
    1 to 9999.

    >>> to_datetime("2024-03-01T00:30:00+01:00")
    datetime.datetime(2024, 2, 29, 23, 30, tzinfo=datetime.timezone.utc)
    """
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"not a date and time with offset: {text!r}")
    day, clock, fraction, sign, hours, minutes = match.groups()
    leap = clock.endswith(":60")
    moment = time.fromisoformat(f"{clock[:-2]}59" if leap else clock)
    local = datetime.combine(to_date(day), moment, UTC)
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    extra = timedelta(seconds=leap, microseconds=_microseconds(fraction or ""))
    try:
        return local + extra + (offset if sign == "-" else -offset)
    except OverflowError as error:
        raise ValueError(f"outside the years 1 to 9999: {text!r}") from error


def to_timedelta(text: str) -> timedelta:
    """Convert `-P1DT2H0.5S`, cut to microseconds; raise ValueError beyond timedelta's range."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"not a duration: {text!r}")
    sign, days, hours, minutes, seconds, fraction = match.groups()
    try:
        value = timedelta(int(days or 0), int(seconds or 0), _microseconds(fraction or ""))
        value += timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    except OverflowError as error:
        raise ValueError(f"too long: {text!r}") from error
    return -value if sign else value


def to_bytes(text: str) -> bytes:
    """Decode base64url, padded or not; raise ValueError for other text."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def from_date(value: date) -> str:
    """Return the text that `to_date` reads."""
    return value.isoformat()


def from_time(value: time) -> str:
    """Return the text that `to_time` reads, without zeros at the end of the fraction."""
    return _trimmed(value.replace(tzinfo=None).isoformat())


def from_datetime(value: datetime) -> str:
    """Return the UTC text of an aware datetime, with `Z`.

    >>> from_datetime(datetime(2024, 2, 29, 23, 30, 0, 120000, UTC))
    '2024-02-29T23:30:00.12Z'
    """
    return _trimmed(value.astimezone(UTC).replace(tzinfo=None).isoformat()) + "Z"


def from_timedelta(value: timedelta) -> str:
    """Return the shortest text: no part that is zero, `PT0S` for zero."""
    sign, rest = ("-", -value) if value < timedelta() else ("", value)
    hours, seconds = divmod(rest.seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    second = _trimmed(f"{seconds}.{rest.microseconds:06}")
    clock = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M")) if n)
    clock += f"{second}S" if second != "0" or not (clock or rest.days) else ""
    days = f"{rest.days}D" if rest.days else ""
    return f"{sign}P{days}{'T' if clock else ''}{clock}"


def from_bytes(value: bytes) -> str:
    """Encode as base64url without padding."""
    return urlsafe_b64encode(value).decode().rstrip("=")


def from_decimal(value: Decimal) -> str:
    """Return plain notation: an exponent would make it a Double."""
    text = format(value, "f")
    return text if "." in text else f"{text}.0"


def from_float(value: float) -> str:
    """Return the shortest text of this Double, always with an exponent, or INF, NaN.

    >>> from_float(314.0)
    '314.0e0'
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "INF" if value > 0 else "-INF"
    text = repr(value).replace("e+", "e")
    return text if "e" in text else f"{text}e0"


def _microseconds(fraction: str) -> int:
    return int(fraction[:6].ljust(6, "0")) if fraction else 0


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
