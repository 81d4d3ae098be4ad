"""Bound expressions -> DuckDB SQL with bound parameters; no value is ever part of the text.

OData's null rules differ from SQL's in three places (URL Conventions 5.1.1.1): eq and ne are never
null, and lt, le, gt, ge with a null are false. The connectives are three-valued in both.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gateway.edm.model import Property
from gateway.edm.types import PrimitiveType
from gateway.engine.arithmetic import arithmetic, negation
from gateway.engine.conversions import conversion
from gateway.engine.functions import call, typed
from gateway.engine.navigate import counted_rows, quantified_rows, reached
from gateway.engine.sql import Sql, fill, parameters, quote
from gateway.query.tree.expressions import (
    And,
    Arithmetic,
    BoundExpr,
    CaseWhen,
    ColumnRef,
    Compare,
    CompareOperator,
    Computed,
    Constant,
    Convert,
    CountElements,
    CountRows,
    Element,
    FunctionCall,
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

_ORDERED = {
    CompareOperator.LT: "<",
    CompareOperator.LE: "<=",
    CompareOperator.GT: ">",
    CompareOperator.GE: ">=",
}
_PLAIN = {**_ORDERED, CompareOperator.EQ: "="}
ELEMENT = '"$element"'
"""The lambda variable of SQL; no property can have its name."""


def compile_filter(expr: BoundExpr | None) -> Sql:
    """Return a condition for WHERE, which drops rows for which it is null, as $filter does."""
    return Sql("true") if expr is None else _condition(expr)


def _condition(expr: BoundExpr) -> Sql:
    """Return a condition in which null may mean false; plain operators let DuckDB skip blocks."""
    match expr:
        case And(terms) | Or(terms):
            parts = [_condition(term) for term in terms]
            connective = " AND " if isinstance(expr, And) else " OR "
            return Sql(f"({connective.join(p.text for p in parts)})", parameters(parts))
        case Compare(operator, ColumnRef() as left, Constant(value, _) as right) if (
            operator in _PLAIN and value is not None and not _is_nan(right)
        ):
            return fill(f"({{0}} {_PLAIN[operator]} {{1}})", _leaf(left), _leaf(right))
        case _:
            return compile_expression(expr)


def compile_expression(expr: BoundExpr) -> Sql:
    """Return the value of an expression."""
    match expr:
        case Constant() | ColumnRef() | Element():
            return _leaf(expr)
        case Compare(operator, left, right):
            return _compare(operator, left, right)
        case In(operand, values):
            return _in(operand, values)
        case Quantified():
            return _quantified(expr)
        case Matches():
            return _matches(expr)
        case And(terms) | Or(terms):
            return _join(" AND " if isinstance(expr, And) else " OR ", terms)
        case Not(operand):
            return fill("(NOT {0})", compile_expression(operand))
        case Reached() | QuantifiedRows() | CountRows() | CountElements():
            return _navigated(expr)
        case _:
            return _computed(expr)


def _navigated(expr: Navigated) -> Sql:
    match expr:
        case Reached(_, value):
            return reached(expr, compile_expression(value))
        case QuantifiedRows(_, _, predicate):
            found = Sql("true") if predicate is None else compile_expression(predicate)
            return quantified_rows(expr, found)
        case CountRows(_, condition):
            return counted_rows(expr, compile_filter(condition))
        case CountElements(prop, row, condition):
            found = matching_elements(Sql(_column(prop, row)), condition)
            return fill("coalesce(len({0}), 0)", found)


def _computed(expr: Computed) -> Sql:
    match expr:
        case FunctionCall(_, arguments, _):
            return call(expr, tuple(compile_expression(argument) for argument in arguments))
        case Arithmetic(_, left, right, _):
            return arithmetic(expr, compile_expression(left), compile_expression(right))
        case Negate(operand, _):
            return negation(expr, compile_expression(operand))
        case Convert(operand, _):
            return conversion(expr, compile_expression(operand))
        case CaseWhen(branches, type_):
            return _case(branches, type_)


def _leaf(expr: Leaf) -> Sql:
    match expr:
        case Constant(None, PrimitiveType.DECIMAL):  # SQL_TYPES has no type for it
            return Sql("CAST(NULL AS DECIMAL(19, 0))")
        case Constant(value, _):
            return _constant(value)
        case ColumnRef(prop, row):
            return Sql(_column(prop, row))
        case Element():
            return Sql(ELEMENT)


def _column(prop: Property, row: str) -> str:
    return f"{row}.{quote(prop.name)}" if row else quote(prop.name)


def _constant(value: object) -> Sql:
    match value:
        case None:
            return Sql("NULL")
        case datetime():
            return Sql("?", (value.astimezone(UTC).replace(tzinfo=None),))
        case timedelta():
            return Sql("?", (value // timedelta(microseconds=1),))
        case _:
            return Sql("?", (value,))


def _join(connective: str, terms: tuple[BoundExpr, ...]) -> Sql:
    parts = [compile_expression(term) for term in terms]
    return Sql(f"({connective.join(p.text for p in parts)})", parameters(parts))


def _case(branches: tuple[tuple[BoundExpr, BoundExpr], ...], type_: PrimitiveType | None) -> Sql:
    parts = [
        fill(
            "WHEN {0} THEN {1}",
            compile_expression(condition),
            typed(compile_expression(value), type_),
        )
        for condition, value in branches
    ]
    return Sql(f"(CASE {' '.join(p.text for p in parts)} END)", parameters(parts))


def _compare(operator: CompareOperator, left: BoundExpr, right: BoundExpr) -> Sql:
    if _is_nan(left) or _is_nan(right):
        return Sql("true" if operator is CompareOperator.NE else "false")
    operands = (compile_expression(left), compile_expression(right))
    numbers = [f"NOT isnan({{{n}}})" for n, e in enumerate((left, right)) if _may_be_nan(e)]
    known = " AND ".join(numbers) or "true"
    match operator:
        case CompareOperator.EQ if not numbers:
            return fill("({0} IS NOT DISTINCT FROM {1})", *operands)
        case CompareOperator.NE if not numbers:
            return fill("({0} IS DISTINCT FROM {1})", *operands)
        case CompareOperator.EQ:
            return fill(
                f"({{0}} IS NOT DISTINCT FROM {{1}} AND coalesce({known}, true))", *operands
            )
        case CompareOperator.NE:
            return fill(f"({{0}} IS DISTINCT FROM {{1}} OR NOT coalesce({known}, true))", *operands)
        case _:
            sign = _ORDERED[operator]
            return fill(f"coalesce({{0}} {sign} {{1}} AND {known}, false)", *operands)


def _is_nan(expr: BoundExpr) -> bool:
    """Return True for NaN, which equals nothing; DuckDB would order it above all numbers."""
    return isinstance(expr, Constant) and expr.value != expr.value


def _may_be_nan(expr: BoundExpr) -> bool:
    """Return True for computed Doubles; others come from JSON, which has no NaN."""
    computed = not isinstance(expr, Constant | ColumnRef | Element)
    return computed and expr.type is PrimitiveType.DOUBLE


def _in(operand: BoundExpr, values: tuple[Constant, ...]) -> Sql:
    """Compare with each value as eq does; never null."""
    listed = [_constant(v.value) for v in values if v.value is not None and not _is_nan(v)]
    tests: list[str] = []
    if listed:
        places = ", ".join(item.text for item in listed)
        tests.append(f"coalesce({{0}} IN ({places}), false)")
    if any(v.value is None for v in values):
        tests.append("({0} IS NULL)")
    return Sql("false") if not tests else _listed(tests, compile_expression(operand), listed)


def _listed(tests: list[str], subject: Sql, listed: list[Sql]) -> Sql:
    """Fill in the subject; its parameters precede those of the list, which only one test has."""
    found = fill(f"({' OR '.join(tests)})", subject)
    split = len(subject.parameters)
    values = (*found.parameters[:split], *parameters(listed), *found.parameters[split:])
    return Sql(found.text, values)


def _matches(expr: Matches) -> Sql:
    columns = (_column(prop, expr.row) for prop in expr.properties)
    tests = [f"contains(lower({column}), lower(?))" for column in columns]
    found = f"coalesce({' OR '.join(tests) or 'false'}, false)"
    return Sql(found, (expr.text,) * len(tests))


def matching_elements(values: Sql, condition: BoundExpr | None) -> Sql:
    """Return the elements of a list that meet a condition; null does not meet it."""
    if condition is None:
        return values
    text = f"list_filter({{0}}, lambda {ELEMENT}: coalesce({{1}}, false))"
    return fill(text, values, compile_expression(condition))


def _quantified(expr: Quantified) -> Sql:
    """Return `any` or `all` over a list; a predicate that is null fails (5.1.1.13)."""
    column = _column(expr.prop, expr.row)
    if expr.predicate is None:
        return Sql(f"(len({column}) > 0)")
    inner = compile_expression(expr.predicate)
    if expr.quantifier == "any":
        matching, wanted = f"coalesce({inner.text}, false)", "> 0"
    else:
        matching, wanted = f"NOT coalesce({inner.text}, false)", "= 0"
    text = f"(len(list_filter({column}, lambda {ELEMENT}: {matching})) {wanted})"
    return Sql(text, inner.parameters)
