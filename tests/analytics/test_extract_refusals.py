"""Extracts from an upstream that breaks the contract, fails, or is left alone half-way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import anyio
import pyarrow as pa
import pytest

from gateway.analytics.read.page import Page
from gateway.analytics.read.request import PageRequest
from gateway.errors import UpstreamBrokeContract, UpstreamThrottled
from gateway.planner.pushdown import Pushdown, PushedValues
from tests.analytics.moving import BEGIN, Upstream
from tests.analytics.small_contract import small_contract
from tests.analytics.test_extract import EVERYTHING, SELECTIONS, check, drift, extract

pytestmark = pytest.mark.anyio


class Liar(Upstream):
    """An upstream that ignores members of the request, or says more or less than it has."""

    cap = 10**9
    most_total = 10**9
    added_total = 0
    ignores: tuple[str, ...] = ()

    def answer(self, request: PageRequest) -> Page:
        if "limit" in self.ignores:
            request = replace(request, limit=4)
        if "skip" in self.ignores:
            request = replace(request, skip=0)
        if "filters" in self.ignores:
            request = replace(request, pushdown=Pushdown())
        page = super().answer(replace(request, limit=min(request.limit, self.cap)))
        rows = page.rows
        if "order" in self.ignores:
            rows = rows.sort_by([("changed", "ascending")])
        return Page(rows, min(page.total + self.added_total, self.most_total), page.date)


def liar(habits: dict[str, object], rows: int = 40) -> Liar:
    upstream = Liar(small_contract(limit=10))
    for name, value in habits.items():
        setattr(upstream, name, value)
    upstream.fill(rows)
    return upstream


@pytest.mark.parametrize(
    ("habits", "table"),
    [
        ({"cap": 3}, r"`largest` of \[pages\]"),
        ({"cap": 0}, r"`largest` of \[pages\]"),
        ({"ignores": ("limit",)}, r"`largest` of \[pages\]"),
        ({"ignores": ("skip",)}, r"\$\{skip\} in \[request.body\]"),
        ({"ignores": ("order",)}, r"\[order\], and \$\{order.field\}"),
        ({"added_total": 7}, r"`total` of \[response\]"),
        ({"added_total": 10**12}, r"`total` of \[response\]"),
        ({"added_total": -7}, r"`total` of \[response\]"),
        ({"most_total": 20}, r"`total` of \[response\]"),
        ({"most_total": 10}, r"`total` of \[response\]"),
    ],
)
async def test_an_upstream_that_does_not_do_as_asked_is_refused(
    habits: dict[str, object], table: str
) -> None:
    upstream = liar(habits)
    with pytest.raises(UpstreamBrokeContract, match=table):
        await extract(upstream, EVERYTHING)
    assert len(upstream.requests) < 20


@pytest.mark.parametrize("name", ["state", "groups", "recent", "between"])
async def test_an_upstream_that_ignores_a_filter_is_refused(name: str) -> None:
    with pytest.raises(UpstreamBrokeContract, match="exact = false"):
        await extract(liar({"ignores": ("filters",)}), SELECTIONS[name])


async def test_a_filter_that_the_contract_calls_loose_may_return_more() -> None:
    upstream = Liar(small_contract(limit=10, exact=False))
    upstream.ignores = ("filters",)
    upstream.fill(9)
    assert len(await extract(upstream, SELECTIONS["state"])) == 9


async def test_two_rows_with_one_key_in_a_page_are_refused() -> None:
    upstream = liar({}, 4)
    upstream.rows["again"] = next(iter(upstream.rows.values()))
    with pytest.raises(UpstreamBrokeContract, match=r"same id \(id\).*\[service\]") as raised:
        await extract(upstream, EVERYTHING)
    assert "rows 3 and 4 of it" in raised.value.message
    assert "'r0'" not in raised.value.message


async def test_two_rows_with_one_key_in_different_pages_are_refused() -> None:
    upstream = liar({})
    upstream.rows["again"] = replace(upstream.rows["r0"], changed=BEGIN - timedelta(days=9))
    upstream.put(replace(upstream.rows["r0"], changed=BEGIN - timedelta(seconds=9)))
    with pytest.raises(
        UpstreamBrokeContract, match=r"41 rows.*40 distinct ones by the key id.*\[service\]"
    ):
        await extract(upstream, EVERYTHING)


class Timeless(Upstream):
    """Its rows have no instant."""

    def answer(self, request: PageRequest) -> Page:
        page = super().answer(request)
        nulls = pa.nulls(page.rows.num_rows, pa.timestamp("us"))
        return replace(page, rows=page.rows.set_column(3, "changed", nulls))


async def test_a_row_without_the_instant_that_extracts_are_read_by_is_refused() -> None:
    """A contract that calls the column nullable reads the list as a whole instead."""
    upstream = Timeless(small_contract(limit=2))
    upstream.fill(5)
    with pytest.raises(UpstreamBrokeContract, match=r"without changed.*\[extract\]"):
        await extract(upstream, EVERYTHING)


class Failing(Upstream):
    """Of the pages behind the first the fourth fails; the others hang."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.waiting = 0
        self.ended = 0
        self.three_wait = asyncio.Event()

    async def fetch(self, request: PageRequest) -> Page:
        if request.skip == 0:
            return await super().fetch(request)
        self.waiting += 1
        if self.waiting == 3:
            self.three_wait.set()
        try:
            if self.waiting == 4:
                raise UpstreamThrottled("the Analytics API answered 429", retry_after_seconds=77)
            await anyio.sleep_forever()
        finally:
            self.ended += 1
        raise AssertionError("unreachable")


def failing() -> Failing:
    upstream = Failing(small_contract(limit=10))
    upstream.fill(200)
    return upstream


async def test_one_failing_page_ends_the_others_and_is_what_the_caller_sees() -> None:
    upstream = failing()
    with pytest.raises(UpstreamThrottled) as failure:
        await extract(upstream, EVERYTHING, concurrency=4)
    assert failure.value.retry_after_seconds == 77
    assert failure.value.__cause__ is None
    assert failure.value.__context__ is None
    assert (upstream.waiting, upstream.ended) == (4, 4)


async def test_an_extract_that_is_cancelled_leaves_no_task_behind() -> None:
    upstream = failing()
    before = asyncio.all_tasks()
    task = asyncio.create_task(extract(upstream, EVERYTHING, concurrency=3))
    await upstream.three_wait.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert upstream.ended == 3
    assert asyncio.all_tasks() == before


async def test_a_range_that_ends_before_the_first_change_is_caught_up_without_asking() -> None:
    upstream = Upstream(small_contract(limit=10))
    upstream.fill(100)
    upstream.drift = drift(1, calls=6)
    rows = await extract(upstream, SELECTIONS["old"])
    check(upstream, SELECTIONS["old"], rows)


async def test_a_value_list_with_no_rows_costs_one_call() -> None:
    upstream = Upstream(small_contract(limit=10))
    upstream.fill(100)
    rows = await extract(upstream, Pushdown((PushedValues("state", ("no such state",)),)))
    assert rows == []
    assert len(upstream.requests) == 1
