"""Rows handed on while an extract is still being read, and an extract that goes on half-way."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from gateway.analytics.extract.extractor import Extraction, Extractor, ExtractPolicy
from gateway.analytics.extract.passes import Passes
from gateway.analytics.read.page import Page
from gateway.analytics.read.request import PageRequest
from gateway.errors import UpstreamKeepsChanging, UpstreamUnavailable
from gateway.planner.pushdown import Pushdown
from tests.analytics.kept import Kept
from tests.analytics.moving import Upstream, from_table
from tests.analytics.small_contract import small_contract
from tests.analytics.test_extract import (
    EVERYTHING,
    SELECTIONS,
    check,
    drift,
    extract,
    is_one_moment,
    moving,
)

pytestmark = pytest.mark.anyio

GRADUAL = {"everything": EVERYTHING, "recent": SELECTIONS["recent"]}


# --- one moment, in order -------------------------------------------------------------------------


@pytest.mark.parametrize("name", GRADUAL)
@pytest.mark.parametrize("seed", range(0, 20, 10))
async def test_in_the_end_the_rows_are_of_one_moment(seed: int, name: str) -> None:
    for number in range(seed, seed + 10):
        upstream = moving(number)
        upstream.drift = drift(number, calls=random.Random(number).randint(0, 60))
        try:
            rows = await extract(upstream, GRADUAL[name])
        except UpstreamKeepsChanging:
            continue
        assert is_one_moment(upstream, GRADUAL[name], rows)


@pytest.mark.parametrize("name", GRADUAL)
@pytest.mark.parametrize("instants", [3, 40, 10**9])
@pytest.mark.parametrize("rows", [1, 9, 10, 11, 95])
async def test_what_stands_still_is_handed_on_in_its_natural_order(
    rows: int, instants: int, name: str
) -> None:
    upstream = Upstream(small_contract(limit=10))
    upstream.fill(rows, instants=instants)
    found = await extract(upstream, GRADUAL[name])
    assert found == sorted(found, key=lambda row: (-row.changed.timestamp(), row.id))
    assert len(found) == len(upstream.matching(GRADUAL[name]))


async def test_rows_are_handed_on_before_the_last_page_is_asked_for() -> None:
    upstream = Upstream(small_contract(limit=10))
    upstream.fill(300)
    kept = Kept(upstream.contract)
    seen: list[int] = []
    upstream.drift = lambda _: seen.append(len(kept.keys))
    extractor = Extractor(upstream.fetch, upstream.contract, ExtractPolicy(3), upstream.clock())
    await extractor.begin(EVERYTHING, kept).read()
    assert seen[10] >= 10
    assert seen[20] >= 100


# --- going on -------------------------------------------------------------------------------------


@dataclass
class Breaking(Upstream):
    """Fails at one call, counted from 1, which never arrives."""

    breaks_at: int = 0
    called: int = 0
    answered: list[PageRequest] = field(default_factory=list)

    async def fetch(self, request: PageRequest) -> Page:
        self.called += 1
        if self.called == self.breaks_at:
            raise UpstreamUnavailable("down")
        page = await super().fetch(request)
        self.answered.append(request)
        return page


def breaking(seed: int, at: int, *, limit: int | None = None) -> Breaking:
    """`moving`, but it fails; some minutes of changes pass before it is well again."""
    model = moving(seed, limit=limit)
    upstream = Breaking(
        model.contract,
        seed,
        shuffle_ties=model.shuffle_ties,
        tells_date=model.tells_date,
        breaks_at=at,
    )
    upstream.fill(50, instants=random.Random(seed).choice((3, 40, 10**9)))
    return upstream


async def read_twice(
    upstream: Breaking, pushdown: Pushdown, outage: int, ahead: timedelta = timedelta()
) -> Kept:
    """Read until it fails, wait while `outage` rows change, and read on."""
    kept = Kept(upstream.contract)
    extractor = Extractor(
        upstream.fetch, upstream.contract, ExtractPolicy(3), upstream.clock(ahead)
    )
    extraction = extractor.begin(pushdown, kept)
    if not await _broke(extraction):
        return kept
    before = kept.keys
    assert extraction.is_gradual or not before
    for _ in range(outage):
        upstream.now += timedelta(seconds=9)
        upstream.random.choice((upstream.touch, upstream.insert))()
    await extraction.read()
    assert kept.keys[: len(before)] == before
    return kept


async def _broke(extraction: Extraction | Passes) -> bool:
    try:
        await extraction.read()
    except UpstreamKeepsChanging:
        raise
    except UpstreamUnavailable:
        return True
    return False


@pytest.mark.parametrize("name", ["everything", *SELECTIONS])
@pytest.mark.parametrize("outage", [0, 30])
async def test_wherever_it_broke_it_goes_on_and_loses_nothing(outage: int, name: str) -> None:
    """At each call in turn, the catch-up's too, until there is none left to break at."""
    pushdown = {"everything": EVERYTHING, **SELECTIONS}[name]
    for seed in range(2):
        at, broke = 1, True
        while broke:
            upstream = breaking(seed, at, limit=14)
            rows = from_table((await read_twice(upstream, pushdown, outage)).rows)
            check(upstream, pushdown, rows)
            assert is_one_moment(upstream, pushdown, rows)
            at, broke = at + 1, upstream.called >= at
        assert at >= 3


@pytest.mark.parametrize("name", ["everything", "recent", "state", "groups"])
async def test_it_goes_on_and_loses_nothing_while_rows_change_all_the_time(name: str) -> None:
    pushdown = {"everything": EVERYTHING, **SELECTIONS}[name]
    ended = 0
    for seed in range(12):
        upstream = breaking(seed, random.Random(seed).randint(1, 14))
        upstream.drift = drift(seed, calls=25, most=2)
        try:
            kept = await read_twice(upstream, pushdown, 10, timedelta(hours=seed % 3 - 1))
        except UpstreamKeepsChanging:
            continue
        check(upstream, pushdown, from_table(kept.rows))
        assert is_one_moment(upstream, pushdown, from_table(kept.rows))
        ended += 1
    assert ended >= 9


@pytest.mark.parametrize("name", ["everything", "recent", "state"])
@pytest.mark.parametrize("at", range(2, 12, 3))
async def test_no_page_is_asked_for_again(at: int, name: str) -> None:
    """Of the first sweep; the catch-up begins anew."""
    pushdown = {"everything": EVERYTHING, **SELECTIONS}[name]
    upstream = breaking(1, at, limit=8)
    upstream.tells_date, upstream.shuffle_ties = True, False
    await read_twice(upstream, pushdown, 0)
    behind = [request for request in upstream.answered if request.skip and request.limit > 1]
    sweep = [request.skip for request in behind if request.pushdown == behind[0].pushdown]
    assert len(sweep) == len(set(sweep)) >= 3


async def test_where_pages_overlap_it_goes_on_behind_the_last_one() -> None:
    """As they do once rows were deleted while they were read."""
    upstream = Breaking(small_contract(limit=100), breaks_at=9)
    upstream.fill(1_500)
    upstream.drift = lambda moved: moved.delete() if len(moved.requests) < 5 else None
    kept = await read_twice(upstream, EVERYTHING, 0)
    check(upstream, EVERYTHING, from_table(kept.rows))
    skips = sorted(request.skip for request in upstream.answered if request.skip)
    assert all(after - before >= 99 for before, after in itertools.pairwise(skips))


async def test_what_changed_before_the_clock_was_read_is_not_lost() -> None:
    """Without a Date header a selection asks for the newest row; that call takes a minute here."""
    upstream = Breaking(small_contract(limit=10), tells_date=False)
    upstream.fill(60)
    selection = SELECTIONS["state"]

    def leave_meanwhile(moved: Upstream) -> None:
        if len(moved.requests) == 1:
            first, last = (
                sorted(moved.matching(selection), key=lambda r: r.changed)[i] for i in (-1, 0)
            )
            moved.put(moved.draw(first.id, moved.now))
            moved.put(moved.draw(last.id, moved.now))
            moved.now += timedelta(minutes=1)
            moved.insert()

    upstream.drift = leave_meanwhile
    for seed in range(20):
        upstream.random = random.Random(seed)
        upstream.requests.clear()
        upstream.moments.clear()
        kept = await read_twice(upstream, selection, 0, timedelta(hours=2))
        assert is_one_moment(upstream, selection, from_table(kept.rows))
