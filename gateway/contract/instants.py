"""Notations of instants: read into ISO 8601 in UTC, and written for the ends of ranges.

A notation is `iso`, `epoch_seconds`, `epoch_milliseconds`, or a pattern of Python's strptime; in
patterns of ranges, `%L` are milliseconds.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_ISO = re.compile(
    r"([+-]?[0-9]{4,6})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?"
    r" ?([Zz]|[+-][0-9]{2}:?(?:[0-9]{2})?)?)?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"epoch_seconds": 1_000_000, "epoch_milliseconds": 1000}
"""Microseconds in one."""
_NUMBER = re.compile(r"[+-]?[0-9]{1,16}(?:\.[0-9]{1,12})?")
_SAMPLES = (datetime(2024, 1, 31, 13, 46, 58, 789_000, UTC), datetime(1999, 8, 7, 4, 3, tzinfo=UTC))


def checked_zone(name: str) -> str:
    """Return the name of a time zone, or the empty text.

    Raises:
        ValueError: there is no such zone.
    """
    try:
        if name and name != "UTC":
            ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:  # "Europe" is a folder
        raise ValueError(name) from error
    return name


def checked_notation(notation: str) -> str:
    """Return a notation that dates can be read from.

    Raises:
        ValueError: a pattern has unknown directives, or lacks year, month or day.
    """
    if notation == "iso" or notation in _UNITS:
        return notation
    for sample in _SAMPLES:
        found = datetime.strptime(sample.strftime(notation), notation)  # noqa: DTZ007
        if found.date() != sample.date() or found.hour not in (0, sample.hour):
            raise ValueError(notation)
    return notation


def is_exact_on_grid(notation: str, zone: str, milliseconds: int) -> bool:
    """Return True if each instant that is a multiple of these milliseconds is written in full.

    Local times without an offset are not: one hour a year occurs twice.
    """
    known = _zone(zone)
    offsets = {known.utcoffset(datetime(2024, month, 1)) for month in range(1, 13)}  # noqa: DTZ001
    if notation == "iso" or notation in _UNITS:
        return notation != "epoch_seconds" or milliseconds % 1000 == 0
    if len(offsets) > 1 and "%z" not in notation:
        return False
    step = timedelta(milliseconds=milliseconds)
    for sample in _SAMPLES:
        on_grid = _EPOCH + (sample - _EPOCH) // step * step
        text = write_instant(on_grid, notation, zone, milliseconds)
        try:
            found = datetime.strptime(str(text), notation.replace("%L", "%f"))  # noqa: DTZ007
        except ValueError:
            return False
        if (found if found.tzinfo else found.replace(tzinfo=known)) != on_grid:
            return False
    return True


def write_instant(value: datetime, notation: str, zone: str, milliseconds: int) -> str | int:
    """Return an aware instant in a notation; `iso` is UTC with `Z`.

    It has milliseconds, or seconds if the grid of `milliseconds` is that coarse.
    """
    if notation in _UNITS:
        return (value - _EPOCH) // timedelta(microseconds=_UNITS[notation])
    if notation == "iso":
        spec = "milliseconds" if milliseconds % 1000 else "seconds"
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=spec) + "Z"
    thousandths = f"{value.microsecond // 1000:03d}"
    pattern = notation.replace("%L", thousandths).replace("%Y", f"{_year(value, zone):04d}")
    return value.astimezone(_zone(zone)).strftime(pattern)


def read_instant(value: Any, notation: str, zone: str) -> str:
    """Return ISO 8601 with an offset, as fine as it was; years may be beyond 9999.

    Raises:
        ValueError: it is not in this notation, or has neither an offset nor a zone.
    """
    if notation == "iso":
        return _read_iso(value, zone)
    if notation in _UNITS:
        return _shown(_EPOCH + timedelta(microseconds=_micros(value, _UNITS[notation])))
    if not isinstance(value, str):
        raise ValueError("no text")  # noqa: TRY004 - the value is wrong, not the call
    return _shown(_aware(datetime.strptime(value, notation), zone))  # noqa: DTZ007


def _micros(value: Any, unit: int) -> int:
    """Return whole microseconds, rounded down as digits of texts are."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number and not (isinstance(value, str) and _NUMBER.fullmatch(value.strip())):
        raise ValueError("no number")
    if isinstance(value, int):
        return value * unit
    try:
        return int((Decimal(str(value).strip()) * unit).to_integral_value("ROUND_FLOOR"))
    except (InvalidOperation, OverflowError) as error:
        raise ValueError("no number") from error


def _read_iso(value: Any, zone: str) -> str:
    match = _ISO.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("not ISO 8601")
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    moment = f"{year}-{month}-{day}T{hour or '00'}:{minute or '00'}:{second or '00'}"
    tail = f".{fraction[:9]}" if fraction else ""
    if offset:
        return f"{moment}{tail}{offset.upper()}"
    if zone == "UTC":
        return f"{moment}{tail}Z"
    plain = _aware(datetime.fromisoformat(moment), zone).replace(tzinfo=None)
    return f"{plain.isoformat(timespec='seconds')}{tail}Z"


def _aware(value: datetime, zone: str) -> datetime:
    if value.tzinfo is None and not zone:
        raise ValueError("neither an offset nor a zone")
    aware = value if value.tzinfo is not None else value.replace(tzinfo=_zone(zone))
    return aware.astimezone(UTC)


def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name or "UTC")


def _year(value: datetime, zone: str) -> int:
    return value.astimezone(_zone(zone)).year


def _shown(value: datetime) -> str:
    return value.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
