"""Extracts are complete and consistent while rows change."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.analytics.extract.extractor import Extractor, ExtractPolicy
from gateway.errors import UpstreamKeepsChanging
from gateway.planner.pushdown import Pushdown, PushedRange, PushedValues
from tests.analytics.kept import Kept
from tests.analytics.moving import BEGIN, GROUPS, Upstream, Version, from_table, matches
from tests.analytics.small_contract import small_contract
from tests.support.examples import sparse

pytestmark = pytest.mark.anyio

EVERYTHING = Pushdown()
SELECTIONS = {
    "state": Pushdown((PushedValues("state", ("A", "B")),)),
    "groups": Pushdown((PushedValues("groups", ("g1",)),)),
    "recent": Pushdown((PushedRange("changed", BEGIN - timedelta(hours=3), None),)),
    "old": Pushdown((PushedRange("changed", None, BEGIN - timedelta(hours=3)),)),
    "between": Pushdown(
        (PushedRange("changed", BEGIN - timedelta(hours=5), BEGIN - timedelta(hours=2)),)
    ),
    "all of it": Pushdown(
        (
            PushedValues("state", ("A", "C")),
            PushedValues("groups", ("g1", "g2")),
            PushedRange("changed", BEGIN - timedelta(hours=5), None),
        )
    ),
}


def drift(
    seed: int, *, calls: int = 10**9, most: int = 3, deletes: bool = True
) -> Callable[[Upstream], None]:
    """Up to `most` changes a call, during the first `calls` calls."""
    generator = random.Random(seed)
    kinds = ["touch", "touch", "insert"] + ["delete"] * deletes

    def change(upstream: Upstream) -> None:
        if len(upstream.requests) <= calls:
            for _ in range(generator.randint(1, most)):
                upstream.now += timedelta(milliseconds=generator.randrange(300))
                getattr(upstream, generator.choice(kinds))()

    return change


def moving(seed: int, *, limit: int | None = None, overlap: int = 2) -> Upstream:
    """An upstream of a size and habits that follow from the seed."""
    generator = random.Random(f"habits {seed}")
    contract = small_contract(
        limit=limit or generator.randint(8, 14),
        overlap=overlap,
        resolution=generator.choice((1, 1, 1000)),
        inclusive=generator.random() < 0.8,
    )
    upstream = Upstream(
        contract,
        seed,
        shuffle_ties=generator.random() < 0.5,
        tells_date=generator.random() < 0.5,
    )
    upstream.fill(generator.randint(1, 120), instants=generator.choice((3, 40, 10**9)))
    return upstream


async def extract(
    upstream: Upstream, pushdown: Pushdown, *, concurrency: int = 3, ahead: timedelta = timedelta()
) -> list[Version]:
    policy = ExtractPolicy(concurrency=concurrency)
    extractor = Extractor(upstream.fetch, upstream.contract, policy, upstream.clock(ahead))
    kept = Kept(upstream.contract)
    await extractor.begin(pushdown, kept).read()
    return from_table(kept.rows)


def check(upstream: Upstream, pushdown: Pushdown, rows: list[Version]) -> None:
    keys = [row.id for row in rows]
    assert len(keys) == len(set(keys)), "a row is there twice"
    assert upstream.throughout(pushdown) <= set(keys), "a row is lost"
    for row in rows:
        assert row in upstream.history[row.id], "a row is there that never was"
        assert matches(row, pushdown, upstream.contract)


def is_one_moment(upstream: Upstream, pushdown: Pushdown, rows: list[Version]) -> bool:
    """Whether the rows are what matched when some call was made, beside rows deleted by then."""
    found = set(rows)
    for moment in upstream.moments:
        matched = {r for r in moment.values() if matches(r, pushdown, upstream.contract)}
        if matched <= found and all(row.id not in moment for row in found - matched):
            return True
    return False


@pytest.mark.parametrize("seed", sparse(range(0, 200, 10)))
async def test_nothing_is_lost_while_rows_change_between_every_two_calls(seed: int) -> None:
    for number in range(seed, seed + 10):
        upstream = moving(number)
        upstream.drift = drift(number)
        check(upstream, EVERYTHING, await extract(upstream, EVERYTHING))


@pytest.mark.parametrize("name", SELECTIONS)
@pytest.mark.parametrize("seed", sparse(range(0, 200, 50)))
async def test_a_selection_is_exact_or_refused_while_rows_change(seed: int, name: str) -> None:
    converged = 0
    for number in range(seed, seed + 50):
        upstream = moving(number)
        upstream.drift = drift(number, calls=random.Random(number).randint(0, 40))
        try:
            rows = await extract(upstream, SELECTIONS[name])
        except UpstreamKeepsChanging:
            continue
        check(upstream, SELECTIONS[name], rows)
        assert is_one_moment(upstream, SELECTIONS[name], rows)
        converged += 1
    assert converged >= 45


@pytest.mark.parametrize("seed", sparse(range(20)))
async def test_an_upstream_that_stands_still_is_copied_exactly(seed: int) -> None:
    for name in ("state", "groups", "recent", "old", "between", "all of it"):
        upstream = moving(seed)
        rows = await extract(upstream, SELECTIONS[name])
        assert sorted(rows, key=repr) == sorted(upstream.matching(SELECTIONS[name]), key=repr)


async def test_a_selection_converges_although_rows_are_deleted_all_the_time() -> None:
    upstream = moving(3, limit=10)
    upstream.fill(200)
    upstream.drift = lambda moved: moved.delete()
    rows = await extract(upstream, SELECTIONS["state"])
    check(upstream, SELECTIONS["state"], rows)


@pytest.mark.parametrize("seed", sparse(range(10)))
async def test_a_clock_of_the_gateway_that_is_fast_loses_nothing(seed: int) -> None:
    for pushdown in (EVERYTHING, SELECTIONS["recent"]):
        upstream = moving(seed)
        upstream.tells_date = False
        upstream.drift = drift(seed)
        rows = await extract(upstream, pushdown, ahead=timedelta(hours=2))
        check(upstream, pushdown, rows)


@pytest.mark.parametrize("seed", sparse(range(10)))
async def test_a_row_dated_in_the_future_loses_nothing(seed: int) -> None:
    """It takes one place of each page of changes: pages of 8 rows are then refused now and then."""
    upstream = moving(seed, limit=12)
    upstream.put(upstream.draw("future", BEGIN + timedelta(days=2000)))
    upstream.drift = drift(seed)
    check(upstream, EVERYTHING, await extract(upstream, EVERYTHING))


@pytest.mark.parametrize("shuffled", [False, True])
async def test_many_pages_of_one_instant_are_read_although_their_order_is_random(
    *, shuffled: bool
) -> None:
    for pushdown in (EVERYTHING, SELECTIONS["state"]):
        upstream = Upstream(small_contract(limit=10), shuffle_ties=shuffled)
        upstream.fill(150, instants=1)
        assert len(await extract(upstream, pushdown)) == len(upstream.matching(pushdown))


@pytest.mark.parametrize(("seed", "tied"), [(0, 400), (1, 40), (2, 40), (3, 40)])
async def test_a_tie_that_never_stands_still_is_refused_or_whole(seed: int, tied: int) -> None:
    """Which of the two depends on what moves between two calls; a part is never passed on.

    Rows only leave a tie, so an equal total at two calls means the same rows.
    """
    upstream = Upstream(small_contract(limit=3), seed, shuffle_ties=True)
    upstream.fill(tied, instants=1)
    upstream.drift = drift(seed, most=1)
    try:
        rows = await extract(upstream, EVERYTHING)
    except UpstreamKeepsChanging:
        return
    check(upstream, EVERYTHING, rows)


async def test_changes_that_never_fit_a_page_are_refused() -> None:
    upstream = Upstream(small_contract(limit=4))
    upstream.fill(40)
    upstream.drift = drift(0, most=16, deletes=False)
    for pushdown in (EVERYTHING, SELECTIONS["state"]):
        with pytest.raises(UpstreamKeepsChanging) as refusal:
            await extract(upstream, pushdown)
        assert refusal.value.status == 503
        assert dict(refusal.value.headers)["Retry-After"] == "30"


@pytest.mark.parametrize("rows", [0, 1, 9, 10, 11, 19, 20, 21, 100])
async def test_an_upstream_in_peace_is_asked_for_each_page_once(rows: int) -> None:
    upstream = Upstream(small_contract(limit=10))
    upstream.fill(rows)
    assert len(await extract(upstream, EVERYTHING)) == rows
    pages, look_again, second_number = rows // 10 + 1, rows >= 10, 2 * (rows > 1)
    assert len(upstream.requests) == pages + look_again + second_number


async def test_a_selection_whose_rows_leave_all_the_time_is_refused() -> None:
    upstream = Upstream(small_contract(limit=10))
    upstream.fill(300)
    selection = Pushdown((PushedValues("state", ("A", "B")), PushedValues("groups", GROUPS)))

    def leave(moved: Upstream) -> None:
        out = moved.random.choice(moved.matching(selection))
        back = moved.random.choice([row for row in moved.rows.values() if row.state == "C"])
        moved.put(replace(out, state="C", changed=moved.now))
        moved.put(replace(back, state="A", groups=GROUPS, changed=moved.now))

    upstream.drift = leave
    with pytest.raises(UpstreamKeepsChanging):
        await extract(upstream, selection)


async def test_rows_that_are_all_dated_in_the_future_are_read() -> None:
    future = Pushdown((PushedRange("changed", BEGIN + timedelta(days=30), None),))
    upstream = Upstream(small_contract(limit=10))
    upstream.fill(50)
    for number in range(35):
        upstream.put(upstream.draw(f"f{number}", BEGIN + timedelta(days=31, seconds=number)))
    assert len(await extract(upstream, future)) == 35
    assert len(await extract(upstream, EVERYTHING)) == 85
