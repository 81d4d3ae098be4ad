"""Extracts by ranges are complete without totals, cursors and deep pages."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from gateway.analytics.extract.extractor import Extractor, ExtractPolicy
from gateway.analytics.read.page import Page
from gateway.analytics.read.request import PageRequest
from gateway.contract.model import Contract, Pages, Paging, Stop
from gateway.errors import (
    UpstreamBrokeContract,
    UpstreamKeepsChanging,
    UpstreamRejectedRequest,
    UpstreamUnavailable,
)
from gateway.planner.pushdown import Pushdown
from tests.analytics.kept import Kept
from tests.analytics.moving import BEGIN, Upstream, Version, from_table, to_table
from tests.analytics.small_contract import small_contract
from tests.analytics.test_extract import EVERYTHING, SELECTIONS, check, drift

pytestmark = pytest.mark.anyio

DEEPEST = 40


def contract_of(name: str, *, resolution: int = 1, inclusive: bool = True) -> Contract:
    plain = small_contract(limit=10, resolution=resolution, inclusive=inclusive)
    match name:
        case "no total":
            pages = Pages(stop=Stop.SHORT_PAGE)
            response = replace(plain.response, total=None)
            return replace(plain, has_total=False, response=response, pages=pages)
        case "cursor":
            return replace(plain, pages=Pages(Paging.CURSOR))
        case _:
            return replace(plain, pages=Pages(deepest=DEEPEST))


@dataclass
class Ranged(Upstream):
    """It refuses deep pages, may cap its total at `cap`, and gives at most `largest` rows."""

    cap: int = 10**9
    largest: int = 10**9

    def answer(self, request: PageRequest) -> Page:
        pages = self.contract.pages
        if pages.deepest is not None and request.skip + request.limit > pages.deepest:
            raise UpstreamRejectedRequest("the Analytics API answered 400")
        found = self.matching(request.pushdown)
        if self.shuffle_ties:
            self.random.shuffle(found)
        found.sort(key=lambda row: row.changed, reverse=request.descending)
        skip, limit = request.skip, min(request.limit, self.largest)
        if pages.kind is Paging.CURSOR:
            skip = int(request.cursor or 0)
        page = found[skip : skip + limit]
        more = skip + limit < len(found)
        date = self.now.replace(microsecond=0) if self.tells_date else None
        return Page(
            to_table(page, self.contract),
            min(len(found), self.cap) if self.contract.has_total else None,
            date,
            cursor=skip + limit if more and pages.kind is Paging.CURSOR else None,
        )


async def extract(upstream: Ranged, pushdown: Pushdown = EVERYTHING) -> list[Version]:
    extractor = Extractor(upstream.fetch, upstream.contract, ExtractPolicy(), upstream.clock())
    kept = Kept(upstream.contract)
    assert await extractor.begin(pushdown, kept).read() is None
    return from_table(kept.rows)


def ranged(name: str, seed: int, *, rows: int | None = None, instants: int = 10**9) -> Ranged:
    generator = random.Random(f"ranged {seed}")
    contract = contract_of(
        name, resolution=generator.choice((1, 1, 1000)), inclusive=generator.random() < 0.8
    )
    upstream = Ranged(contract, seed, tells_date=generator.random() < 0.5)
    upstream.fill(generator.randint(0, 150) if rows is None else rows, instants=instants)
    return upstream


NAMES = ("no total", "cursor", "depth")


@pytest.mark.parametrize("name", NAMES)
async def test_rows_at_rest_are_copied_exactly(name: str) -> None:
    for seed in range(30):
        upstream = ranged(name, seed, instants=(10**9, 40)[seed % 2])
        for pushdown in (EVERYTHING, *SELECTIONS.values()):
            rows = await extract(upstream, pushdown)
            assert sorted(rows, key=repr) == sorted(upstream.matching(pushdown), key=repr)


@pytest.mark.parametrize("name", NAMES)
async def test_nothing_is_lost_while_rows_change(name: str) -> None:
    finished = 0
    for seed in range(40):
        upstream = ranged(name, seed)
        upstream.drift = drift(seed, most=1, calls=random.Random(seed).randint(0, 80))
        pushdown = [EVERYTHING, EVERYTHING, *SELECTIONS.values()][seed % 8]
        try:
            rows = await extract(upstream, pushdown)
        except UpstreamKeepsChanging:
            continue
        check(upstream, pushdown, rows)
        finished += 1
    assert finished >= 25


@pytest.mark.parametrize("name", NAMES)
async def test_a_row_dated_in_the_future_hides_no_change(name: str) -> None:
    for seed in range(10):
        upstream = ranged(name, seed, rows=80)
        upstream.put(upstream.draw("future", BEGIN + timedelta(days=2000)))
        upstream.drift = drift(seed, most=1, deletes=False)
        check(upstream, EVERYTHING, await extract(upstream))


@pytest.mark.parametrize("cap", [DEEPEST, 100, 10**9])
async def test_a_depth_limit_and_a_ceiling_are_passed(cap: int) -> None:
    upstream = ranged("depth", 1, rows=300)
    upstream.cap = cap
    assert len(await extract(upstream)) == 300
    assert all(r.skip + r.limit <= DEEPEST for r in upstream.requests)


async def test_both_directions_are_read() -> None:
    upstream = ranged("no total", 0, rows=100)
    await extract(upstream)
    assert {request.descending for request in upstream.requests} == {True, False}
    body = upstream.contract.request.body
    assert "order.direction" in body.names


@pytest.mark.parametrize("name", NAMES)
async def test_a_stable_tie_of_several_pages_is_read(name: str) -> None:
    for rows in (25, 30, 35):
        upstream = ranged(name, 2, rows=rows, instants=1)
        assert len(await extract(upstream)) == rows


async def test_a_tie_deeper_than_allowed_is_refused() -> None:
    upstream = ranged("depth", 2, rows=90, instants=1)
    with pytest.raises(UpstreamBrokeContract, match=r"`deepest` of \[pages\]"):
        await extract(upstream)


async def test_a_reshuffled_tie_without_a_total_is_refused() -> None:
    upstream = ranged("no total", 2, rows=90, instants=1)
    upstream.shuffle_ties = True
    with pytest.raises(UpstreamBrokeContract, match=r"sorts them differently.*\[response\]"):
        await extract(upstream)


async def test_a_reshuffled_tie_with_a_total_is_read() -> None:
    upstream = ranged("depth", 2, rows=35, instants=1)
    upstream.shuffle_ties = True
    assert len(await extract(upstream)) == 35


async def test_a_limit_that_is_cut_in_silence_loses_nothing() -> None:
    upstream = ranged("no total", 0, rows=100)
    upstream.largest = 7
    assert len(await extract(upstream)) == 100


async def test_a_range_filter_that_leaves_rows_out_is_refused() -> None:
    """The two directions then differ, or fewer rows come than the total states."""

    class Short(Ranged):
        def answer(self, request: PageRequest) -> Page:
            page = super().answer(request)
            is_part = bool(request.pushdown.terms) and request.descending
            return replace(page, rows=page.rows.slice(0, 3), stated=None) if is_part else page

    upstream = Short(contract_of("no total"))
    upstream.fill(100)
    rows = await extract(upstream)
    assert len(rows) == 100


@pytest.mark.parametrize("name", NAMES)
async def test_an_extract_goes_on_where_a_failure_stopped_it(name: str) -> None:
    class Failing(Ranged):
        def answer(self, request: PageRequest) -> Page:
            if self.random.random() < 0.4:
                raise UpstreamUnavailable("it fails")
            return super().answer(request)

    upstream = Failing(contract_of(name), 3)
    upstream.fill(90)
    kept = Kept(upstream.contract)
    extractor = Extractor(upstream.fetch, upstream.contract, ExtractPolicy(), upstream.clock())
    extraction = extractor.begin(EVERYTHING, kept)
    for _ in range(200):
        try:
            await extraction.read()
            break
        except UpstreamUnavailable:
            continue
    assert sorted(kept.keys, key=str) == sorted(upstream.rows)
    assert len(upstream.requests) < 120


class Small(Ranged):
    """It refuses more rows than `most` at once, or answers them too late."""

    most = 4
    is_late = False

    def answer(self, request: PageRequest) -> Page:
        if request.limit > self.most:
            error = UpstreamUnavailable("late") if self.is_late else UpstreamRejectedRequest("413")
            error.wants_smaller_page = True
            raise error
        return super().answer(request)


@pytest.mark.parametrize("name", [*NAMES, "all"])
async def test_a_page_that_is_too_large_is_halved_and_remembered(name: str) -> None:
    contract = small_contract(limit=10) if name == "all" else contract_of(name)
    upstream = Small(contract)
    upstream.fill(60)
    extractor = Extractor(upstream.fetch, upstream.contract, ExtractPolicy(), upstream.clock())
    for _ in range(2):
        kept = Kept(upstream.contract)
        await extractor.begin(EVERYTHING, kept).read()
        assert sorted(kept.keys, key=str) == sorted(upstream.rows)
    refused = [request for request in upstream.requests if request.limit > 4]
    assert [request.limit for request in refused] in ([10, 5], [10] * 4 + [5])


async def test_a_page_that_is_late_is_halved_only_if_that_helps() -> None:
    for most, limit in ((5, 5), (0, 10)):
        upstream = Small(small_contract(limit=10))
        upstream.most, upstream.is_late = most, True
        upstream.fill(60)
        extractor = Extractor(upstream.fetch, upstream.contract, ExtractPolicy(), upstream.clock())
        kept = Kept(upstream.contract)
        extraction = extractor.begin(EVERYTHING, kept)
        if most:
            await extraction.read()
            assert len(kept.keys) == 60
        else:
            with pytest.raises(UpstreamUnavailable):
                await extraction.read()
        assert extractor.contract.request.page_limit == limit
