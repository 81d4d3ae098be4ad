"""A bound expression as OData text, for explain and messages."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal

from gateway.query.bound import (
    THIS_ROW,
    And,
    Arithmetic,
    BoundExpr,
    Call,
    CaseWhen,
    ColumnRef,
    Compare,
    Computed,
    Constant,
    Convert,
    CountElements,
    CountRows,
    Element,
    In,
    Leaf,
    Matches,
    Navigated,
    Negate,
    Not,
    Or,
    Quantified,
    QuantifiedRows,
    Reached,
)
from grammar.literals import (
    from_date,
    from_datetime,
    from_decimal,
    from_float,
    from_time,
    from_timedelta,
)

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
        case Quantified(prop, quantifier, predicate, row):
            inner = "" if predicate is None else f"x:{render_expr(predicate)}"
            return f"{_named(row)}{prop.name}/{quantifier}({inner})"
        case Matches(text):
            return f"search({_constant(text)})"
        case And(terms) | Or(terms):
            connective = " and " if isinstance(expr, And) else " or "
            return connective.join(_operand(term) for term in terms)
        case Not(operand):
            return f"not {_operand(operand)}"
        case Reached() | QuantifiedRows() | CountRows() | CountElements():
            return _navigated(expr)
        case _:
            return _computed(expr)


def _navigated(expr: Navigated) -> str:
    match expr:
        case Reached(way, value):
            return f"{_named(way.row)}{way.navigation.name}/{_behind(value)}"
        case QuantifiedRows(way, quantifier, predicate):
            inner = "" if predicate is None else f"{way.to}:{render_expr(predicate)}"
            return f"{_named(way.row)}{way.navigation.name}/{quantifier}({inner})"
        case CountRows(way, condition):
            inner = "" if condition is None else f"($filter={render_expr(condition)})"
            return f"{_named(way.row)}{way.navigation.name}/$count{inner}"
        case CountElements(prop, row, condition):
            inner = "" if condition is None else f"($filter={render_expr(condition)})"
            return f"{_named(row)}{prop.name}/$count{inner}"


def _behind(value: BoundExpr) -> str:
    """What follows the name of a navigation property: the name of the row goes without saying."""
    text = render_expr(value)
    return text.partition("/")[2] if _is_prefixed(text) else text


def _is_prefixed(text: str) -> bool:
    return text.startswith("n") and text.partition("/")[0][1:].isdigit()


def _named(row: str) -> str:
    return "" if row in ("", THIS_ROW) else f"{row}/"


def _computed(expr: Computed) -> str:
    match expr:
        case Call(function, arguments, _):
            return f"{function}({','.join(render_expr(argument) for argument in arguments)})"
        case Arithmetic(operator, left, right, _):
            return f"{_operand(left)} {operator} {_operand(right)}"
        case Negate(operand, _):
            return f"-({render_expr(operand)})"
        case Convert(operand, type_):
            return f"cast({render_expr(operand)},{type_})"
        case CaseWhen(branches, _):
            pairs = (f"{render_expr(c)}:{render_expr(v)}" for c, v in branches)
            return f"case({','.join(pairs)})"


def _leaf(expr: Leaf) -> str:
    match expr:
        case Constant(value, _):
            return _constant(value)
        case ColumnRef(prop, row):
            return f"{_named(row)}{prop.name}"
        case Element():
            return "x"


def _operand(expr: BoundExpr) -> str:
    text = render_expr(expr)
    simple = isinstance(expr, Leaf | Call | Convert | CaseWhen | Quantified | Matches | Navigated)
    return text if simple else f"({text})"


def _constant(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return "'" + value.replace("'", "''") + "'"
        case datetime() | date() | time() | timedelta():
            return _temporal(value)
        case float():
            plain = repr(value).removesuffix(".0")
            return from_float(value) if set(plain) - _PLAIN else plain
        case Decimal():
            return from_decimal(value)
        case _:
            return str(value)


def _temporal(value: datetime | date | time | timedelta) -> str:
    match value:
        case datetime():
            return from_datetime(value)
        case date():
            return from_date(value)
        case time():
            return from_time(value)
        case timedelta():
            return f"duration'{from_timedelta(value)}'"
