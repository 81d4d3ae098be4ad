"""A bound expression as OData text, for explain and messages."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from gateway.edm.types import PrimitiveType
from gateway.query.bound import (
    And,
    BoundExpr,
    ColumnRef,
    Compare,
    Constant,
    Element,
    In,
    Not,
    Or,
    Quantified,
    TextMatch,
)
from grammar.literals import from_datetime, from_decimal, from_float

_PLAIN = frozenset("-.0123456789")


def render_expr(expr: BoundExpr) -> str:
    """Canonical OData text; the lambda variable is always `x`."""
    match expr:
        case Constant() | ColumnRef() | Element():
            return _leaf(expr)
        case Compare(operator, left, right):
            return f"{_operand(left)} {operator} {_operand(right)}"
        case In(operand, values):
            return f"{_operand(operand)} in ({','.join(render_expr(v) for v in values)})"
        case TextMatch(function, text, part):
            return f"{function}({render_expr(text)},{render_expr(part)})"
        case Quantified(prop, quantifier, predicate):
            inner = "" if predicate is None else f"x:{render_expr(predicate)}"
            return f"{prop.name}/{quantifier}({inner})"
        case And(terms) | Or(terms):
            connective = " and " if isinstance(expr, And) else " or "
            return connective.join(_operand(term) for term in terms)
        case Not(operand):
            return f"not {_operand(operand)}"


def _leaf(expr: Constant | ColumnRef | Element) -> str:
    match expr:
        case Constant(value, type_):
            return str(value) if type_ is PrimitiveType.DATE else _constant(value)
        case ColumnRef(prop):
            return prop.name
        case Element():
            return "x"


def _operand(expr: BoundExpr) -> str:
    text = render_expr(expr)
    simple = isinstance(expr, Constant | ColumnRef | Element | TextMatch | Quantified)
    return text if simple else f"({text})"


def _constant(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return "'" + value.replace("'", "''") + "'"
        case datetime():
            return from_datetime(value)
        case float():
            plain = repr(value).removesuffix(".0")
            return from_float(value) if set(plain) - _PLAIN else plain
        case Decimal():
            return from_decimal(value)
        case _:
            return str(value)
