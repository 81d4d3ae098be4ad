"""Sets of values that one column can have in a matching row: the algebra of the pushdown.

A set is a superset by construction. Each operation also returns whether its result is exact,
because only exact sets may replace the filter (law 1 of docs/architecture.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Points:
    """These values and no others; may be empty."""

    values: frozenset[Any]


@dataclass(frozen=True, slots=True)
class AllBut:
    """Every value except these; `AllBut(frozenset())` is every value."""

    values: frozenset[Any]


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of an interval."""

    value: Any
    inclusive: bool


@dataclass(frozen=True, slots=True)
class Interval:
    """The values between two ends; None means no end on that side. At least one end is set."""

    lower: Bound | None
    upper: Bound | None


Values: TypeAlias = Points | AllBut | Interval
NO_VALUE = Points(frozenset())
ANY_VALUE = AllBut(frozenset())


@dataclass(frozen=True, slots=True)
class ValueSet:
    """Values of one column, and whether the column may be null."""

    values: Values
    null: bool

    @property
    def is_empty(self) -> bool:
        """True if no row can match."""
        return not self.null and _is_empty(self.values)

    @property
    def is_everything(self) -> bool:
        """True if the column is not constrained."""
        return self.null and self.values == ANY_VALUE


EVERYTHING = ValueSet(ANY_VALUE, null=True)
NOTHING = ValueSet(NO_VALUE, null=False)
ONLY_NULL = ValueSet(NO_VALUE, null=True)
NOT_NULL = ValueSet(ANY_VALUE, null=False)


def intersect(left: ValueSet, right: ValueSet) -> tuple[ValueSet, bool]:
    """Return the values in both, and whether the result is exact (False: a superset).

    >>> a, b = Interval(Bound(1, True), None), Interval(None, Bound(5, False))
    >>> intersect(ValueSet(a, False), ValueSet(b, True))[0].values
    Interval(lower=Bound(value=1, inclusive=True), upper=Bound(value=5, inclusive=False))
    """
    values, exact = _intersect_values(left.values, right.values)
    return ValueSet(values, left.null and right.null), exact


def unite(left: ValueSet, right: ValueSet) -> tuple[ValueSet, bool]:
    """Return the values in either, and whether the result is exact (False: a superset).

    >>> unite(ValueSet(Points(frozenset("a")), False), ONLY_NULL)
    (ValueSet(values=Points(values=frozenset({'a'})), null=True), True)
    """
    values, exact = _unite_values(left.values, right.values)
    return ValueSet(values, left.null or right.null), exact


def is_subset(inner: ValueSet, outer: ValueSet) -> bool:
    """Return True if every value of `inner` is surely in `outer`.

    >>> is_subset(ONLY_NULL, NOT_NULL)
    False
    """
    return intersect(inner, outer) == (inner, True)


def contains(values: Values, value: Any) -> bool:
    """Return True if a non-null value is in the set."""
    match values:
        case Points(points):
            return value in points
        case AllBut(points):
            return value not in points
        case _:
            return _above(values.lower, value) and _below(values.upper, value)


def _above(lower: Bound | None, value: Any) -> bool:
    return lower is None or value > lower.value or (lower.inclusive and value == lower.value)


def _below(upper: Bound | None, value: Any) -> bool:
    return upper is None or value < upper.value or (upper.inclusive and value == upper.value)


def _is_empty(values: Values) -> bool:
    match values:
        case Points(points):
            return not points
        case Interval(Bound(low, low_in), Bound(high, high_in)):
            return low > high or (low == high and not (low_in and high_in))
        case _:
            return False


def _intersect_values(left: Values, right: Values) -> tuple[Values, bool]:
    match left, right:
        case Points(points), _:
            return Points(frozenset(p for p in points if contains(right, p))), True
        case AllBut(a), AllBut(b):
            return AllBut(a | b), True
        case Interval() as interval, AllBut(points):
            return interval, not any(contains(interval, p) for p in points)
        case Interval() as a, Interval() as b:
            return _normal(Interval(_tighter(a.lower, b.lower, 1), _tighter(a.upper, b.upper, -1)))
        case _:
            return _intersect_values(right, left)


def _normal(interval: Interval) -> tuple[Values, bool]:
    return (NO_VALUE if _is_empty(interval) else interval), True


def _tighter(a: Bound | None, b: Bound | None, sign: int) -> Bound | None:
    """Return the end that leaves fewer values; `sign` 1 for lower ends, -1 for upper ends."""
    if a is None or b is None:
        return b if a is None else a
    if a.value == b.value:
        return a if not a.inclusive else b
    return a if (a.value > b.value) == (sign > 0) else b


def _looser(a: Bound | None, b: Bound | None, sign: int) -> Bound | None:
    if a is None or b is None:
        return None
    if a.value == b.value:
        return a if a.inclusive else b
    return b if (a.value > b.value) == (sign > 0) else a


def _unite_values(left: Values, right: Values) -> tuple[Values, bool]:
    match left, right:
        case Points(a), Points(b):
            return Points(a | b), True
        case AllBut(excluded), _:
            return AllBut(frozenset(p for p in excluded if not contains(right, p))), True
        case Interval() as interval, Points(points):
            return _unite_points(interval, points)
        case Interval() as a, Interval() as b:
            return _hull(a, b), _touch(a, b) and _touch(b, a)
        case _:
            return _unite_values(right, left)


def _unite_points(interval: Interval, points: frozenset[Any]) -> tuple[Values, bool]:
    result: Values = interval
    exact = True
    for point in points:
        if not contains(interval, point):
            result = _hull_of(result, Interval(Bound(point, True), Bound(point, True)))
            exact = False
    return result, exact


def _hull_of(values: Values, other: Interval) -> Values:
    return _hull(values, other) if isinstance(values, Interval) else ANY_VALUE


def _hull(a: Interval, b: Interval) -> Values:
    """Return the smallest interval around both; every value if no end is left."""
    lower, upper = _looser(a.lower, b.lower, 1), _looser(a.upper, b.upper, -1)
    return ANY_VALUE if lower is None and upper is None else Interval(lower, upper)


def _touch(a: Interval, b: Interval) -> bool:
    """Return True if nothing lies between the upper end of `a` and the lower end of `b`."""
    if a.upper is None or b.lower is None:
        return True
    if a.upper.value == b.lower.value:
        return a.upper.inclusive or b.lower.inclusive
    return bool(a.upper.value > b.lower.value)
