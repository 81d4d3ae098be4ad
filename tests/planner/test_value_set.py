"""The algebra of value sets against plain membership of sample points."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

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
    contains,
    intersect,
    is_subset,
    unite,
)
from tests.support.examples import examples

_POINTS = st.integers(0, 6)
_SAMPLES = (None, -1, -0.5, *(n / 2 for n in range(14)), 99)
"""Null, the points themselves, what lies between them, and both outsides."""

_bounds = st.builds(Bound, _POINTS, st.booleans())
_intervals = st.tuples(st.none() | _bounds, st.none() | _bounds).filter(any)
_sets = st.builds(
    ValueSet,
    st.one_of(
        st.frozensets(_POINTS, max_size=3).map(Points),
        st.frozensets(_POINTS, max_size=3).map(AllBut),
        _intervals.map(lambda ends: Interval(*ends)),
    ),
    st.booleans(),
)
_bounded = examples(400, repeatable=True)


def members(values: ValueSet) -> set[float | None]:
    return {
        sample
        for sample in _SAMPLES
        if (values.null if sample is None else contains(values.values, sample))
    }


@_bounded
@given(_sets, _sets)
def test_an_intersection_loses_nothing_and_is_exact_when_it_says_so(
    left: ValueSet, right: ValueSet
) -> None:
    result, exact = intersect(left, right)
    wanted = members(left) & members(right)
    assert wanted <= members(result)
    assert not exact or wanted == members(result)


@_bounded
@given(_sets, _sets)
def test_a_union_loses_nothing_and_is_exact_when_it_says_so(
    left: ValueSet, right: ValueSet
) -> None:
    result, exact = unite(left, right)
    wanted = members(left) | members(right)
    assert wanted <= members(result)
    assert not exact or wanted == members(result)


@_bounded
@given(_sets, _sets)
def test_a_set_is_called_a_subset_only_when_it_is_one(inner: ValueSet, outer: ValueSet) -> None:
    assert not is_subset(inner, outer) or members(inner) <= members(outer)


@_bounded
@given(_sets, _sets)
def test_the_order_of_two_operands_does_not_matter(left: ValueSet, right: ValueSet) -> None:
    for operation in (intersect, unite):
        there, back = operation(left, right), operation(right, left)
        assert members(there[0]) == members(back[0])
        assert there[1] == back[1]


@_bounded
@given(_sets)
def test_a_set_is_empty_only_without_members_and_everything_only_with_all(values: ValueSet) -> None:
    assert not values.is_empty or members(values) == set()
    assert not values.is_everything or members(values) == set(_SAMPLES)


@_bounded
@given(_sets)
def test_every_set_lies_between_nothing_and_everything(values: ValueSet) -> None:
    assert members(intersect(values, EVERYTHING)[0]) == members(values)
    assert members(unite(values, NOTHING)[0]) == members(values)
    assert unite(values, EVERYTHING) == (EVERYTHING, True)
    assert members(intersect(values, NOT_NULL)[0]) == members(values) - {None}
    assert members(intersect(values, ONLY_NULL)[0]) == members(values) & {None}
