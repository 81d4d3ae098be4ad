"""Conversion between values as users enter them and OData literals, by the column's type."""

from __future__ import annotations

import re
from typing import Final

from gateway.edm.types import PrimitiveType
from gateway.errors import TypeMismatch
from gateway.query.request import to_gateway_error
from grammar import Literal, LiteralKind, ODataSyntaxError, parse_expression, unparse

_NUMBERS: Final = (LiteralKind.INTEGER, LiteralKind.DECIMAL, LiteralKind.DOUBLE)
_KINDS: Final[dict[PrimitiveType, tuple[LiteralKind, ...]]] = {
    PrimitiveType.STRING: (LiteralKind.STRING,),
    PrimitiveType.BOOLEAN: (LiteralKind.BOOLEAN,),
    PrimitiveType.INT32: _NUMBERS,
    PrimitiveType.INT64: _NUMBERS,
    PrimitiveType.DOUBLE: _NUMBERS,
    PrimitiveType.DECIMAL: _NUMBERS,
    PrimitiveType.DATE_TIME_OFFSET: (LiteralKind.DATE_TIME_OFFSET,),
    PrimitiveType.DATE: (LiteralKind.DATE,),
    PrimitiveType.TIME_OF_DAY: (LiteralKind.TIME_OF_DAY,),
    PrimitiveType.DURATION: (LiteralKind.DURATION,),
    PrimitiveType.GUID: (LiteralKind.GUID,),
}
_EXAMPLES: Final = {
    PrimitiveType.BOOLEAN: "true or false",
    PrimitiveType.DATE_TIME_OFFSET: "a date, such as 2025-01-31, or with a time 2025-01-31 17:30;"
    " times are UTC unless you add an offset such as +02:00",
    PrimitiveType.DATE: "a date, such as 2025-01-31",
    PrimitiveType.TIME_OF_DAY: "a time, such as 17:30",
    PrimitiveType.DURATION: "a duration, such as P1DT2H for a day and two hours",
    PrimitiveType.GUID: "a Guid",
}
_DAY: Final = re.compile(r"-?\d{4,}-\d\d-\d\d")
_MOMENT: Final = re.compile(r"(-?\d{4,}-\d\d-\d\d)[Tt ]+(\d\d:\d\d[\d:.]*) ?([Zz]|[+-]\d\d:\d\d)?")


def to_literal(text: str, type_: PrimitiveType) -> Literal:
    """Return the literal for an entered value.

    An instant without an offset is UTC; a date alone means its midnight.

    >>> unparse(to_literal("O'Neil", PrimitiveType.STRING))
    "'O''Neil'"
    >>> unparse(to_literal("2025-01-31 17:30", PrimitiveType.DATE_TIME_OFFSET))
    '2025-01-31T17:30:00Z'

    Raises:
        InvalidSyntax: the text is not a literal.
        TypeMismatch: the literal is of another type.
    """
    if type_ is PrimitiveType.STRING:
        return Literal(LiteralKind.STRING, text)
    entered = text.strip()
    if type_ is PrimitiveType.DATE_TIME_OFFSET:
        entered = _with_offset(entered)
    if type_ is PrimitiveType.DURATION:
        entered = f"duration'{entered}'"
    try:
        literal = parse_expression(entered)
    except ODataSyntaxError as error:
        raise to_gateway_error(error) from error
    if not isinstance(literal, Literal) or literal.kind not in _KINDS[type_]:
        raise TypeMismatch(f"{text!r} is not {_EXAMPLES.get(type_, 'a number, such as 42 or 0.5')}")
    return literal


def to_text(literal: Literal, type_: PrimitiveType) -> str | None:
    """Return the text for a literal; None if its type differs or one line cannot hold it."""
    if literal.kind not in _KINDS[type_]:
        return None
    text = str(literal.value) if type_ is PrimitiveType.STRING else unparse(literal)
    if type_ is PrimitiveType.DURATION:
        text = text.removeprefix("duration'").removesuffix("'")
    is_line = bool(text) and "\n" not in text
    return text if is_line and to_literal(text, type_) == literal else None


def _with_offset(entered: str) -> str:
    if _DAY.fullmatch(entered):
        return f"{entered}T00:00:00Z"
    moment = _MOMENT.fullmatch(entered)
    return entered if moment is None else f"{moment[1]}T{moment[2]}{moment[3] or 'Z'}"
