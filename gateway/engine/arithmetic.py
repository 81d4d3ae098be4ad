"""Arithmetic as DuckDB SQL (URL Conventions 5.1.1.2).

Overflows and divisions by zero fail in DuckDB and become a 400 in `gateway.engine.run`; Doubles
follow IEEE 754. An instant plus a duration is computed in microseconds.

DuckDB has dates far beyond the years of OData. Sums and differences outside of the years 1 to 9999
are made to overflow 64 bits, which costs less than a comparison and needs the operands only once.

DuckDB rewrites `x + 5 > 0` as `x > -5`, which hides an overflow. It does not rewrite casts, so sums
beside constants are computed in 128 bits: what exists in $compute exists in $filter, and only that.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gateway.edm.types import PrimitiveType as T
from gateway.engine.functions import typed
from gateway.engine.sql import Sql, fill
from gateway.query.tree.expressions import Arithmetic, ArithmeticOperator, Constant, Negate

_Op = ArithmeticOperator
_RING = {_Op.ADD: "+", _Op.SUB: "-", _Op.MUL: "*"}
_BY_ZERO = "(CASE WHEN {{1}} = 0 THEN error('division by zero') ELSE {} END)"
_SIGNS = {
    T.INT64: {_Op.DIV: "//", _Op.MOD: "%"},
    T.DOUBLE: {_Op.DIV: "/", _Op.DIVBY: "/", _Op.MOD: "%"},
    T.DECIMAL: {_Op.MOD: "%"},
}
_WHOLE_QUOTIENT = (
    "(CAST(CAST({0} AS HUGEINT) * 1000000000000 // CAST({1} AS HUGEINT) AS DECIMAL(38, 0))"
    " * CAST(0.000000000001 AS DECIMAL(13, 12)))"
)
_QUOTIENT = "CAST(CAST({0} AS DOUBLE) / CAST({1} AS DOUBLE) AS DECIMAL(38, 12))"
_DAYS = "({1} // 86400000000)"
_MICROSECOND, _DAY = timedelta(microseconds=1), timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_MOST, _LEAST = 2**63 - 1, -(2**63)
_INTEGERS = (T.INT32, T.INT64)


def arithmetic(expr: Arithmetic, left: Sql, right: Sql) -> Sql:
    """Return the SQL of the operation; `left` and `right` are its rendered operands."""
    template = _template(expr)
    divides = expr.operator in (_Op.DIV, _Op.MOD) and expr.type is not T.DOUBLE
    if divides and not isinstance(expr.right, Constant):
        template = _BY_ZERO.format(template)
    if expr.type is T.DOUBLE:
        return fill(template, typed(left, T.DOUBLE), typed(right, T.DOUBLE))
    return fill(template, typed(left, expr.left.type), typed(right, expr.right.type))


def negation(expr: Negate, operand: Sql) -> Sql:
    """Return the SQL of a unary minus."""
    if expr.type in (T.INT64, T.DURATION):
        return fill("CAST(- CAST({0} AS HUGEINT) AS BIGINT)", typed(operand, expr.type))
    return fill("(- {0})", typed(operand, expr.type))


def _template(expr: Arithmetic) -> str:
    operator = expr.operator
    match expr.type:
        case T.INT64 | T.DOUBLE | T.DECIMAL:
            return _number(expr)
        case T.DATE_TIME_OFFSET:
            sum_ = f"epoch_us({{0}}) {_RING[operator]} {{1}}"
            return f"make_timestamp({_within_years(sum_, _MICROSECOND)})"
        case T.DATE:
            sum_ = f"({{0}} - DATE '1970-01-01') {_RING[operator]} {_DAYS}"
            return f"(DATE '1970-01-01' + CAST({_within_years(sum_, _DAY)} AS INTEGER))"
        case _:
            return _duration(expr)


def _of_integers(expr: Arithmetic) -> str:
    """Return a sum, a difference or a product in 64 bits."""
    sign = _RING[expr.operator]
    if isinstance(expr.left, Constant) or isinstance(expr.right, Constant):
        return f"CAST(CAST({{0}} AS HUGEINT) {sign} {{1}} AS BIGINT)"
    return f"({{0}} {sign} {{1}})"


def _within_years(sum_: str, unit: timedelta) -> str:
    """Return the sum, in units since 1970, so that it overflows outside of the years 1 to 9999."""
    above = _MOST - (_LAST - _EPOCH) // unit
    below = (_FIRST - _EPOCH) // unit - _LEAST
    return f"{sum_} + {above} - {above} - {below} + {below}"


def _number(expr: Arithmetic) -> str:
    if expr.type is T.INT64 and expr.operator in _RING:
        return _of_integers(expr)
    sign = _RING.get(expr.operator) or _SIGNS[expr.type].get(expr.operator)
    if sign is not None:
        return f"({{0}} {sign} {{1}})"
    whole = expr.left.type in _INTEGERS and expr.right.type in _INTEGERS
    return _WHOLE_QUOTIENT if whole else _QUOTIENT


def _duration(expr: Arithmetic) -> str:
    """Return whole microseconds, truncated when divided by an integer, otherwise rounded."""
    match expr.left.type, expr.right.type:
        case T.DATE_TIME_OFFSET, _:
            return "(epoch_us({0}) - epoch_us({1}))"
        case T.DATE, _:
            return "(({0} - {1}) * CAST(86400000000 AS BIGINT))"
        case T.DURATION, T.DURATION:
            return _of_integers(expr)
        case left, right if left in _INTEGERS or right in _INTEGERS:
            return _of_integers(expr) if expr.operator is _Op.MUL else "({0} // {1})"
    if expr.operator is _Op.MUL:
        return "CAST(round({0} * {1}) AS BIGINT)"
    return "CAST(round(CAST({0} AS DOUBLE) / CAST({1} AS DOUBLE)) AS BIGINT)"
