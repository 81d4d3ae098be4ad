"""Conversion of texts to instants in UTC: truncated to microseconds, never rounded.

A text with an offset and 0 to 9 digits of a second is a value when it lies in the years 1 to 9999
in UTC. An instant that no column can hold (the year 0, the year 10000, a second 60) becomes null
and its position is returned. A text that is not an instant breaks the contract.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

NAIVE = pa.timestamp("us")
_UTC = pa.timestamp("us", tz="UTC")
_FINER = r"^([^.]*\.[0-9]{6})[0-9]{1,3}([Z+-][0-9:]*)$"
_TEXT = re.compile(
    r"([+-]?[0-9]{4,6})-([0-9]{2})-([0-9]{2})[Tt ]"
    r"([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?)?"
    r"(?:[Zz]|([+-])([0-9]{2}):?([0-9]{2})?)"
)
_MAX_FRACTION_DIGITS = 9
_CYCLE_YEARS, _CYCLE_DAYS = 400, 146_097
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the columns are naive UTC
_EARLIEST = (datetime.min - _EPOCH) // timedelta(microseconds=1)  # noqa: DTZ901 - as above
_LATEST = (datetime.max - _EPOCH) // timedelta(microseconds=1)  # noqa: DTZ901 - as above


def read_instants(texts: Sequence[str | None]) -> tuple[pa.Array, tuple[int, ...]]:
    """Return naive UTC, and the positions of instants that are null as no column can hold them.

    Raises:
        ValueError: some text is no instant with an offset; the message does not quote it.
    """
    column = pa.array(texts, pa.string())
    micros = _all_at_once(column)
    if micros is None:
        found = (None if text is None else to_micros_of(text) for text in texts)
        micros = pa.array(found, pa.int64())
    ends = pc.min_max(micros)
    low, high = ends["min"].as_py(), ends["max"].as_py()
    if low is not None and not _EARLIEST <= low <= high <= _LATEST:
        fits = pc.and_(pc.greater_equal(micros, _EARLIEST), pc.less_equal(micros, _LATEST))
        micros = pc.if_else(fits, micros, None)
    outside: tuple[int, ...] = ()
    if micros.null_count > column.null_count:
        lost = pc.and_(micros.is_null(), column.is_valid())
        outside = tuple(pc.indices_nonzero(lost).to_pylist())
    return micros.view(NAIVE), outside


def to_micros_of(text: str) -> int | None:
    """Return microseconds since 1970 UTC; None for an instant that no column can hold.

    >>> to_micros_of("1970-01-01T01:00:00.0000019+01:00"), to_micros_of("10000-01-01T00:00:00Z")
    (1, None)

    Raises:
        ValueError: the text is no instant with an offset.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError("the instant lacks a date, a time or its timezone")
    year, month, day, hour, minute, second, fraction, sign, ahead, minutes = match.groups("0")
    clock = (int(hour), int(minute), int(second), int(ahead), int(minutes))
    days = _days(int(year), int(month), int(day))
    if days is None or len(fraction) > _MAX_FRACTION_DIGITS or not _is_clock(clock):
        return None
    offset = (clock[3] * 60 + clock[4]) * (-60 if sign == "-" else 60)
    seconds = days * 86_400 + clock[0] * 3600 + clock[1] * 60 + clock[2] - offset
    micros = seconds * 1_000_000 + int(fraction[:6].ljust(6, "0"))
    return micros if _EARLIEST <= micros <= _LATEST else None


def _all_at_once(column: pa.Array) -> pa.Array | None:
    """Return microseconds, perhaps of unsupported years; None if texts must be read one by one."""
    try:
        return column.cast(_UTC).view(pa.int64())
    except pa.ArrowInvalid:
        cut = pc.replace_substring_regex(column, _FINER, r"\1\2")
    try:
        return cut.cast(_UTC).view(pa.int64())
    except pa.ArrowInvalid:
        return None


def _days(year: int, month: int, day: int) -> int | None:
    """Return days since 1970, for any year: the calendar repeats after 400; None if invalid."""
    like = year % _CYCLE_YEARS + 5 * _CYCLE_YEARS
    try:
        days = date(like, month, day).toordinal() - _EPOCH.toordinal()
    except ValueError:
        return None
    return days + (year - like) // _CYCLE_YEARS * _CYCLE_DAYS


def _is_clock(parts: tuple[int, ...]) -> bool:
    """Return True for hours < 24, minutes and seconds < 60, of the time and its offset."""
    return all(part < most for part, most in zip(parts, (24, 60, 60, 24, 60), strict=True))
