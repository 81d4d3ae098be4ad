"""A bound filter -> for each column the set of values it can have in a matching row.

The analysis follows both truth values, because `not` exchanges them; a row for which the filter is
null matches neither (URL Conventions 5.1.1.1: it is dropped). Expressions without an analysis
constrain nothing and are not faithful, so that they stay in the residual.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from math import isnan
from typing import Any, TypeAlias

from gateway.edm.types import PrimitiveType
from gateway.planner.spans import InstantSpan, span_of, spanned_column
from gateway.planner.value_set import (
    EVERYTHING,
    NOT_NULL,
    NOTHING,
    ONLY_NULL,
    AllBut,
    Bound,
    Interval,
    Points,
    ValueSet,
    intersect,
    unite,
)
from gateway.query.tree.expressions import (
    And,
    Arithmetic,
    BoundExpr,
    ColumnRef,
    Compare,
    CompareOperator,
    Constant,
    Convert,
    Element,
    FunctionCall,
    In,
    Negate,
    Not,
    Or,
    Quantified,
)


@dataclass(frozen=True, slots=True)
class Term:
    """The subject of a set: a column's value, or (`quantified`) some element of a collection.

    Two sets about "some element" do not intersect: different elements may satisfy them.
    """

    column: str
    quantified: bool = False


@dataclass(frozen=True, slots=True)
class Analysis:
    """Sets by term; a term that is absent is unconstrained.

    `faithful`: a row satisfies the expression if and only if every term's value is in its set.
    `impossible`: no row satisfies it.
    """

    sets: tuple[tuple[Term, ValueSet], ...] = ()
    faithful: bool = False
    impossible: bool = False


_UNKNOWN = Analysis()
_ALWAYS = Analysis(faithful=True)
_NEVER = Analysis(faithful=True, impossible=True)


def analyse(expr: BoundExpr) -> Analysis:
    """Return what must hold of a row for which `expr` is true."""
    return _analyse(expr, truth=True)


def _analyse(expr: BoundExpr, *, truth: bool) -> Analysis:
    match expr:
        case Not(operand):
            return _analyse(operand, truth=not truth)
        case And(terms) | Or(terms):
            parts = [_analyse(term, truth=truth) for term in terms]
            return reduce(conjoin if isinstance(expr, And) is truth else _disjoin, parts)
        case Compare(operator, left, right):
            return _compare(operator, left, right, truth=truth)
        case In(operand, values):
            return _in(operand, values, truth=truth)
        case FunctionCall():
            return _not_null(expr)
        case Quantified(prop, "any", predicate) if truth and predicate is not None:
            return _any(prop.name, predicate)
        case Constant(value, _):
            return _ALWAYS if value is truth else _NEVER
        case _:
            return _UNKNOWN


def conjoin(left: Analysis, right: Analysis) -> Analysis:
    """Combine two analyses that both hold: sets intersect term by term."""
    if left.impossible or right.impossible:
        return _NEVER
    sets = dict(left.sets)
    faithful = left.faithful and right.faithful
    for term, values in right.sets:
        if term not in sets:
            sets[term] = values
            continue
        sets[term], exact = _both(term, sets[term], values)
        faithful = faithful and exact
    if any(values.is_empty for values in sets.values()):
        return _NEVER
    return Analysis(tuple(sets.items()), faithful)


def _both(term: Term, left: ValueSet, right: ValueSet) -> tuple[ValueSet, bool]:
    if not term.quantified:
        return intersect(left, right)
    smaller = left if _size(left) <= _size(right) else right
    return smaller, left == right


def _size(values: ValueSet) -> float:
    return len(values.values.values) if isinstance(values.values, Points) else float("inf")


def _disjoin(left: Analysis, right: Analysis) -> Analysis:
    """Combine two analyses of which one holds: only terms that both constrain stay constrained."""
    if left.impossible or right.impossible:
        return left if right.impossible else right
    right_sets = dict(right.sets)
    sets = []
    exact = True
    for term, values in left.sets:
        if term in right_sets:
            united, united_exactly = unite(values, right_sets[term])
            exact = exact and united_exactly
            if not united.is_everything:
                sets.append((term, united))
    one_term = len(left.sets) == len(right_sets) == 1 and left.sets[0][0] in right_sets
    return Analysis(tuple(sets), left.faithful and right.faithful and one_term and exact)


def _compare(
    operator: CompareOperator, left: BoundExpr, right: BoundExpr, *, truth: bool
) -> Analysis:
    if isinstance(left, Constant) and not isinstance(right, Constant):
        left, right, operator = right, left, operator.mirrored
    if not isinstance(right, Constant) or not _same_line(left, right):
        return _computed(operator, left, right, truth=truth)
    term = _term(left)
    if term is not None:
        return _single(term, _sets_of(operator, right.value)[not truth])
    found = _spanned(operator, left, right.value)
    if found is None:
        return _computed(operator, left, right, truth=truth)
    column, sets = found
    values = sets[not truth]
    return _UNKNOWN if values is None else _single(Term(column), values)


_Sets: TypeAlias = tuple[ValueSet | None, ValueSet | None]


def _spanned(operator: CompareOperator, left: BoundExpr, value: Any) -> tuple[str, _Sets] | None:
    """Return the column of a date function, and the sets where the comparison is true and false."""
    column = spanned_column(left)
    if column is None:
        return None
    if value is None:
        return column, _sets_of(operator, None)
    span = span_of(value)
    return None if span is None else (column, _sets_of_span(operator, span))


def _computed(
    operator: CompareOperator, left: BoundExpr, right: BoundExpr, *, truth: bool
) -> Analysis:
    """Analyse a comparison of computed values; if it needs values, its columns are not null."""
    wants_values = operator not in (CompareOperator.EQ, CompareOperator.NE)
    if wants_values and truth:
        return conjoin(_not_null(left), _not_null(right))
    equal = (operator is CompareOperator.EQ) is truth and not wants_values
    known = isinstance(right, Constant) and right.value is not None
    return _not_null(left) if equal and known else _UNKNOWN


def _not_null(expr: BoundExpr) -> Analysis:
    """Return what must hold if the value of `expr` is not null: nor are its operands."""
    match expr:
        case ColumnRef(prop):
            return Analysis(((Term(prop.name), NOT_NULL),))
        case FunctionCall(_, operands, _):
            return reduce(conjoin, map(_not_null, operands), _UNKNOWN)
        case Arithmetic(_, left, right, _):
            return conjoin(_not_null(left), _not_null(right))
        case Negate(operand, _) | Convert(operand, _):
            return _not_null(operand)
        case _:
            return _UNKNOWN


def _sets_of_span(operator: CompareOperator, span: InstantSpan) -> _Sets:
    """Return where `year(column) operator value` is true and false; None for two rays."""
    match operator:
        case CompareOperator.EQ:
            return span.values, None
        case CompareOperator.NE:
            return None, span.values
    moved, edge = span.edge(operator)
    if edge is not None:
        return _sets_of(moved, edge)
    whole = (NOT_NULL, ONLY_NULL)
    return whole if moved is CompareOperator.LT else (NOTHING, EVERYTHING)


def _sets_of(operator: CompareOperator, value: Any) -> tuple[ValueSet, ValueSet]:
    """Return where `column operator value` is true and where it is false, by OData's null rules."""
    match operator:
        case CompareOperator.EQ:
            return _equal(value), _unequal(value)
        case CompareOperator.NE:
            return _unequal(value), _equal(value)
    if value is None:
        return NOTHING, EVERYTHING
    inclusive = operator in (CompareOperator.GE, CompareOperator.LE)
    here, there = Bound(value, inclusive), Bound(value, not inclusive)
    below, above = Interval(None, here), Interval(here, None)
    if operator in (CompareOperator.GT, CompareOperator.GE):
        return ValueSet(above, null=False), ValueSet(Interval(None, there), null=True)
    return ValueSet(below, null=False), ValueSet(Interval(there, None), null=True)


def _equal(value: Any) -> ValueSet:
    return ONLY_NULL if value is None else ValueSet(Points(frozenset({value})), null=False)


def _unequal(value: Any) -> ValueSet:
    return NOT_NULL if value is None else ValueSet(AllBut(frozenset({value})), null=True)


def _in(operand: BoundExpr, values: tuple[Constant, ...], *, truth: bool) -> Analysis:
    term = _term(operand)
    if term is None or not all(_same_line(operand, value) for value in values):
        return _UNKNOWN
    points = frozenset(v.value for v in values if v.value is not None)
    null = any(v.value is None for v in values)
    listed = ValueSet(Points(points), null)
    return _single(term, listed if truth else ValueSet(AllBut(points), not null))


def _any(column: str, predicate: BoundExpr) -> Analysis:
    """Analyse `any`; an element is never null, and even an unconstrained one must exist."""
    inner = analyse(predicate)
    if inner.impossible:
        return _NEVER
    sets = tuple(
        (Term(column, quantified=True), ValueSet(values.values, null=False))
        for term, values in inner.sets
        if term == _ELEMENT
    )
    return Analysis(sets, inner.faithful and len(sets) == len(inner.sets) == 1)


_ELEMENT = Term("", quantified=False)


def _term(expr: BoundExpr) -> Term | None:
    match expr:
        case ColumnRef(prop):
            return Term(prop.name)
        case Element():
            return _ELEMENT
        case _:
            return None


def _same_line(operand: BoundExpr, constant: Constant) -> bool:
    """Return True if Python orders the constant among the operand's values as OData does.

    NaN has no order, and OData rounds a Double before it compares it with integers.
    """
    value = constant.value
    if isinstance(value, float):
        return operand.type is PrimitiveType.DOUBLE and not isnan(value)
    return True


def _single(term: Term, values: ValueSet) -> Analysis:
    if values.is_empty:
        return _NEVER
    return _ALWAYS if values.is_everything else Analysis(((term, values),), faithful=True)
