"""Bound expressions -> DuckDB SQL with bound parameters; no value ever stands in the text.

OData's null rules differ from SQL's in three places (URL Conventions 5.1.1.1): eq and ne are never
null, and lt, le, gt, ge with a null are false. The connectives are three-valued in both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.query.bound import (
    And,
    BoundExpr,
    ColumnRef,
    Compare,
    CompareOperator,
    Constant,
    Element,
    In,
    Not,
    Or,
    Quantified,
    TextMatch,
)

_ORDERED = {
    CompareOperator.LT: "<",
    CompareOperator.LE: "<=",
    CompareOperator.GT: ">",
    CompareOperator.GE: ">=",
}
ELEMENT = '"$element"'
"""The lambda variable of SQL; no property can have its name."""
_TEXT = {"contains": "contains", "startswith": "starts_with", "endswith": "ends_with"}


@dataclass(frozen=True, slots=True)
class Sql:
    """SQL text with `?` for each of `parameters`, in order."""

    text: str
    parameters: tuple[object, ...] = ()


def compile_filter(expr: BoundExpr | None) -> Sql:
    """A condition for WHERE, which drops rows where it is null, as $filter does."""
    return Sql("true") if expr is None else _compile(expr)


def quote(name: str) -> str:
    """An SQL identifier; names come from the contract, never from a URL."""
    return '"' + name.replace('"', '""') + '"'


def _compile(expr: BoundExpr) -> Sql:
    match expr:
        case Constant() | ColumnRef() | Element():
            return _compile_operand(expr)
        case Compare(operator, left, right):
            return _compare(operator, left, right)
        case In(operand, values):
            return _in(operand, values)
        case TextMatch(function, text, part):
            return _build(f"{_TEXT[function]}({{}}::VARCHAR, {{}}::VARCHAR)", text, part)
        case Quantified():
            return _quantified(expr)
        case And(terms) | Or(terms):
            return _join(" AND " if isinstance(expr, And) else " OR ", terms)
        case Not(operand):
            return _build("(NOT {})", operand)


def _compile_operand(expr: Constant | ColumnRef | Element) -> Sql:
    match expr:
        case Constant(value, _):
            return _constant(value)
        case ColumnRef(prop):
            return Sql(quote(prop.name))
        case Element():
            return Sql(ELEMENT)


def _constant(value: object) -> Sql:
    if value is None:
        return Sql("NULL")
    if isinstance(value, datetime):
        value = value.astimezone(UTC).replace(tzinfo=None)
    return Sql("?", (value,))


def _build(template: str, *operands: BoundExpr) -> Sql:
    parts = [_compile(operand) for operand in operands]
    return Sql(template.format(*(p.text for p in parts)), _parameters(parts))


def _join(connective: str, terms: tuple[BoundExpr, ...]) -> Sql:
    parts = [_compile(term) for term in terms]
    return Sql(f"({connective.join(p.text for p in parts)})", _parameters(parts))


def _parameters(parts: Iterable[Sql]) -> tuple[object, ...]:
    return tuple(parameter for part in parts for parameter in part.parameters)


def _compare(operator: CompareOperator, left: BoundExpr, right: BoundExpr) -> Sql:
    if _is_nan(left) or _is_nan(right):
        return Sql("true" if operator is CompareOperator.NE else "false")
    match operator:
        case CompareOperator.EQ:
            return _build("({} IS NOT DISTINCT FROM {})", left, right)
        case CompareOperator.NE:
            return _build("({} IS DISTINCT FROM {})", left, right)
        case _:
            return _build(f"coalesce({{}} {_ORDERED[operator]} {{}}, false)", left, right)


def _is_nan(expr: BoundExpr) -> bool:
    """NaN equals nothing, not even itself; DuckDB would order it above all numbers."""
    return isinstance(expr, Constant) and expr.value != expr.value


def _in(operand: BoundExpr, values: tuple[Constant, ...]) -> Sql:
    """Compares with each value as eq does; never null."""
    subject = _compile(operand)
    listed = [_constant(v.value) for v in values if v.value is not None and not _is_nan(v)]
    tests: list[Sql] = []
    if listed:
        marks = ", ".join(item.text for item in listed)
        text = f"coalesce({subject.text} IN ({marks}), false)"
        tests.append(Sql(text, subject.parameters + _parameters(listed)))
    if any(v.value is None for v in values):
        tests.append(Sql(f"({subject.text} IS NULL)", subject.parameters))
    if not tests:
        return Sql("false")
    return Sql(f"({' OR '.join(t.text for t in tests)})", _parameters(tests))


def _quantified(expr: Quantified) -> Sql:
    """`all` means that no element fails; a predicate that is null fails (5.1.1.13)."""
    column = quote(expr.prop.name)
    if expr.predicate is None:
        return Sql(f"(len({column}) > 0)")
    inner = _compile(expr.predicate)
    if expr.quantifier == "any":
        matching, wanted = f"coalesce({inner.text}, false)", "> 0"
    else:
        matching, wanted = f"NOT coalesce({inner.text}, false)", "= 0"
    text = f"(len(list_filter({column}, lambda {ELEMENT}: {matching})) {wanted})"
    return Sql(text, inner.parameters)
