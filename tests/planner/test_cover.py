"""A snapshot answers what its own selection contains: checked against the rows themselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.planner.cover import covers
from gateway.planner.pushdown import Pushdown, PushedRange, PushedTerm, PushedValues
from gateway.planner.pushdown_text import from_text, to_text

_DAYS = st.integers(1, 9).map(lambda day: datetime(2024, 1, day, tzinfo=UTC))
_VALUES = st.sets(st.sampled_from("abc"), min_size=1).map(lambda v: tuple(sorted(v)))
_TERMS = st.fixed_dictionaries(
    {},
    optional={
        "state": _VALUES.map(lambda values: PushedValues("state", values)),
        "groupIds": _VALUES.map(lambda values: PushedValues("groupIds", values)),
        "updatedAt": st.tuples(st.none() | _DAYS, st.none() | _DAYS)
        .filter(any)
        .map(lambda ends: PushedRange("updatedAt", *ends)),
    },
)
_PUSHDOWNS = _TERMS.map(lambda terms: Pushdown(tuple(cast(PushedTerm, t) for t in terms.values())))
_ROWS = [
    {"state": state, "groupIds": groups, "updatedAt": datetime(2024, 1, day, tzinfo=UTC)}
    for state in "abc"
    for groups in ("", "a", "bc", "abc")
    for day in range(1, 10)
]


def _selects(term: PushedTerm, row: Mapping[str, object]) -> bool:
    value = row[term.column]
    if isinstance(term, PushedValues):
        assert isinstance(value, str)
        return bool(set(value) & set(term.values))
    assert isinstance(value, datetime)
    return (term.lower is None or value >= term.lower) and (
        term.upper is None or value <= term.upper
    )


def _selected(pushdown: Pushdown) -> set[int]:
    return {n for n, row in enumerate(_ROWS) if all(_selects(t, row) for t in pushdown.terms)}


@given(_PUSHDOWNS, _PUSHDOWNS)
def test_what_is_covered_is_contained(wider: Pushdown, narrower: Pushdown) -> None:
    if covers(wider, narrower):
        assert _selected(narrower) <= _selected(wider)


@given(_PUSHDOWNS)
def test_everything_covers_and_is_covered_by_nothing_less(pushdown: Pushdown) -> None:
    assert covers(Pushdown(), pushdown)
    assert covers(pushdown, pushdown)
    assert covers(pushdown, Pushdown()) == (not pushdown.terms)


def test_a_range_and_a_list_of_values_cannot_be_compared() -> None:
    day = datetime(2024, 1, 1, tzinfo=UTC)
    ranged = Pushdown((PushedRange("updatedAt", day, day),))
    assert not covers(ranged, Pushdown((PushedValues("updatedAt", ("x",)),)))


@given(_PUSHDOWNS)
def test_a_pushdown_survives_being_text(pushdown: Pushdown) -> None:
    assert from_text(to_text(pushdown)) == pushdown


@pytest.mark.parametrize("text", ["", "{}x", "[1]", '[{"column": "a"}]', "null"])
def test_other_text_is_no_pushdown(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        from_text(text)
