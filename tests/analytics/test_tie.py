"""Rows of one instant, more than a page of them: each is read, and in how many calls."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.analytics.extract.extractor import Extractor, ExtractPolicy
from gateway.contract.model import Contract
from gateway.errors import UpstreamKeepsChanging
from gateway.observe import Clock
from gateway.planner.pushdown import Pushdown
from tests.analytics.kept import Kept
from tests.analytics.tied import INSTANT, Row, Tied, people, tied_contract

pytestmark = pytest.mark.anyio


async def extract(upstream: Tied) -> set[object]:
    clock = Clock(lambda: INSTANT.replace(year=2025), lambda: 0.0)
    extractor = Extractor(upstream.fetch, upstream.contract, ExtractPolicy(), clock)
    kept = Keys(upstream.contract)
    await extractor.begin(Pushdown(), kept).read()
    return kept.found


class Keys(Kept):
    """A sink that keeps keys alone: many rows would take long."""

    def __init__(self, contract: Contract) -> None:
        super().__init__(contract)
        self.found: set[object] = set()

    def append(self, rows: object) -> None:
        keys = rows.column("id").to_pylist()  # type: ignore[attr-defined]
        assert self.found.isdisjoint(keys)
        self.found.update(keys)

    def replace(self, rows: object) -> None:
        """Rows do not change here."""


@pytest.mark.parametrize(
    "rows",
    [
        people(20_000),
        people(20_000, seed=1),
        people(20_000, states=(1, 1, 1, 1, 1), contents=200),
        people(20_000, per_person=40, contents=400),
    ],
    ids=["usual", "other", "even", "many contents"],
)
async def test_a_reshuffled_tie_takes_half_as_many_calls_again_as_a_sweep(rows: list[Row]) -> None:
    upstream = Tied(tied_contract(), rows)
    assert await extract(upstream) == {row["id"] for row in rows}
    assert len(upstream.requests) <= 300


async def test_a_tie_that_few_values_split_takes_linear_calls() -> None:
    upstream = Tied(tied_contract(), people(20_000, per_person=5, contents=60))
    assert await extract(upstream) == {row["id"] for row in upstream.rows}
    assert len(upstream.requests) <= 500


async def test_a_tie_that_keeps_its_order_takes_a_sweep() -> None:
    upstream = Tied(tied_contract(), people(2_500), shuffles=False)
    assert len(await extract(upstream)) == 2_500
    assert len(upstream.requests) <= 25 + 6


@pytest.mark.parametrize("rows", [101, 150, 199, 250, 401, 900, 2_500])
async def test_a_tie_of_any_length_is_whole(rows: int) -> None:
    for seed in range(3):
        upstream = Tied(tied_contract(), people(rows, seed=seed), seed)
        assert len(await extract(upstream)) == rows


async def test_values_that_are_rare_or_null_are_found() -> None:
    rows = people(3_000)
    for number, row in enumerate(rows):
        if number % 100 == 0:
            row["contentId"] = None
        if number % 500 == 1:
            row["contentId"] = f"rare{number}"
        if number % 700 == 2:
            row["state"] = f"RARE{number}"
    upstream = Tied(tied_contract(), rows)
    assert len(await extract(upstream)) == 3_000


async def test_without_exact_filters_a_tie_is_read_again_and_again() -> None:
    contract = tied_contract()
    columns = tuple(
        replace(column, filter=None) if column.name != "updatedAt" else column
        for column in contract.columns
    )
    upstream = Tied(replace(contract, columns=columns), people(1_500))
    assert len(await extract(upstream)) == 1_500
    assert len(upstream.requests) <= 15 * 13


async def test_a_filter_that_leaves_rows_out_loses_none() -> None:
    upstream = Tied(tied_contract(), people(1_500), ignored=frozenset({"contentId", "state"}))
    assert len(await extract(upstream)) == 1_500


async def test_rows_around_a_tie_are_read_as_well() -> None:
    rows = people(1_200)
    for number, row in enumerate(rows):
        if number % 4 == 0:
            row["updatedAt"] = (INSTANT + timedelta(seconds=number - 600)).replace(tzinfo=None)
    for shuffles in (True, False):
        upstream = Tied(tied_contract(), rows, shuffles=shuffles)
        if not shuffles:
            upstream.rows = sorted(rows, key=lambda row: str(row["updatedAt"]), reverse=True)
        assert len(await extract(upstream)) == 1_200


async def test_a_tie_that_loses_rows_is_refused_or_whole() -> None:
    class Leaving(Tied):
        def _matching(self, pushdown: Pushdown) -> list[Row]:
            if len(self.requests) > 10:
                self.rows.pop()
            return super()._matching(pushdown)

    upstream = Leaving(tied_contract(), people(3_000))
    try:
        found = await extract(upstream)
    except UpstreamKeepsChanging:
        return
    assert {row["id"] for row in upstream.rows} <= found
