"""Arithmetic and canonical functions on plain Python values, for the oracle.

Written from URL Conventions 5.1.1.2 and 5.1.1.5 to 5.1.1.9. An instant is an `Instant`, a fraction
of seconds since the year 1; a duration a `Duration`, a fraction of seconds; integers, Decimals,
floats, dates and text are Python's. Null is None, and every operation on null is null.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

_EPOCH = datetime(1, 1, 1, tzinfo=UTC)
_END = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(seconds=1) + 1
_MICROSECOND = timedelta(microseconds=1)
_DURATION = re.compile(r"(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?")
_WHITE = (
    "".join(
        map(chr, (*range(9, 14), 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029))
    )
    + "\u202f\u205f\u3000"
)


class DoesNotExist(Exception):
    """The operation has no result: the request is bad."""


@dataclass(frozen=True, slots=True, order=True)
class Instant:
    """Seconds since the year 1."""

    seconds: Fraction

    @property
    def local(self) -> datetime:
        """In UTC, cut to the microsecond."""
        return _EPOCH + math.floor(self.seconds * 1_000_000) * _MICROSECOND


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """Seconds."""

    seconds: Fraction


def value_of(value: Any) -> Any:
    """A value of a row as the oracle computes with it."""
    if isinstance(value, datetime):
        return Instant(Fraction((value - _EPOCH) // _MICROSECOND, 1_000_000))
    return value


def instant_of(text: str) -> Instant:
    """`2024-01-01T01:00:00.5+01:00` with any number of digits."""
    clock, offset = (text[:-1], "+00:00") if text.endswith("Z") else (text[:-6], text[-6:])
    whole, _, digits = clock.partition(".")
    local = datetime.fromisoformat(whole).replace(tzinfo=UTC)
    shift = (int(offset[1:3]) * 60 + int(offset[4:6])) * (-60 if offset[0] == "+" else 60)
    seconds = Fraction((local - _EPOCH) // timedelta(seconds=1) + shift)
    return Instant(seconds + Fraction(f"0.{digits or 0}"))


def duration_of(text: str) -> Duration:
    """`-P1DT2H3M4.5S`."""
    match = _DURATION.fullmatch(text)
    assert match is not None
    days, hours, minutes, seconds = (Fraction(part or 0) for part in match.groups()[1:])
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return Duration(-total if match[1] else total)


def negated(value: Any) -> Any:
    """Unary minus."""
    match value:
        case None:
            return None
        case Duration(seconds):
            return Duration(-seconds)
        case int():
            return _in_64_bits(-value)
        case _:
            return -value


def computed(operator: str, left: Any, right: Any) -> Any:
    """The value of `left operator right`."""
    match left, right:
        case (None, _) | (_, None):
            return None
        case Instant(a), Instant(b):
            return Duration(a - b)
        case Instant(a), Duration(b):
            return _within_years(Instant(a + b if operator == "add" else a - b))
        case date(), date():
            return Duration(Fraction((left - right).days * 86_400))
        case date(), Duration(b):
            days = math.trunc(b / 86_400)
            return left + timedelta(days=days if operator == "add" else -days)
        case Duration(a), Duration(b):
            return Duration(a + b if operator == "add" else a - b)
        case (Duration(a), int()) if operator == "div":
            return Duration(Fraction(math.trunc(a * 1_000_000 / _divisor(right)), 1_000_000))
        case (Duration(a), int()):
            return Duration(a * right)
        case _:
            return _number(operator, left, right)


def _within_years(instant: Instant) -> Instant:
    if not 0 <= instant.seconds < _END:
        raise DoesNotExist
    return instant


def _number(operator: str, left: Any, right: Any) -> Any:
    if isinstance(left, float) or isinstance(right, float):
        return _double(operator, float(left), float(right))
    if operator == "divby":
        if right == 0:
            return math.nan if left == 0 else math.copysign(math.inf, left)
        return Decimal(left) / Decimal(right)
    if isinstance(left, int) and isinstance(right, int):
        return _in_64_bits(_integer(operator, left, right))
    return _decimal(operator, Decimal(left), Decimal(right))


def _divisor(value: Any) -> Any:
    if value == 0:
        raise DoesNotExist
    return value


def _in_64_bits(value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise DoesNotExist
    return value


def _integer(operator: str, left: int, right: int) -> int:
    match operator:
        case "add":
            return left + right
        case "sub":
            return left - right
        case "mul":
            return left * right
    quotient = math.trunc(Fraction(left, _divisor(right)))
    return quotient if operator == "div" else left - quotient * right


def _decimal(operator: str, left: Decimal, right: Decimal) -> Decimal:
    match operator:
        case "add":
            return left + right
        case "sub":
            return left - right
        case "mul":
            return left * right
        case "div":
            return left / Decimal(_divisor(right))
        case _:
            return left % Decimal(_divisor(right))


def _double(operator: str, left: float, right: float) -> float:
    match operator:
        case "add":
            return left + right
        case "sub":
            return left - right
        case "mul":
            return left * right
        case "mod":
            undefined = right == 0 or math.isinf(left) or math.isnan(left)
            return math.nan if undefined else math.fmod(left, right)
    if right != 0 or math.isnan(right):
        return left / right
    negative = (math.copysign(1, left) < 0) != (math.copysign(1, right) < 0)
    undefined = left == 0 or math.isnan(left)
    return math.nan if undefined else (-math.inf if negative else math.inf)


def called(name: str, arguments: list[Any]) -> Any:
    """The value of a canonical function; null when an argument is null."""
    if any(argument is None for argument in arguments):
        return None
    return _FUNCTIONS[name](*arguments)


def _substring(text: str, start: int, length: int | None = None) -> str:
    """A negative start counts from the end, and at most to the beginning."""
    first = max(len(text) + start, 0) if start < 0 else start
    if length is not None and length < 0:
        raise DoesNotExist
    return text[first:] if length is None else text[first : first + length]


def _rounded(direction: str) -> Callable[[Any], Any]:
    def function(number: Any) -> Any:
        if isinstance(number, float) and not math.isfinite(number):
            return number
        whole = Decimal(number).to_integral_value(direction)
        return float(whole) if isinstance(number, float) else whole

    return function


def _days(value: Any) -> date:
    return value.local.date() if isinstance(value, Instant) else value


def _fraction(value: Instant) -> Decimal:
    return Decimal(value.local.microsecond) / 1_000_000


def _total(value: Duration) -> Decimal:
    return Decimal(value.seconds.numerator) / Decimal(value.seconds.denominator)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "contains": lambda text, part: part in text,
    "startswith": lambda text, part: text.startswith(part),
    "endswith": lambda text, part: text.endswith(part),
    "matchespattern": lambda text, pattern: re.search(pattern, text) is not None,
    "concat": lambda text, other: text + other,
    "indexof": lambda text, part: text.find(part),
    "length": len,
    "substring": _substring,
    "tolower": str.lower,
    "toupper": str.upper,
    "trim": lambda text: text.strip(_WHITE),
    "year": lambda value: _days(value).year,
    "month": lambda value: _days(value).month,
    "day": lambda value: _days(value).day,
    "hour": lambda value: value.local.hour,
    "minute": lambda value: value.local.minute,
    "second": lambda value: value.local.second,
    "fractionalseconds": _fraction,
    "date": _days,
    "totaloffsetminutes": lambda value: 0,
    "totalseconds": _total,
    "mindatetime": lambda: instant_of("0001-01-01T00:00:00Z"),
    "maxdatetime": lambda: instant_of("9999-12-31T23:59:59.999999Z"),
    "round": _rounded(ROUND_HALF_UP),
    "floor": _rounded(ROUND_FLOOR),
    "ceiling": _rounded(ROUND_CEILING),
}
