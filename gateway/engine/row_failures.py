"""Errors of operations on rows -> messages that name the option, the expression and the remedy.

DuckDB reports only the kind of failure, with values of rows, which no message may contain. The kind
and the bound query say which expressions can be meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import duckdb

from gateway.edm.types import PrimitiveType
from gateway.errors import InvalidValue
from gateway.query.tree.expressions import (
    Arithmetic,
    ArithmeticOperator,
    Constant,
    Convert,
    FunctionCall,
    Negate,
)
from gateway.query.tree.queries import BoundQuery
from gateway.query.tree.render import render_parts
from gateway.query.tree.transformations import BoundAggregate, FromStep, Method

DIVISION_BY_ZERO = "division by zero"
NEGATIVE_LENGTH = "a length cannot be negative"
"""The words of `error(...)` in the gateway's own SQL."""

_MOST_SHOWN, _LONGEST_SHOWN = 3, 80
_DIVIDES = (ArithmeticOperator.DIV, ArithmeticOperator.MOD)
_DOUBLE = PrimitiveType.DOUBLE


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of failure: its words, the parts of queries that can fail so, and the remedy."""

    words: str
    can_fail: Callable[[object], bool]
    remedy: str


def row_failure(error: duckdb.Error, query: BoundQuery | None) -> InvalidValue:
    """Return the error for an operation of a query that fails on some row.

    Without a query, or if no part of it can fail so, the message names all options.
    """
    kind = _kind(error)
    places = dict.fromkeys(() if query is None else _places(query, kind))
    options = [*dict.fromkeys(option for option, _ in places)]
    texts = [*dict.fromkeys(_shortened(text) for _, text in places)]
    shown = " or ".join(texts[:_MOST_SHOWN]) + (" or ..." if len(texts) > _MOST_SHOWN else "")
    where = f"{' or '.join(options)}: " if options else "$filter, $orderby, $compute or $apply: "
    place = f" in {shown}" if shown else ""
    return InvalidValue(
        f"{where}{kind.words} for some row{place}; {kind.remedy}",
        target=options[0].partition(" ")[0] if len(options) == 1 else "",
    )


def _kind(error: duckdb.Error) -> _Kind:
    if not isinstance(error, duckdb.InvalidInputException):
        return _RANGE
    words = str(error)
    return next((kind for mark, kind in _MARKED.items() if mark in words), _PATTERN)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}..."


def _places(query: BoundQuery, kind: _Kind, around: str = "") -> Iterator[tuple[str, str]]:
    """Yield the option and the text of each part of a query that can fail so.

    Filter and order contain the expressions of computed properties: these are found first.
    """
    known: set[str] = set()
    for option, part in _options(query):
        for _, text in render_parts(part, kind.can_fail):
            if text not in known:
                known.add(text)
                yield option + around, text
    for item in query.expand:
        yield from _places(item.query, kind, f" in $expand of {item.path.navigation.name}")
    if query.source is not None:
        yield from _places(query.source, kind)


def _options(query: BoundQuery) -> Iterator[tuple[str, object]]:
    yield "$compute", query.computed
    if query.apply is None:
        yield "$filter", query.filter
    else:
        yield "$apply", (query.filter, query.apply.steps)
        yield "$filter", query.apply.filter
    yield "$orderby", query.orderby
    yield "$select", tuple(view.condition for view in query.views)


def _can_divide_by_zero(part: object) -> bool:
    return (
        isinstance(part, Arithmetic)
        and part.operator in _DIVIDES
        and part.type is not _DOUBLE
        and not isinstance(part.right, Constant)
    )


def _can_cut_short(part: object) -> bool:
    if (
        not isinstance(part, FunctionCall)
        or part.function != "substring"
        or len(part.arguments) < 3
    ):
        return False
    return not isinstance(part.arguments[2], Constant)


def _can_overflow(part: object) -> bool:
    match part:
        case Arithmetic() | Negate():
            return part.type is not _DOUBLE
        case BoundAggregate(method=Method.SUM, expr=expr) if expr is not None:
            return expr.type is not _DOUBLE
        case BoundAggregate(steps=steps):
            return any(_can_overflow(step) for step in steps)
        case FromStep(method=method, operand=operand):
            return method is Method.SUM and operand.type is not _DOUBLE
        case FunctionCall(function, _, type_):
            return function in ("round", "floor", "ceiling") and type_ is not _DOUBLE
        case Convert(type=type_):
            return type_ is PrimitiveType.DECIMAL
        case _:
            return False


def _has_pattern(part: object) -> bool:
    return isinstance(part, FunctionCall) and part.function == "matchespattern"


_DIVISION = _Kind(
    DIVISION_BY_ZERO,
    _can_divide_by_zero,
    "leave out the rows whose divisor is 0, or write case(divisor ne 0:dividend div divisor),"
    " which is null for them",
)
_LENGTH = _Kind(
    "a negative length",
    _can_cut_short,
    "write case(length ge 0:substring(text,start,length)), which is null for such rows",
)
_RANGE = _Kind(
    "a number, date, time or duration out of range",
    _can_overflow,
    "calculate with cast(...,Edm.Double) or a shorter duration, or leave such rows out with"
    " case(condition:value)",
)
_PATTERN = _Kind(
    "a pattern that is too large, invalid, or only evaluated as a literal",
    _has_pattern,
    "correct it, and write it as a literal: matchespattern(name,'^[A-Z]')",
)
_MARKED = {DIVISION_BY_ZERO: _DIVISION, NEGATIVE_LENGTH: _LENGTH}
