"""A filter -> its pushdown, which the upstream applies, and its residual, which is applied here.

Law 1: a pushdown may return too much, never too little. A set that the contract's filter cannot
express is not pushed; a set that it expresses only loosely is pushed and stays in the residual.
Instants are truncated to microseconds here and may be finer upstream: see docs/decisions/030.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import reduce
from typing import TypeAlias

from gateway.contract.derived import ColumnKind, DerivedSet
from gateway.contract.model import Column, Contract, CustomFieldFilter, RangeFilter, ValuesFilter
from gateway.contract.texts import may_be_made
from gateway.planner.analysis import Analysis, Term, analyse, conjoin
from gateway.planner.value_set import (
    ANY_VALUE,
    Bound,
    Interval,
    Points,
    ValueSet,
    contains,
    is_subset,
)
from gateway.query.tree.expressions import And, BoundExpr

_REPLACED = "\ufffd"
"""The replacement for half of a surrogate pair, which the upstream stores as it is: a filter with
it matches nothing there."""
KEPT = timedelta(microseconds=1)
"""The resolution of instants here; what the upstream has beyond it is cut off, never rounded."""


@dataclass(frozen=True, slots=True)
class PushedValues:
    """The column's value, or some element of its collection, is one of `values` (sorted)."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PushedRange:
    """The column's instant lies between the ends as they are sent; None is open.

    The contract says whether the upstream includes the ends; they are chosen so that no row is
    lost, even one whose instant is finer there than here.
    """

    column: str
    lower: datetime | None
    upper: datetime | None


PushedTerm: TypeAlias = PushedValues | PushedRange


@dataclass(frozen=True, slots=True)
class Pushdown:
    """All terms, ANDed by the upstream, in the order of the contract's columns; may be empty."""

    terms: tuple[PushedTerm, ...] = ()


@dataclass(frozen=True, slots=True)
class SplitFilter:
    """A filter divided between the two sides; `impossible` if no row can match.

    `residual` is the part that is applied here, None if the upstream applies all of it. `not_null`
    names the columns that are never null in a matching row.
    """

    pushdown: Pushdown = Pushdown()
    residual: BoundExpr | None = None
    impossible: bool = False
    not_null: frozenset[str] = frozenset()


def split_filter(
    filter_: BoundExpr | None, contract: Contract, *, moves: bool = False
) -> SplitFilter:
    """Divide a filter; without one, all rows are requested and nothing is left to apply.

    `moves` is true if the filter depends on now().
    """
    if filter_ is None:
        return SplitFilter()
    conjuncts = filter_.terms if isinstance(filter_, And) else (filter_,)
    analyses = [_within_model(analyse(conjunct), contract) for conjunct in conjuncts]
    whole = _within_model(reduce(conjoin, analyses), contract)
    if whole.impossible:
        return SplitFilter(residual=filter_, impossible=True)
    whole = _steadied(whole) if moves else whole
    pushed, exact = _push(whole, contract)
    residual = tuple(
        conjunct
        for conjunct, analysis in zip(conjuncts, analyses, strict=True)
        if not (analysis.faithful and _all_exact(analysis, whole, exact))
    )
    not_null = frozenset(term.column for term, values in whole.sets if not values.null)
    return SplitFilter(Pushdown(pushed), _conjunction(residual), not_null=not_null)


def split_derived(
    filter_: BoundExpr | None, derived: DerivedSet, contract: Contract
) -> SplitFilter:
    """Divide a filter on a derived set: the pushdown narrows the extract, the residual is whole.

    A row of the set is made from all results that share its values in the grouping columns. So
    conditions on these columns apply to the results too: each remaining row is still made from all
    of its results. Conditions on counts, or on values of one result, cannot be pushed.
    """
    if filter_ is None:
        return SplitFilter()
    analysis = analyse(filter_)
    if analysis.impossible:
        return SplitFilter(residual=filter_, impossible=True)
    sets = tuple(
        (Term(column.of, quantified=column.of in derived.unnest), values)
        for term, values in analysis.sets
        if (column := derived.find(term.column)) is not None and column.kind is ColumnKind.GROUP
    )
    return SplitFilter(Pushdown(_push(Analysis(sets), contract)[0]), residual=filter_)


def _steadied(analysis: Analysis) -> Analysis:
    """Move upper ends to the next whole hour.

    Otherwise a filter such as `updatedAt lt now()` would need another extract each time, because
    an earlier snapshot lacks the rows of the moments since.
    """
    return replace(analysis, sets=tuple((t, _with_steady_end(v)) for t, v in analysis.sets))


def _with_steady_end(values: ValueSet) -> ValueSet:
    match values.values:
        case Interval(lower, Bound(datetime() as end, _)):
            try:
                steady = _next_on_grid(end, timedelta(hours=1))
            except OverflowError:  # the last hour of the year 9999
                return values
            if steady == end:
                return values
            return replace(values, values=Interval(lower, Bound(steady, inclusive=False)))
        case _:
            return values


def _conjunction(terms: tuple[BoundExpr, ...]) -> BoundExpr | None:
    if len(terms) < 2:
        return terms[0] if terms else None
    return And(terms)


def _within_model(analysis: Analysis, contract: Contract) -> Analysis:
    """Narrow sets by the model: columns that are never null, enumerations that are closed."""
    narrowed = ((term, _narrow(term, values, contract)) for term, values in analysis.sets)
    parts = [
        Analysis(((term, values),), analysis.faithful)
        for term, values in narrowed
        if not _is_vacuous(term, values, contract)
    ]
    start = Analysis((), analysis.faithful, analysis.impossible)
    return reduce(conjoin, parts, start)


def _narrow(term: Term, values: ValueSet, contract: Contract) -> ValueSet:
    prop = contract.column(term.column).prop
    null = values.null and prop.nullable and not prop.collection
    inner = values.values
    if prop.allowed_values:
        inner = Points(frozenset(v for v in prop.allowed_values if contains(inner, v)))
    return ValueSet(inner, null)


def _is_vacuous(term: Term, values: ValueSet, contract: Contract) -> bool:
    """Return True if every row of the model has such a value, as for `updatedAt ne null`."""
    prop = contract.column(term.column).prop
    if term.quantified or (prop.nullable and not values.null):
        return False
    closed = Points(frozenset(prop.allowed_values)) if prop.allowed_values else ANY_VALUE
    return values.values == closed


def _all_exact(analysis: Analysis, whole: Analysis, exact: frozenset[Term]) -> bool:
    """Return True if the pushed sets imply this conjunct.

    The pushed set may be wider than the conjunct's own if two sets have no exact intersection.
    For "some element" only the same set implies it: see `Term`.
    """
    pushed = dict(whole.sets)
    return all(
        term in exact
        and (pushed[term] == values if term.quantified else is_subset(pushed[term], values))
        for term, values in analysis.sets
    )


def _push(whole: Analysis, contract: Contract) -> tuple[tuple[PushedTerm, ...], frozenset[Term]]:
    sets = dict(whole.sets)
    pushed: list[PushedTerm] = []
    exact: set[Term] = set()
    for column in contract.columns:
        term = Term(column.name, quantified=column.prop.collection)
        if term not in sets:
            continue
        found = _push_term(column, sets[term])
        if found is None:
            continue
        pushed.append(found[0])
        if found[1]:
            exact.add(term)
    return tuple(pushed), frozenset(exact)


def _push_term(column: Column, values: ValueSet) -> tuple[PushedTerm, bool] | None:
    """Return the term and whether it is exact; None if the upstream cannot express the set."""
    if values.null:
        return None
    match column.filter, values.values:
        case (ValuesFilter() | CustomFieldFilter()) as filter_, Points(points):
            if not 0 < len(points) <= filter_.max_values or any(_REPLACED in p for p in points):
                return None
            if not all(_can_be_sent(point, column) for point in points):
                return None
            return PushedValues(column.name, tuple(sorted(points))), filter_.exact
        case RangeFilter() as filter_, Interval() as interval:
            return _push_range(column.name, filter_, interval)
        case RangeFilter() as filter_, Points(points) if points:
            hull = Interval(Bound(min(points), True), Bound(max(points), True))
            found = _push_range(column.name, filter_, hull)
            return None if found is None else (found[0], False)
        case _:
            return None


def _can_be_sent(value: str, column: Column) -> bool:
    """Return True if the upstream accepts the value; an unlisted one may be an error there."""
    if not column.can_encode(value):
        return False
    if isinstance(column.filter, CustomFieldFilter):
        return not may_be_made(value)
    return not column.prop.known_values or value in column.prop.known_values


def _push_range(
    name: str, filter_: RangeFilter, interval: Interval
) -> tuple[PushedTerm, bool] | None:
    """The range that holds every instant which the upstream has and the interval means.

    The upstream compares instants as it keeps them, perhaps to the nanosecond; the interval is
    about what is left of them here. An instant that is cut to T is somewhere in [T, T + 1 us), so
    an interval means all instants from its first one up to, and without, the end of its last one.
    """
    step = timedelta(milliseconds=filter_.resolution_milliseconds)
    lower, lower_exact = _start(interval.lower, step, inclusive=filter_.from_inclusive)
    upper, upper_exact = _end(interval.upper, step, inclusive=filter_.to_inclusive)
    if lower is None and upper is None:
        return None
    return PushedRange(name, lower, upper), filter_.exact and lower_exact and upper_exact


_Sent: TypeAlias = tuple[datetime | None, bool]
"""An end as it is sent, None for no end, and True if it loses and adds no row."""


def _start(bound: Bound | None, step: timedelta, *, inclusive: bool) -> _Sent:
    """Return the last instant on the upstream's grid that loses no row."""
    if bound is None:
        return None, True
    try:
        first: datetime = bound.value if bound.inclusive else bound.value + KEPT
        on_grid = first - _beyond_grid(first, step)
        if on_grid == first and not inclusive:
            on_grid -= step
    except OverflowError:  # beyond the years that can be sent; an open end loses nothing
        return None, False
    return on_grid, inclusive and on_grid == first


def _end(bound: Bound | None, step: timedelta, *, inclusive: bool) -> _Sent:
    """Return the first instant on the upstream's grid that loses no row."""
    if bound is None:
        return None, True
    try:
        behind: datetime = bound.value + KEPT if bound.inclusive else bound.value
        on_grid = _next_on_grid(behind, step)
    except OverflowError:
        return None, False
    return on_grid, not inclusive and on_grid == behind


def _next_on_grid(value: datetime, step: timedelta) -> datetime:
    rest = _beyond_grid(value, step)
    return value + (step - rest) if rest else value


def _beyond_grid(value: datetime, step: timedelta) -> timedelta:
    """Return the time since the last instant on the grid, which begins at midnight."""
    return (value - value.replace(hour=0, minute=0, second=0, microsecond=0)) % step
