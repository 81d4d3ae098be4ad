"""An extract that builds on an older one is, like a whole one, the upstream of one moment."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import datetime, timedelta

import pyarrow as pa
import pytest

from gateway.analytics.extract.extractor import Extractor, ExtractPolicy, IncrementalChanges
from gateway.errors import UpstreamKeepsChanging
from gateway.planner.pushdown import Pushdown
from tests.analytics.kept import Kept
from tests.analytics.moving import BEGIN, Upstream, Version, from_table, matches
from tests.analytics.small_contract import small_contract
from tests.analytics.test_extract import EVERYTHING, SELECTIONS, drift, is_one_moment, moving
from tests.support.examples import QUARTERS

pytestmark = pytest.mark.anyio

QUESTIONS = {"everything": EVERYTHING, **SELECTIONS}


class Held:
    """A complete extract in memory, and what is done to it."""

    def __init__(self, rows: list[Version]) -> None:
        self.versions = {row.id: row for row in rows}

    @property
    def rows(self) -> int:
        return len(self.versions)

    async def known(self, keys: pa.Array) -> int:
        asked = keys.to_pylist()
        assert len(asked) == len(set(asked)), "a key is asked for twice"
        return len(self.versions.keys() & set(asked))

    def apply(self, changes: IncrementalChanges) -> None:
        rows = from_table(changes.rows)
        assert len({row.id for row in rows}) == len(rows), "a row is changed twice"
        assert not changes.gone & {row.id for row in rows}, "a row is there and gone"
        assert rows == sorted(rows, key=_natural)
        for key in changes.gone:
            self.versions.pop(key, None)
        self.versions |= {row.id: row for row in rows}


def _natural(row: Version) -> tuple[float, str]:
    return -row.changed.timestamp(), row.id


class Refresher:
    """An extract that is kept up to date, each time from where the last one ended."""

    def __init__(
        self, upstream: Upstream, pushdown: Pushdown, ahead: timedelta = timedelta()
    ) -> None:
        clock = upstream.clock(ahead)
        self.by = Extractor(upstream.fetch, upstream.contract, ExtractPolicy(3), clock)
        self.upstream = upstream
        self.pushdown = pushdown
        self.held = Held([])
        self.since: datetime | None = None

    async def read_all(self) -> None:
        kept = Kept(self.upstream.contract)
        self.since = await self.by.begin(self.pushdown, kept).read()
        self.held = Held(from_table(kept.rows))

    async def amend(self) -> bool:
        """False when all must be read again; the held rows are checked when not."""
        assert self.since is not None
        self.upstream.moments.clear()
        changes = await self.by.changes(self.pushdown, self.since, self.held)
        if changes is None:
            return False
        self.held.apply(changes)
        self.since = changes.since
        self.check()
        return True

    def check(self) -> None:
        rows = list(self.held.versions.values())
        assert is_one_moment(self.upstream, self.pushdown, rows)
        there = {key for moment in self.upstream.moments for key in moment}
        assert self.held.versions.keys() <= there, "a row is there that was deleted before"

    @property
    def is_large(self) -> bool:
        """Whether it is more than one page."""
        return self.held.rows >= self.upstream.contract.request.page_limit


def move(upstream: Upstream, generator: random.Random, kinds: tuple[str, ...]) -> None:
    """Time passes, and some rows change."""
    for _ in range(generator.choice((0, 1, 3, 10, 40))):
        upstream.now += timedelta(milliseconds=generator.randrange(60_000))
        getattr(upstream, generator.choice(kinds))()


async def chain(refresher: Refresher, seed: int, kinds: tuple[str, ...]) -> tuple[int, int]:
    """Five refreshes, each after some changes; how many were amended, and how many could be."""
    upstream, generator = refresher.upstream, random.Random(f"chain {seed}")
    await refresher.read_all()
    amended = possible = 0
    for _ in range(5):
        move(upstream, generator, kinds)
        can = refresher.is_large and refresher.since is not None
        possible += can
        try:
            if can and await refresher.amend():
                amended += 1
            else:
                await refresher.read_all()
        except UpstreamKeepsChanging:
            upstream.drift = _peace
            await refresher.read_all()
    return amended, possible


def _peace(_: Upstream) -> None:
    """Nothing moves between two calls."""


ALIVE = ("touch", "touch", "insert", "late")
CLOCKS = {"right": timedelta(), "ahead": timedelta(hours=2), "behind": timedelta(hours=-2)}


def upstream_of(seed: int) -> Upstream:
    upstream = moving(seed)
    upstream.fill(40)
    if seed % 3 == 0:
        upstream.put(upstream.draw("future", BEGIN + timedelta(days=2000)))
    return upstream


@pytest.mark.parametrize("name", QUESTIONS)
async def test_amended_in_peace_an_extract_is_never_read_again(name: str) -> None:
    """Changes only between the refreshes; nothing is deleted."""
    for number in range(8):
        refresher = Refresher(upstream_of(number), QUESTIONS[name])
        amended, possible = await chain(refresher, number, ALIVE)
        assert amended == possible


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("name", QUESTIONS)
async def test_amended_with_clocks_that_are_wrong_it_is_of_one_moment(
    name: str, clock: str
) -> None:
    for number in range(4):
        upstream = upstream_of(number)
        upstream.tells_date = False
        refresher = Refresher(upstream, QUESTIONS[name], CLOCKS[clock])
        amended, possible = await chain(refresher, number, ALIVE)
        assert amended == possible


@pytest.mark.parametrize("quarter", QUARTERS)
@pytest.mark.parametrize("name", QUESTIONS)
async def test_amended_while_rows_change_it_is_of_one_moment_or_read_again(
    name: str, quarter: int
) -> None:
    """Rows come, change and go between the calls as well as between the refreshes."""
    amended = 0
    for number in range(20 + 5 * quarter, 25 + 5 * quarter):
        upstream = upstream_of(number)
        deletes = number % 2 == 0
        calls = random.Random(number).randint(0, 60)
        upstream.drift = drift(number, calls=calls, most=2, deletes=deletes)
        refresher = Refresher(upstream, QUESTIONS[name])
        amended += (await chain(refresher, number, (*ALIVE, *["delete"] * deletes)))[0]
    assert amended >= 5


@pytest.mark.parametrize("name", QUESTIONS)
async def test_a_row_that_was_deleted_makes_all_be_read_again(name: str) -> None:
    """Also when as many have come since."""
    for number in range(10):
        upstream = upstream_of(number)
        refresher = Refresher(upstream, QUESTIONS[name])
        await refresher.read_all()
        if not refresher.is_large:
            continue
        gone = random.Random(number).choice(list(refresher.held.versions))
        del upstream.rows[gone]
        upstream.now += timedelta(seconds=30)
        drawn = (upstream.draw("new", upstream.now) for _ in range(40))
        come = [v for v in drawn if matches(v, QUESTIONS[name], upstream.contract)]
        if number % 2 and come:
            upstream.put(come[0])
        assert not await refresher.amend()


async def test_a_row_that_was_deleted_beside_a_selection_is_nothing_to_it() -> None:
    upstream = upstream_of(1)
    refresher = Refresher(upstream, SELECTIONS["state"])
    await refresher.read_all()
    for row in [row for row in upstream.rows.values() if row.state == "C"]:
        del upstream.rows[row.id]
    assert await refresher.amend()


async def test_an_upstream_that_stands_still_is_asked_once_for_everything() -> None:
    upstream = Upstream(small_contract(limit=10))
    upstream.fill(95)
    refresher = Refresher(upstream, EVERYTHING)
    await refresher.read_all()
    for _ in range(4):
        before = len(upstream.requests)
        upstream.now += timedelta(minutes=5)
        assert await refresher.amend()
        assert len(upstream.requests) == before + 1


@pytest.mark.parametrize("name", SELECTIONS)
async def test_what_a_quiet_selection_costs_does_not_grow_with_its_rows(name: str) -> None:
    costs = []
    for rows in (200, 800):
        upstream = Upstream(small_contract(limit=10))
        upstream.fill(rows)
        refresher = Refresher(upstream, SELECTIONS[name])
        await refresher.read_all()
        before = len(upstream.requests)
        assert await refresher.amend()
        costs.append(len(upstream.requests) - before)
    assert costs[0] == costs[1] <= 4


async def test_one_page_is_read_again_and_costs_no_question() -> None:
    upstream = Upstream(small_contract(limit=10))
    upstream.fill(9)
    refresher = Refresher(upstream, EVERYTHING)
    await refresher.read_all()
    before = len(upstream.requests)
    assert not await refresher.amend()
    assert len(upstream.requests) == before


@pytest.mark.parametrize("name", ["everything", "state"])
async def test_changes_that_never_end_are_refused_or_read_again(name: str) -> None:
    upstream = Upstream(small_contract(limit=4))
    upstream.fill(40)
    refresher = Refresher(upstream, QUESTIONS[name])
    await refresher.read_all()
    upstream.drift = drift(0, most=16, deletes=False)
    amended = False
    with suppress(UpstreamKeepsChanging):
        amended = await refresher.amend()
    assert not amended
