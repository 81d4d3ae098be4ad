"""Literals as written to canonical text, with their ranges checked (ABNF section 7).

The terminals of the grammar are a little wider than the ABNF, so that a thirteenth month gets its
own message. Canonical text has upper-case `T`, `Z`, `P`, always seconds, no zeros at the end of a
fraction, `Z` for a zero offset, lower-case Guids, and base64url without padding. Equal text means
equal values; different text may too, for offsets and durations.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BinasciiError
from calendar import isleap

from grammar.errors import BuilderError

_DAYS_OF_MONTH = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MAX_FRACTION_DIGITS = 12
_DURATION = re.compile(
    r"-?P(?=.)(?:[0-9]+D)?(?:T(?=.)(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9]+(?:\.[0-9]+)?S)?)?"
)
_ENUM_VALUE = re.compile(r"[+-]?[0-9]+|[^\W\d]\w*")


def date(text: str) -> str:
    """Check month and day; years may be negative or longer than four digits.

    >>> date("2024-02-29")
    '2024-02-29'
    """
    year, month, day = text.rsplit("-", 2)
    digits = year.removeprefix("-")
    if len(digits) > 4 and digits[0] == "0":
        raise BuilderError(f"year {year} has a leading zero")
    if not 1 <= int(month) <= 12:
        raise BuilderError(f"month {month} does not exist")
    leap = month == "02" and isleap(int(digits[-4:]))
    if not 1 <= int(day) <= _DAYS_OF_MONTH[int(month) - 1] + leap:
        raise BuilderError(f"month {year}-{month} has no day {day}")
    return text


def time_of_day(text: str) -> str:
    """Check the parts and add missing seconds; second 60 is valid, as a leap second."""
    hour, minute, second = (*text.split(":"), "00")[:3]
    whole, _, fraction = second.partition(".")
    if int(hour) > 23:
        raise BuilderError(f"hour {hour} does not exist", hint=_hour_hint(hour))
    if int(minute) > 59:
        raise BuilderError(f"minute {minute} does not exist")
    if int(whole) > 60:
        raise BuilderError(f"second {whole} does not exist")
    if len(fraction) > _MAX_FRACTION_DIGITS:
        raise BuilderError(f"a fraction of a second has at most {_MAX_FRACTION_DIGITS} digits")
    fraction = fraction.rstrip("0")
    return f"{hour}:{minute}:{whole}.{fraction}" if fraction else f"{hour}:{minute}:{whole}"


def _hour_hint(hour: str) -> str:
    return "write midnight as 00:00 of the next day" if hour == "24" else ""


def date_time_offset(text: str) -> str:
    """Return the canonical instant; a space before the offset is a `+` that was not sent as %2B.

    >>> date_time_offset("2024-01-15t10:30 01:00")
    '2024-01-15T10:30:00+01:00'
    """
    day, _, rest = text.upper().partition("T")
    if rest.endswith("Z"):
        return f"{date(day)}T{time_of_day(rest[:-1])}Z"
    sign, offset = rest[-6].replace(" ", "+"), rest[-5:]
    if int(offset[:2]) > 23 or int(offset[3:]) > 59:
        raise BuilderError(f"offset {sign}{offset} does not exist")
    zone = "Z" if offset == "00:00" else f"{sign}{offset}"
    return f"{date(day)}T{time_of_day(rest[:-6])}{zone}"


def duration(text: str) -> str:
    """Check a duration of days to seconds; years, months and a plus sign are not allowed."""
    upper = text.upper()
    if not _DURATION.fullmatch(upper):
        hint = "for example P1DT2H30M: days, then T, then hours, minutes, seconds"
        raise BuilderError(f"'{text}' is not a duration", hint=hint, at=0)
    return upper


def binary(text: str) -> str:
    """Check base64url and remove the padding."""
    try:
        data = urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
        bare = urlsafe_b64encode(data).decode().rstrip("=")
    except (BinasciiError, ValueError):
        bare = ""
    if bare != text.rstrip("=") or len(text) > len(bare) + (-len(bare) % 4):
        raise BuilderError(f"'{text}' is not base64url", hint="use - and _ instead of + and /")
    return bare


def enumeration(text: str) -> str:
    """Check members, by name or number, and separate them by commas alone."""
    members = [member.strip(" \t") for member in text.split(",")]
    if not all(map(_ENUM_VALUE.fullmatch, members)):
        raise BuilderError(f"'{text}' is not a list of enumeration members")
    return ",".join(members)


def geo(text: str) -> str:
    """Check `SRID=4326;Point(1 2)` or another shape, and return it as written."""
    if not text[:5].upper() == "SRID=":
        raise BuilderError(
            "the SRID is missing", hint="for example geography'SRID=4326;Point(13.4 52.5)'"
        )
    if not _is_geo(text):
        raise BuilderError(
            f"'{text}' is not a geo literal", hint="write coordinates as `longitude latitude`"
        )
    return text


_HINTS_BY_PREFIX = {
    "datetime": "write the instant without quotes and with its offset, e.g. {}",
    "datetimeoffset": "write the instant without quotes, e.g. {}",
    "date": "write the date without quotes, e.g. 2024-01-31",
    "time": "write the time without quotes, e.g. 07:59:00, or duration'PT7H59M'",
    "guid": "write the Guid without quotes",
    "x": "write binary'...' in base64url",
}
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt][0-9]{2}:[0-9]{2}(?::[0-9.]+)?)?")


def foreign_prefix(prefix: str, value: str) -> BuilderError:
    """Build the error for `datetime'...'` and other literals of OData 2 and 3."""
    hint = _HINTS_BY_PREFIX.get(
        prefix.lower(),
        "put text in single quotes without a prefix, and write enums as Ns.Type'Name'",
    )
    found = _INSTANT.match(value)
    day, _, clock = found[0].upper().partition("T") if found else ("2024-01-31", "", "08:00:00")
    example = f"{day}T{clock or '00:00:00'}Z"
    return BuilderError(f"{prefix}'...' is not an OData 4 literal", hint=hint.format(example))


# Geography and geometry: Well-Known Text as OData profiles it (`fullPointLiteral` and the rest).
# The shape is checked, so that malformed literals (400) differ from unsupported ones (501).
_NUMBER = r"(?:-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|-?INF|NaN)"
_POSITION = rf"{_NUMBER}(?: {_NUMBER}){{1,3}}"


def _wkt_list(item: str, least: int = 1) -> str:
    """Return a pattern for `(item,item)`; also for `()` if `least` is 0."""
    return rf"\((?:{item}(?:,{item})*)" + ("" if least else "?") + r"\)"


_POINT = rf"\({_POSITION}\)"
_LINE = rf"\({_POSITION}(?:,{_POSITION})+\)"
_RING_LIST = _wkt_list(_wkt_list(_POSITION))
_SHAPES = "|".join(
    (
        rf"Point{_POINT}",
        rf"LineString{_LINE}",
        rf"Polygon{_RING_LIST}",
        rf"MultiPoint{_wkt_list(_POINT, 0)}",
        rf"MultiLineString{_wkt_list(_LINE, 0)}",
        rf"MultiPolygon{_wkt_list(_RING_LIST, 0)}",
    )
)
_SHAPE = re.compile(_SHAPES, re.IGNORECASE)
_SRID = re.compile(r"SRID=[0-9]{1,5};", re.IGNORECASE)
_COLLECTION = re.compile(r"(?:Geometry)?Collection\(", re.IGNORECASE)


def _is_geo(text: str) -> bool:
    """Return true for an SRID and one shape; collections may contain collections.

    >>> _is_geo("SRID=0;GeometryCollection(Point(1 2),LineString(1 2,3 4))")
    True
    """
    srid = _SRID.match(text)
    if srid is None:
        return False
    position, depth = srid.end(), 0
    while opened := _COLLECTION.match(text, position):
        position, depth = opened.end(), depth + 1
    return _ends_well(text, position, depth)


def _ends_well(text: str, position: int, depth: int) -> bool:
    """Return true if shapes, inside `depth` open collections, fill the rest of the text."""
    while shape := _SHAPE.match(text, position):
        position = shape.end()
        while depth and text.startswith(")", position):
            position, depth = position + 1, depth - 1
        if not depth:
            return position == len(text)
        if not text.startswith(",", position):
            return False
        position += 1
        while opened := _COLLECTION.match(text, position):
            position, depth = opened.end(), depth + 1
    return False
