"""Literals of the language -> typed constants of the model (URL Conventions 5.1.1.14.1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from gateway.edm.types import PrimitiveType
from gateway.errors import InvalidValue, NotSupported
from gateway.query.tree.expressions import Constant, Value
from grammar import Literal, LiteralKind, unparse
from grammar.literals import to_date, to_datetime, to_time, to_timedelta

MICROSECOND = timedelta(microseconds=1)
INT64 = range(-(2**63), 2**63)
_BEYOND_MICROSECONDS = re.compile(r"\.[0-9]{6}([0-9]*[1-9])")
_SIMPLE = {
    LiteralKind.BOOLEAN: PrimitiveType.BOOLEAN,
    LiteralKind.DECIMAL: PrimitiveType.DECIMAL,
    LiteralKind.DOUBLE: PrimitiveType.DOUBLE,
    LiteralKind.STRING: PrimitiveType.STRING,
}
_TEMPORAL: dict[LiteralKind, tuple[PrimitiveType, Callable[[str], Value], str]] = {
    LiteralKind.DATE_TIME_OFFSET: (
        *(PrimitiveType.DATE_TIME_OFFSET, to_datetime),
        "instants range from the year 1 to 9999",
    ),
    LiteralKind.DATE: (PrimitiveType.DATE, to_date, "dates range from the year 1 to 9999"),
    LiteralKind.TIME_OF_DAY: (
        *(PrimitiveType.TIME_OF_DAY, to_time),
        "times range from 00:00:00 to 23:59:59 with at most six fractional digits",
    ),
    LiteralKind.DURATION: (
        *(PrimitiveType.DURATION, to_timedelta),
        "durations range up to 106751991 days with at most six fractional digits",
    ),
}


def bind_literal(literal: Literal, option: str) -> Constant:
    """Return the constant of a literal; integers are Edm.Int64, or Edm.Decimal if larger.

    Raises:
        InvalidValue: a date or time out of range, or finer than a microsecond; an instant may be
            finer.
        NotSupported: a literal of a type that no property has.
    """
    if literal.kind is LiteralKind.NULL:
        return Constant(None, None)
    if literal.kind in _SIMPLE:
        assert literal.value is not None  # noqa: S101 - only the null literal has no value
        return Constant(literal.value, _SIMPLE[literal.kind])
    if isinstance(literal.value, int):
        return integer(literal.value)
    if literal.kind in _TEMPORAL:
        return _temporal(literal, option)
    if literal.kind is LiteralKind.GUID:
        return Constant(UUID(str(literal.value)), PrimitiveType.GUID)
    raise NotSupported(
        f"{option}: {unparse(literal)} is a literal of type {literal.type_name or literal.kind},"
        " which no property of this service has",
        target=option,
    )


def integer(value: int) -> Constant:
    """Return an Edm.Int64 constant, or an Edm.Decimal one if the value is larger."""
    if value in INT64:
        return Constant(value, PrimitiveType.INT64)
    return Constant(Decimal(value), PrimitiveType.DECIMAL)


def as_duration(constant: Constant) -> Constant | None:
    """Return a text as a duration (4.01 needs no prefix); None if it is not one.

    >>> as_duration(Constant("P1D", PrimitiveType.STRING)).value
    datetime.timedelta(days=1)
    """
    text = constant.value
    if not isinstance(text, str) or text.endswith(("P", "T")) or _BEYOND_MICROSECONDS.search(text):
        return None
    try:
        value = to_timedelta(text)
    except ValueError:
        return None
    return Constant(value, PrimitiveType.DURATION) if _fits(value) else None


def _temporal(literal: Literal, option: str) -> Constant:
    type_, convert, limits = _TEMPORAL[literal.kind]
    text = str(literal.value)
    finer = _BEYOND_MICROSECONDS.search(text)
    fault = InvalidValue(f"{option}: {text} cannot be used: {limits}", target=option)
    if finer and type_ is not PrimitiveType.DATE_TIME_OFFSET:
        raise fault
    try:
        value = convert(text)
    except ValueError as error:
        raise fault from error
    if not _fits(value):
        raise fault
    return Constant(value, type_, int(finer[1].ljust(6, "0")) if finer else 0)


def _fits(value: Value) -> bool:
    return not isinstance(value, timedelta) or value // MICROSECOND in INT64
