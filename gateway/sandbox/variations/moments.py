"""Instants in the formats that APIs use, in both directions.

Values are whole nanoseconds since 1970 UTC, as the rows have them. A zone is `UTC`, a fixed offset
such as `+05:30`, or `Berlin` with its summer time (the rule of the European Union since 1996).
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Literal

InstantFormat = Literal[
    "milliseconds-z", "seconds-z", "microseconds-z", "ticks-z", "offset", "naive", "blank",
    "blank-seconds", "date", "epoch-seconds", "epoch-milliseconds", "mongo", "dotnet", "german",
]  # fmt: skip
Zone = Literal["UTC", "+05:30", "-05:00", "Berlin"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND, _MILLISECOND = 1_000_000_000, 1_000_000
DAY = 86_400 * _SECOND

RESOLUTIONS: Mapping[InstantFormat, int] = MappingProxyType(
    {
        "milliseconds-z": _MILLISECOND,
        "seconds-z": _SECOND,
        "microseconds-z": 1_000,
        "ticks-z": 100,
        "offset": _MILLISECOND,
        "naive": _MILLISECOND,
        "blank": _MILLISECOND,
        "blank-seconds": _SECOND,
        "date": DAY,
        "epoch-seconds": _SECOND,
        "epoch-milliseconds": _MILLISECOND,
        "mongo": _MILLISECOND,
        "dotnet": _MILLISECOND,
        "german": _SECOND,
    }
)
"""The smallest difference that a format shows, in nanoseconds."""


def offset_minutes(zone: Zone, moment: datetime) -> int:
    """Return the zone's offset from UTC at an aware instant."""
    match zone:
        case "UTC":
            return 0
        case "+05:30":
            return 330
        case "-05:00":
            return -300
        case _:
            return 120 if _is_summer(moment.astimezone(UTC)) else 60


def _is_summer(moment: datetime) -> bool:
    return _last_sunday(moment.year, 3) <= moment < _last_sunday(moment.year, 10)


def _last_sunday(year: int, month: int) -> datetime:
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=(last.weekday() + 1) % 7)


def render_instant(nanoseconds: int, form: InstantFormat, zone: Zone = "UTC") -> object:
    """Render an instant as the JSON value of this format, cut to the format's resolution.

    >>> render_instant(1_500_000_000, "blank-seconds", "Berlin")
    '1970-01-01 01:00:01'
    """
    match form:
        case "epoch-seconds":
            return nanoseconds // _SECOND
        case "epoch-milliseconds":
            return nanoseconds // _MILLISECOND
        case "dotnet":
            return f"/Date({nanoseconds // _MILLISECOND})/"
        case "mongo":
            return {"$date": _iso(_to_datetime(nanoseconds), 3) + "Z"}
        case _:
            return _TEXTS[form](nanoseconds, _local(nanoseconds, zone))


def _to_datetime(nanoseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=nanoseconds // 1_000)


def _local(nanoseconds: int, zone: Zone) -> datetime:
    moment = _to_datetime(nanoseconds)
    offset = timezone(timedelta(minutes=offset_minutes(zone, moment)))
    try:
        return moment.astimezone(offset)
    except OverflowError:
        return moment


def _iso(moment: datetime, digits: int, separator: str = "T") -> str:
    whole = moment.strftime(f"%m-%d{separator}%H:%M:%S")
    fraction = f".{moment.microsecond:06}"[: digits + 1] if digits else ""
    return f"{moment.year:04}-{whole}{fraction}"


_TEXTS: Mapping[InstantFormat, Callable[[int, datetime], str]] = MappingProxyType(
    {
        "milliseconds-z": lambda instant, _: _iso(_to_datetime(instant), 3) + "Z",
        "seconds-z": lambda instant, _: _iso(_to_datetime(instant), 0) + "Z",
        "microseconds-z": lambda instant, _: _iso(_to_datetime(instant), 6) + "Z",
        "ticks-z": lambda instant, _: f"{_iso(_to_datetime(instant), 6)}{instant // 100 % 10}Z",
        "offset": lambda _, local: _iso(local, 3) + local.isoformat()[-6:],
        "naive": lambda _, local: _iso(local, 3),
        "blank": lambda _, local: _iso(local, 3, " "),
        "blank-seconds": lambda _, local: _iso(local, 0, " "),
        "date": lambda _, local: f"{local:%Y-%m-%d}",
        "german": lambda _, local: f"{local:%d.%m.%Y %H:%M:%S}",
    }
)

_ISO = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
RangeFormat = Literal[
    "iso", "milliseconds-z", "seconds-z", "offset", "naive", "blank-seconds", "date",
    "epoch-seconds", "epoch-milliseconds",
]  # fmt: skip
_PATTERNS: Mapping[RangeFormat, re.Pattern[str]] = MappingProxyType(
    {
        "iso": re.compile(rf"{_ISO}(?:\.[0-9]{{1,6}})?(?:Z|[+-][0-9]{{2}}:[0-9]{{2}})"),
        "milliseconds-z": re.compile(rf"{_ISO}\.[0-9]{{3}}Z"),
        "seconds-z": re.compile(rf"{_ISO}Z"),
        "offset": re.compile(rf"{_ISO}(?:\.[0-9]{{1,6}})?[+-][0-9]{{2}}:[0-9]{{2}}"),
        "naive": re.compile(rf"{_ISO}(?:\.[0-9]{{1,6}})?"),
        "blank-seconds": re.compile(_ISO.replace("T", " ")),
        "date": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    }
)
EXPECTED: Mapping[RangeFormat, str] = MappingProxyType(
    {
        "iso": "a valid ISO 8601 date string",
        "milliseconds-z": "a date string in the format YYYY-MM-DDTHH:mm:ss.SSSZ",
        "seconds-z": "a date string in the format YYYY-MM-DDTHH:mm:ssZ",
        "offset": "a date string in the format YYYY-MM-DDTHH:mm:ss+HH:mm",
        "naive": "a date string in the format YYYY-MM-DDTHH:mm:ss",
        "blank-seconds": "a date string in the format YYYY-MM-DD HH:mm:ss",
        "date": "a date string in the format YYYY-MM-DD",
        "epoch-seconds": "a UNIX timestamp in seconds",
        "epoch-milliseconds": "a UNIX timestamp in milliseconds",
    }
)
_LARGEST_EPOCH_SECONDS = 20_000_000_000
"""An epoch above is in milliseconds, and the API would call it out of range."""


def parse_instant(value: object, form: RangeFormat, zone: Zone = "UTC") -> datetime:
    """Parse the end of a range in exactly this format; a date is its first instant.

    Raises:
        ValueError: the value has another type or format.
    """
    if form in ("epoch-seconds", "epoch-milliseconds"):
        return _parse_epoch(value, form)
    if not isinstance(value, str) or not _PATTERNS[form].fullmatch(value):
        raise ValueError(EXPECTED[form])
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    return _from_zone(moment, zone)


def _from_zone(moment: datetime, zone: Zone) -> datetime:
    """Convert a wall time; of an hour that occurs twice, the later one."""
    guess = moment.replace(tzinfo=UTC)
    for _ in range(2):
        guess = moment.replace(tzinfo=UTC) - timedelta(minutes=offset_minutes(zone, guess))
    return guess


def _parse_epoch(value: object, form: RangeFormat) -> datetime:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(EXPECTED[form])  # noqa: TRY004  # callers expect one exception
    if form == "epoch-milliseconds":
        return _EPOCH + timedelta(milliseconds=value)
    if abs(value) > _LARGEST_EPOCH_SECONDS:
        raise ValueError(EXPECTED[form])
    return _EPOCH + timedelta(seconds=value)
