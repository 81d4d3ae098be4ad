"""Extracts without a usable order, range or total."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.analytics.extract.extractor import Extractor, ExtractPolicy
from gateway.analytics.extract.strategy import Strategy, choose_strategy
from gateway.analytics.read.page import Page
from gateway.analytics.read.request import PageRequest
from gateway.contract.model import Contract, Pages, Paging, Stop, TotalPlace
from gateway.errors import (
    UpstreamBrokeContract,
    UpstreamKeepsChanging,
    UpstreamRejectedRequest,
    UpstreamUnavailable,
)
from gateway.planner.pushdown import Pushdown, PushedValues
from tests.analytics.kept import Kept
from tests.analytics.listed import (
    Arrange,
    Listed,
    as_inserted,
    oldest_first,
    reshuffled,
    unordered,
)
from tests.analytics.moving import Version, from_table
from tests.analytics.small_contract import small_contract
from tests.analytics.test_extract import EVERYTHING, check, drift

pytestmark = pytest.mark.anyio

STATE = Pushdown((PushedValues("state", ("A", "B")),))
FORMS = {
    "rows": Pages(stop=Stop.EMPTY_PAGE),
    "rows, short page": Pages(stop=Stop.SHORT_PAGE),
    "rows, has more": Pages(stop=Stop.HAS_MORE),
    "page numbers": Pages(Paging.PAGE_NUMBER, 1, stop=Stop.EMPTY_PAGE),
    "page numbers, short page": Pages(Paging.PAGE_NUMBER, 1, stop=Stop.SHORT_PAGE),
    "page numbers, has more": Pages(Paging.PAGE_NUMBER, 0, stop=Stop.HAS_MORE),
    "cursors": Pages(Paging.CURSOR, stop=Stop.SHORT_PAGE),
    "cursors, has more": Pages(Paging.CURSOR, stop=Stop.HAS_MORE),
}
ORDERS = {"as inserted": as_inserted, "oldest first": oldest_first}


async def extract(upstream: Listed, pushdown: Pushdown = EVERYTHING) -> list[Version]:
    policy = ExtractPolicy()
    extractor = Extractor(upstream.fetch, upstream.contract, policy, upstream.clock())
    kept = Kept(upstream.contract)
    assert await extractor.begin(pushdown, kept).read() is None
    return from_table(kept.rows)


def listed(
    contract: Contract, rows: int, *, arrange: Arrange = as_inserted, seed: int = 0
) -> Listed:
    upstream = Listed(contract, seed, arrange=arrange)
    upstream.fill(rows)
    return upstream


# --- the choice -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("contract", "reason"),
    [
        (unordered(total=True), "order_by"),
        (small_contract(nullable_order=True), "nullable"),
        (replace(small_contract(exact=False), has_total=False), "not exact"),
    ],
)
def test_passes_are_chosen_with_a_reason(contract: Contract, reason: str) -> None:
    choice = choose_strategy(contract)
    assert choice.strategy is Strategy.PASSES
    assert reason in choice.reason


@pytest.mark.parametrize(
    ("contract", "reason"),
    [
        (unordered(order="changed"), "total"),
        (replace(small_contract(), has_total=False), "total"),
        (replace(small_contract(), pages=Pages(Paging.CURSOR)), "cursors"),
        (replace(small_contract(), pages=Pages(deepest=100)), "beyond 100"),
    ],
)
def test_ranges_are_chosen_with_a_reason(contract: Contract, reason: str) -> None:
    choice = choose_strategy(contract)
    assert choice.strategy is Strategy.RANGES
    assert reason in choice.reason


def test_a_number_of_pages_is_no_total() -> None:
    plain = small_contract()
    place = TotalPlace(("total",), counts_pages=True)
    contract = replace(plain, response=replace(plain.response, total=place))
    assert choose_strategy(contract).strategy is Strategy.RANGES


def test_an_order_that_can_do_everything_is_read_newest_first() -> None:
    numbers = replace(small_contract(), pages=Pages(Paging.PAGE_NUMBER, 1))
    assert choose_strategy(small_contract()).strategy is Strategy.NEWEST_FIRST
    assert choose_strategy(numbers).strategy is Strategy.NEWEST_FIRST


# --- at rest --------------------------------------------------------------------------------------


@pytest.mark.parametrize("beyond", ["empty", "refused", "repeated"])
@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("rows", [0, 1, 2, 9, 10, 11, 40, 43, 100])
async def test_a_list_at_rest_is_copied_or_refused(name: str, rows: int, beyond: str) -> None:
    """Behind the end some send an error, or the last page again: then a full one is refused."""
    form = FORMS[name]
    by_total = unordered(pages=replace(form, stop=Stop.TOTAL), total=True)
    for contract in (unordered(pages=form), by_total):
        upstream = listed(contract, rows)
        upstream.beyond = beyond
        try:
            found = await extract(upstream)
        except (UpstreamBrokeContract, UpstreamRejectedRequest):
            assert beyond != "empty"
            assert form.kind is not Paging.CURSOR
            assert not contract.has_total
            assert form.stop is not Stop.HAS_MORE
            continue
        assert sorted(found, key=repr) == sorted(upstream.rows.values(), key=repr)


@pytest.mark.parametrize("name", [name for name in FORMS if "cursor" not in name])
async def test_a_limit_that_is_cut_in_silence_loses_nothing(name: str) -> None:
    for rows in (3, 4, 5, 9, 40, 41):
        upstream = listed(unordered(pages=FORMS[name]), rows)
        upstream.largest = 4
        assert len(await extract(upstream)) == rows


@pytest.mark.parametrize("largest", [4, 10])
@pytest.mark.parametrize("name", [name for name in FORMS if "cursor" not in name])
async def test_a_placeholder_that_is_ignored_is_refused(name: str, largest: int) -> None:
    upstream = listed(unordered(pages=FORMS[name]), 60)
    upstream.ignores_skip, upstream.largest = True, largest
    with pytest.raises(UpstreamBrokeContract, match=r"repeats rows.*\[request\.body\]"):
        await extract(upstream)


async def test_a_list_that_fits_one_response_with_its_total_is_read_once() -> None:
    upstream = listed(unordered(total=True), 7)
    assert len(await extract(upstream)) == 7
    assert len(upstream.requests) == 2  # the second looks behind the end


async def test_a_second_reading_uses_another_limit() -> None:
    upstream = listed(unordered(), 40)
    await extract(upstream)
    assert {request.limit for request in upstream.requests} == {10, 9}


async def test_a_list_in_no_order_is_read_if_it_has_a_total() -> None:
    for seed in range(5):
        upstream = listed(unordered(total=True), 80, arrange=reshuffled, seed=seed)
        assert len(await extract(upstream)) == 80


async def test_a_list_in_no_order_without_a_total_is_refused() -> None:
    upstream = listed(unordered(), 200, arrange=reshuffled)
    with pytest.raises(UpstreamKeepsChanging, match=r"\[response\]"):
        await extract(upstream)


@pytest.mark.parametrize("states", [45, 30])
async def test_a_total_that_is_wrong_is_refused(states: int) -> None:
    class Wrong(Listed):
        def answer(self, request: PageRequest) -> Page:
            page = super().answer(request)
            return page if page.rows.num_rows else replace(page, stated=request.skip)

    upstream = Wrong(unordered(total=True), states=states)
    upstream.fill(40)
    with pytest.raises(UpstreamBrokeContract, match=r"total"):
        await extract(upstream)


# --- depth, cursors, failures ---------------------------------------------------------------------


async def test_nothing_is_requested_deeper_than_allowed() -> None:
    for kind, deepest in ((Paging.OFFSET, 45), (Paging.PAGE_NUMBER, 50)):
        pages = Pages(kind, deepest=deepest, stop=Stop.SHORT_PAGE)
        upstream = listed(unordered(pages=pages), 43)
        assert len(await extract(upstream)) == 43
        assert all(r.skip + r.limit <= deepest for r in upstream.requests)


async def test_a_list_that_is_too_deep_is_refused() -> None:
    upstream = listed(unordered(pages=Pages(deepest=45, stop=Stop.SHORT_PAGE)), 46)
    with pytest.raises(UpstreamBrokeContract, match=r"45 that `deepest` of \[pages\].*order_by"):
        await extract(upstream)


@pytest.mark.parametrize("rows", [30, 49, 50, 51, 200])
async def test_a_total_that_stops_at_the_deepest_row_is_no_end(rows: int) -> None:
    pages = Pages(deepest=50, stop=Stop.TOTAL)
    upstream = listed(unordered(pages=pages, total=True), rows)
    upstream.states = min(rows, 50)
    if rows < 50:
        assert len(await extract(upstream)) == rows
        return
    with pytest.raises(UpstreamBrokeContract, match=r"may have, more rows than the 50"):
        await extract(upstream)


async def test_a_depth_that_the_contract_does_not_know_is_refused() -> None:
    class Deep(Listed):
        def answer(self, request: PageRequest) -> Page:
            if request.skip + request.limit > 30:
                raise UpstreamRejectedRequest("the Analytics API answered 400")
            return super().answer(request)

    for stop in (Stop.EMPTY_PAGE, Stop.SHORT_PAGE, Stop.HAS_MORE):
        upstream = Deep(unordered(pages=Pages(stop=stop)))
        upstream.fill(60)
        with pytest.raises(UpstreamRejectedRequest, match=r"`deepest` of \[pages\]"):
            await extract(upstream)


async def test_a_cursor_that_expires_begins_the_list_again() -> None:
    upstream = listed(unordered(pages=FORMS["cursors"]), 55)
    upstream.expires = 4
    assert len(await extract(upstream)) == 55


async def test_a_cursor_that_is_elsewhere_is_refused() -> None:
    class Without(Listed):
        def answer(self, request: PageRequest) -> Page:
            return replace(super().answer(request), cursor=None)

    upstream = Without(unordered(pages=FORMS["cursors"]))
    upstream.fill(50)
    with pytest.raises(UpstreamBrokeContract, match=r"`cursor` of \[response\]"):
        await extract(upstream)


@pytest.mark.parametrize("name", ["rows", "page numbers", "cursors"])
async def test_an_extract_goes_on_where_a_failure_stopped_it(name: str) -> None:
    class Failing(Listed):
        def answer(self, request: PageRequest) -> Page:
            if self.random.random() < 0.4:
                raise UpstreamUnavailable("it fails")
            return super().answer(request)

    upstream = Failing(unordered(pages=FORMS[name]), 3)
    upstream.fill(60)
    kept = Kept(upstream.contract)
    extraction = Extractor(
        upstream.fetch, upstream.contract, ExtractPolicy(), upstream.clock()
    ).begin(EVERYTHING, kept)
    for _ in range(100):
        try:
            await extraction.read()
            break
        except UpstreamUnavailable:
            continue
    assert sorted(kept.keys, key=str) == sorted(upstream.rows)


# --- while rows change ----------------------------------------------------------------------------


@pytest.mark.parametrize("arrange", ORDERS)
@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("total", [False, True])
async def test_nothing_is_lost_while_rows_change(name: str, arrange: str, *, total: bool) -> None:
    """Changes stop after some calls, and never harm: an extract is right, or refused."""
    finished = 0
    for seed in range(15):
        form = replace(FORMS[name], stop=Stop.TOTAL) if total else FORMS[name]
        contract = unordered(pages=form, total=total)
        upstream = listed(contract, 90, arrange=ORDERS[arrange], seed=seed)
        upstream.drift = drift(seed, calls=random.Random(seed).randint(0, 40), most=1)
        pushdown = (EVERYTHING, STATE)[seed % 2]
        try:
            rows = await extract(upstream, pushdown)
        except UpstreamKeepsChanging:
            continue
        check(upstream, pushdown, rows)
        finished += 1
    assert finished >= 7


@pytest.mark.parametrize("total", [False, True])
async def test_new_rows_alone_do_not_stop_an_extract(*, total: bool) -> None:
    upstream = listed(unordered(total=total), 200)
    upstream.drift = lambda moved: moved.insert() if moved.random.random() < 0.2 else None
    check(upstream, EVERYTHING, await extract(upstream))


async def test_a_list_that_loses_rows_all_the_time_is_refused() -> None:
    upstream = listed(unordered(), 300)
    upstream.drift = lambda moved: moved.delete()
    with pytest.raises(UpstreamKeepsChanging, match="no two readings agreed"):
        await extract(upstream)


async def test_rows_without_the_order_column_are_read() -> None:
    class Partly(Listed):
        def answer(self, request: PageRequest) -> Page:
            page = super().answer(request)
            instants = [None if n % 3 else row for n, row in enumerate(page.rows["changed"])]
            table = page.rows.set_column(3, page.rows.schema.field("changed"), [instants])
            return replace(page, rows=table)

    upstream = Partly(small_contract(limit=10, nullable_order=True), arrange=_newest_first)
    upstream.fill(35)
    kept = Kept(upstream.contract)
    extractor = Extractor(upstream.fetch, upstream.contract, ExtractPolicy(), upstream.clock())
    assert await extractor.begin(EVERYTHING, kept).read() is None
    assert sorted(kept.keys, key=str) == sorted(upstream.rows)
    assert all(request.order_by == "changed" for request in upstream.requests)


def _newest_first(_: Listed, rows: list[Version]) -> list[Version]:
    return sorted(rows, key=lambda row: row.changed, reverse=True)


async def test_changes_alone_are_never_read() -> None:
    upstream = listed(unordered(total=True), 60)
    extractor = Extractor(upstream.fetch, upstream.contract, ExtractPolicy(), upstream.clock())

    class Base:
        rows = 60

        async def known(self, keys: object) -> int:
            raise AssertionError(keys)

    since = upstream.now - timedelta(hours=1)
    assert await extractor.changes(EVERYTHING, since, Base()) is None
    assert not upstream.requests
