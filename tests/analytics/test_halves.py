"""The second number of a total: larger where the upstream caps, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analytics.extract.halves import split_instant
from gateway.analytics.extract.totals import Totals
from gateway.analytics.read.page import Page
from gateway.analytics.read.request import PageRequest
from gateway.errors import UpstreamBrokeContract
from gateway.planner.pushdown import Pushdown, PushedRange, PushedValues
from tests.analytics.moving import BEGIN, Upstream
from tests.analytics.small_contract import small_contract
from tests.support.examples import examples, sparse

pytestmark = pytest.mark.anyio

_SELECTIONS = (
    Pushdown(),
    Pushdown((PushedValues("state", ("A", "B")),)),
    Pushdown((PushedRange("changed", BEGIN - timedelta(hours=4), None),)),
    Pushdown((PushedRange("changed", None, BEGIN - timedelta(hours=2)),)),
)


@dataclass
class Capping(Upstream):
    """Finds `cap` rows of a question at the most, and counts no more."""

    cap: int = 10**9

    def answer(self, request: PageRequest) -> Page:
        limit = max(0, min(request.limit, self.cap - request.skip))
        page = super().answer(replace(request, limit=limit))
        return replace(page, stated=min(page.total, self.cap))


def capping(seed: int, instants: int) -> Capping:
    random = Random(seed)
    contract = small_contract(
        limit=random.choice((3, 10, 40)),
        resolution=random.choice((1, 1000)),
        inclusive=random.random() < 0.7,
    )
    upstream = Capping(contract, seed)
    upstream.fill(random.randint(2, 60), instants=instants)
    return upstream


async def refused(upstream: Capping, pushdown: Pushdown, totals: Totals, *, cold: bool) -> bool:
    """Whether its total is refused, asked for by `$count` or by an extract."""
    limit = 1 if cold else upstream.contract.request.page_limit
    first = await upstream.fetch(PageRequest(pushdown, 0, limit, "changed"))
    try:
        if cold:
            await totals.verify_live(pushdown, first.total)
        else:
            await totals.confirm(pushdown, first)
    except UpstreamBrokeContract as error:
        return f"at {first.total} rows" in error.message
    return False


@pytest.mark.parametrize("cold", [False, True])
@pytest.mark.parametrize("seed", sparse(range(0, 120, 20)))
async def test_a_total_is_refused_just_where_a_cap_bounds_it(seed: int, *, cold: bool) -> None:
    for number in range(seed, seed + 20):
        upstream = capping(number, 10**9)
        for pushdown in _SELECTIONS:
            rows = len(upstream.matching(pushdown))
            for cap in (10**9, rows, max(2, rows - 1), max(2, rows // 2), 2):
                upstream.cap = cap
                totals = Totals(upstream.fetch, upstream.contract)
                found = await refused(upstream, pushdown, totals, cold=cold)
                assert found == (cap < rows), (number, pushdown, rows, cap)


@pytest.mark.parametrize("cold", [False, True])
async def test_ties_never_make_a_cap_of_none(*, cold: bool) -> None:
    for number in range(60):
        upstream = capping(number, Random(number).choice((1, 2, 3, 5)))
        for pushdown in _SELECTIONS:
            totals = Totals(upstream.fetch, upstream.contract)
            assert not await refused(upstream, pushdown, totals, cold=cold)


async def test_what_was_shown_of_more_rows_is_not_asked_again() -> None:
    upstream = Capping(small_contract(limit=100))
    upstream.fill(50)
    totals = Totals(upstream.fetch, upstream.contract)
    asked = []
    for pushdown in (Pushdown(), _SELECTIONS[1], Pushdown()):
        before = len(upstream.requests)
        assert not await refused(upstream, pushdown, totals, cold=False)
        asked.append(len(upstream.requests) - before)
    assert asked == [3, 1, 1]


async def test_a_filter_that_may_return_more_shows_nothing() -> None:
    upstream = Capping(small_contract(limit=10, exact=False))
    upstream.fill(30)
    upstream.cap = 20
    told: list[str] = []
    totals = Totals(upstream.fetch, upstream.contract, told.append)
    assert not await refused(upstream, Pushdown(), totals, cold=True)
    assert "may return more rows than requested" in told[0]


@examples(300)
@given(
    st.lists(st.integers(-5_000, 5_000), max_size=30).map(lambda n: sorted(n, reverse=True)),
    st.sampled_from([1, 10, 1000]),
)
def test_an_instant_parts_the_rows_wherever_the_grid_can(instants: list[int], step: int) -> None:
    at = split_instant(instants, step)
    cells = {instant // step for instant in instants}
    if at is None:
        assert len(cells) < 2
    else:
        assert at % step == 0
        assert any(instant >= at for instant in instants)
        assert any(instant < at for instant in instants)
