"""The conditions of the form: converted to syntax trees, and recognised in syntax trees.

The type of a column determines its operators. `days` are whole days relative to now, so a saved
query stays correct tomorrow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from gateway.edm.model import Property
from gateway.edm.types import PrimitiveType
from gateway.errors import TypeMismatch
from gateway.pages.builder.form import OWN, Condition
from gateway.pages.builder.literals import to_literal, to_text
from grammar import (
    Binary,
    Call,
    Expr,
    Lambda,
    ListExpr,
    Literal,
    LiteralKind,
    Name,
    Unary,
    parse_filter,
    unparse,
)

Build: TypeAlias = "Callable[[Name, tuple[Literal, ...]], Expr]"
_NULL: Final = Literal(LiteralKind.NULL, None)
_VARIABLE: Final = "x"


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator; `takes` names the values that follow it: none, one, many or days."""

    takes: str
    build: Build


def _compare(operator: str) -> Operator:
    return Operator("one", lambda name, values: Binary(operator, name, values[0]))


def _call(function: str) -> Operator:
    return Operator("one", lambda name, values: Call(function, (name, values[0])))


def _not(operator: Operator) -> Operator:
    return Operator(operator.takes, lambda name, values: Unary("not", operator.build(name, values)))


def _in(name: Name, values: tuple[Literal, ...]) -> Expr:
    return Binary("in", name, ListExpr(values))


def _has(name: Name, values: tuple[Literal, ...]) -> Expr:
    return Lambda(name, "any", _VARIABLE, _in(Name(_VARIABLE), values))


def _now(sign: str, comparison: str) -> Operator:
    def build(name: Name, values: tuple[Literal, ...]) -> Expr:
        return Binary(comparison, name, Binary(sign, Call("now", ()), values[0]))

    return Operator("days", build)


_ANY: Final = Operator("none", lambda name, _: Lambda(name, "any"))
OPERATORS: Final[dict[str, Operator]] = {
    "eq": _compare("eq"),
    "ne": _compare("ne"),
    "ge": _compare("ge"),
    "gt": _compare("gt"),
    "le": _compare("le"),
    "lt": _compare("lt"),
    "in": Operator("many", _in),
    "notin": _not(Operator("many", _in)),
    "contains": _call("contains"),
    "notcontains": _not(_call("contains")),
    "startswith": _call("startswith"),
    "endswith": _call("endswith"),
    "sincedays": _now("sub", "ge"),
    "beforedays": _now("sub", "lt"),
    "untildays": _now("add", "le"),
    "null": Operator("none", lambda name, _: Binary("eq", name, _NULL)),
    "notnull": Operator("none", lambda name, _: Binary("ne", name, _NULL)),
    "has": Operator("many", _has),
    "hasnot": _not(Operator("many", _has)),
    "none": _not(_ANY),
    "some": _ANY,
}
"""Operators by their names in the form's fields."""
_COMPARED: Final = ("eq", "ne", "ge", "gt", "le", "lt")
_CLOSED: Final = ("in", "notin", "null", "notnull")
_TEXT: Final = ("eq", "ne", "in", "notin", "contains", "notcontains", "startswith", "endswith")
_NULLS: Final = ("null", "notnull")
_DAYS: Final = ("sincedays", "beforedays", "untildays")
_TIME: Final = ("ge", "lt", *_DAYS, "gt", "le", "eq", "ne", *_NULLS)


def operators_of(prop: Property) -> tuple[str, ...]:
    """Return the names of a column's operators, the most common one first."""
    if prop.collection:
        return ("has", "hasnot", "none", "some")
    if prop.known_values:
        return ("in", "notin", "eq", "ne", *_NULLS)
    match prop.type:
        case PrimitiveType.STRING:
            return (*_TEXT, *_NULLS)
        case PrimitiveType.BOOLEAN:
            return ("eq", "ne", *_NULLS)
        case PrimitiveType.DATE_TIME_OFFSET:
            return _TIME
        case PrimitiveType.GUID:
            return ("eq", "ne", *_CLOSED)
        case _:
            return (*_COMPARED, *_CLOSED)


def is_complete(condition: Condition) -> bool:
    """Return True if the condition has all it needs to be part of a query."""
    if condition.operator == OWN:
        return bool(condition.values)
    takes_none = OPERATORS[condition.operator].takes == "none"
    return bool(condition.column) and (takes_none or bool(condition.values))


def to_expression(condition: Condition, prop: Property | None) -> Expr:
    """Return the tree of a complete condition; `prop` is its column, None for a custom one.

    Raises:
        ODataSyntaxError: a custom condition is not valid OData.
        InvalidSyntax, TypeMismatch: a value does not fit the column.
    """
    if prop is None:
        return parse_filter(condition.values[0])
    operator = OPERATORS[condition.operator]
    type_ = PrimitiveType.DURATION if operator.takes == "days" else prop.type
    texts = condition.values if operator.takes == "many" else condition.values[:1]
    if operator.takes == "days":
        texts = tuple(map(_days, texts))
    return operator.build(Name(prop.name), tuple(to_literal(text, type_) for text in texts))


def _days(text: str) -> str:
    number = text.strip()
    if not (number.isascii() and number.isdigit()):
        raise TypeMismatch(f"{text!r} is not a number of days; enter a whole number, such as 30")
    return f"P{number}D"


def to_condition(node: Expr, find: Callable[[str], Property | None]) -> Condition:
    """Return the condition for a tree; a custom one if no operator of the form matches.

    `find` looks up columns. The condition converts back to the same tree, except for the variable
    of `any` and for `eq` inside of it.
    """
    name, operator, literals = _decompose(_as_list(node))
    prop = find(name)
    if prop is not None and operator in operators_of(prop):
        values = _texts(operator, literals, prop)
        if values is not None:
            return Condition(name, operator, values)
    return Condition("", OWN, (unparse(node),))


def _decompose(node: Expr) -> tuple[str, str, tuple[Literal, ...]]:
    """Return the column, operator and literals that build `node`; empty if none does."""
    name, literals = _name_in(node), _literals_in(node)
    if name is not None:
        for key, operator in OPERATORS.items():
            if _fit(literals, operator) and operator.build(name, literals) == node:
                return name.name, key, literals
    return "", "", ()


def _fit(literals: tuple[Literal, ...], operator: Operator) -> bool:
    """Return True if an operator accepts these literals; null has its own operators."""
    if operator.takes == "none":
        return True
    return _NULL not in literals and (operator.takes == "many" or len(literals) == 1)


def _name_in(node: Expr) -> Name | None:
    """Return the leftmost name."""
    match node:
        case Name():
            return node
        case Binary(_, left) | Call(_, (left, *_)):
            return _name_in(left) if isinstance(left, Name) else None
        case Lambda(base):
            return base if isinstance(base, Name) else None
        case Unary("not", operand):
            return _name_in(operand)
        case _:
            return None


def _literals_in(node: Expr) -> tuple[Literal, ...]:
    match node:
        case Literal():
            return (node,)
        case ListExpr(items):
            return tuple(item for item in items if isinstance(item, Literal))
        case Binary(_, _, right) | Call(_, (_, right)):
            return _literals_in(right)
        case Lambda(_, _, _, predicate) if predicate is not None:
            return _literals_in(predicate)
        case Unary("not", operand):
            return _literals_in(operand)
        case _:
            return ()


def _as_list(node: Expr) -> Expr:
    """Return `any(g:g eq 'a')` and `any(g:g in ('a'))` as the form writes them, others as is."""
    match node:
        case Unary("not", Lambda() as operand):
            return Unary("not", _as_list(operand))
        case Lambda(base, "any", variable, Binary("in", Name(name), ListExpr() as values)) if (
            name == variable
        ):
            return Lambda(base, "any", _VARIABLE, Binary("in", Name(_VARIABLE), values))
        case Lambda(base, "any", variable, Binary("eq", Name(name), Literal() as value)) if (
            name == variable and value != _NULL
        ):
            return Lambda(base, "any", _VARIABLE, _in(Name(_VARIABLE), (value,)))
        case _:
            return node


def _texts(operator: str, literals: tuple[Literal, ...], prop: Property) -> tuple[str, ...] | None:
    """Return the values as a user would enter them, or None if a field cannot hold one."""
    takes = OPERATORS[operator].takes
    if takes == "none":
        return ()
    type_ = PrimitiveType.DURATION if takes == "days" else prop.type
    found = [to_text(literal, type_) for literal in literals]
    texts = tuple(text for text in found if text is not None)
    if len(texts) < len(found) or not texts:
        return None
    if takes == "days":
        days = texts[0].removeprefix("P").removesuffix("D")
        return (days,) if days.isdigit() else None
    return texts
