"""Arithmetic as DuckDB SQL (URL Conventions 5.1.1.2).

Overflows and divisions by zero fail in DuckDB and become a 400 in `gateway.engine.run`; Doubles
follow IEEE 754. An instant plus a duration is computed in microseconds.
"""

from __future__ import annotations

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
_DAYS = "CAST({1} // 86400000000 AS INTEGER)"
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
        return fill("(CAST(0 AS BIGINT) - {0})", typed(operand, expr.type))
    return fill("(- {0})", typed(operand, expr.type))


def _template(expr: Arithmetic) -> str:
    operator = expr.operator
    match expr.type:
        case T.INT64 | T.DOUBLE | T.DECIMAL:
            return _number(expr)
        case T.DATE_TIME_OFFSET:
            return f"make_timestamp(epoch_us({{0}}) {_RING[operator]} {{1}})"
        case T.DATE:
            return f"({{0}} {_RING[operator]} {_DAYS})"
        case _:
            return _duration(expr)


def _number(expr: Arithmetic) -> str:
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
            return f"({{0}} {_RING[expr.operator]} {{1}})"
        case left, right if left in _INTEGERS or right in _INTEGERS:
            return "({0} * {1})" if expr.operator is _Op.MUL else "({0} // {1})"
    if expr.operator is _Op.MUL:
        return "CAST(round({0} * {1}) AS BIGINT)"
    return "CAST(round(CAST({0} AS DOUBLE) / CAST({1} AS DOUBLE)) AS BIGINT)"
