"""Spans of the order column: never narrower than asked, whatever the upstream's ends mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analytics.extract.ranges import narrow, to_micros
from gateway.planner.pushdown import Pushdown, PushedRange, PushedValues
from tests.analytics.moving import EPOCH
from tests.analytics.small_contract import small_contract
from tests.support.examples import examples

MICROS = st.integers(-(10**15), 10**16)


@pytest.mark.parametrize("resolution", [1, 1000, 86_400_000])
@examples(100)
@given(lower=st.none() | MICROS, upper=st.none() | MICROS)
def test_a_span_lies_on_the_grid_and_strictly_around_what_was_asked(
    resolution: int, lower: int | None, upper: int | None
) -> None:
    contract = small_contract(resolution=resolution)
    found = narrow(Pushdown(), contract, lower, upper)
    if found is None:
        assert lower is not None
        assert upper is not None
        assert upper < lower
        return
    (term,) = found.terms
    assert isinstance(term, PushedRange)
    assert (term.lower is None, term.upper is None) == (lower is None, upper is None)
    for end, asked, outward in ((term.lower, lower, -1), (term.upper, upper, 1)):
        if end is not None and asked is not None:
            assert (to_micros(end) - asked) * outward >= resolution * 1000
            assert to_micros(end) % (resolution * 1000) == 0


def test_a_span_never_leaves_the_pushdown_s_own_range() -> None:
    moment = datetime(2025, 1, 1, tzinfo=UTC)
    own = PushedRange("changed", moment, moment + timedelta(days=1))
    other = PushedValues("state", ("A",))
    contract, at = small_contract(), to_micros(moment)
    day = 86_400_000_000
    assert narrow(Pushdown((own, other)), contract, at - day, at + 5 * day) == Pushdown(
        (other, own)
    )
    assert narrow(Pushdown((own,)), contract, None, at - day) is None
    assert narrow(Pushdown((own,)), contract, at + 2 * day, None) is None


@pytest.mark.parametrize(
    "edge", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
)
def test_an_end_beyond_the_calendar_is_no_end(edge: datetime) -> None:
    at = to_micros(edge)
    found = narrow(Pushdown(), small_contract(), at if at < 0 else None, at if at > 0 else None)
    assert found == Pushdown((PushedRange("changed", None, None),))
    assert EPOCH + timedelta(microseconds=at) == edge
