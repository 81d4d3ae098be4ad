"""Which rows of a page are compared with the statistics: all there are from some moment on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.discovery.check_statistics import newest
from gateway.planner.pushdown import PushedRange
from tests.analytics.small_contract import small_contract

_START = datetime(2025, 1, 1, 12, tzinfo=UTC)


def row(milliseconds: int) -> dict[str, Any]:
    return {"changed": (_START + timedelta(milliseconds=milliseconds)).isoformat()}


@given(
    moments=st.lists(st.integers(0, 9_000), min_size=1, max_size=40),
    page=st.integers(1, 40),
    inclusive=st.booleans(),
    resolution=st.sampled_from((1, 1000)),
)
def test_the_rows_are_all_that_match_what_is_asked(
    moments: list[int], page: int, inclusive: bool, resolution: int
) -> None:
    contract = small_contract(inclusive=inclusive, resolution=resolution)
    rows = [row(moment) for moment in sorted(moments, reverse=True)]
    try:
        pushdown, found = newest(rows[:page], len(rows), contract)
    except ValueError:
        return
    [term] = pushdown.terms
    assert isinstance(term, PushedRange)
    assert term.lower is not None
    assert term.lower.microsecond % (resolution * 1000) == 0
    changed = [datetime.fromisoformat(row["changed"]) for row in rows]
    wanted = [at > term.lower or (inclusive and at == term.lower) for at in changed]
    assert found == [row for row, fits in zip(rows, wanted, strict=True) if fits]


def test_half_of_a_page_is_enough() -> None:
    rows = [row(moment) for moment in range(50, 0, -1)]
    assert len(newest(rows, 1_000, small_contract())[1]) == 26


@pytest.mark.parametrize("instant", [None, 7, "yesterday", "2025-01-01T00:00:00"])
def test_rows_without_an_instant_cannot_be_compared(instant: object) -> None:
    with pytest.raises(ValueError, match=r"instant|isoformat"):
        newest([{"changed": instant}], 1, small_contract())
