"""A total that stops at the deepest page is never served as the number of rows."""

from __future__ import annotations

import asyncio

import pytest

from gateway.discovery.probe.caller import DoorProblem
from gateway.errors import GatewayError
from gateway.sandbox import Dataset, generate
from gateway.sandbox.variations import PROFILES, VARIATIONS
from tests.support.discovered import learn_variant, read_feed, read_total, start

CAPPED = {
    "deepest-10000-total-capped": VARIATIONS["deepest-10000-total-capped"],
    "profile search-backed": PROFILES["search-backed"],
}


@pytest.fixture(scope="module")
def many() -> Dataset:
    return generate(12_000, seed=7)


@pytest.mark.slow
@pytest.mark.parametrize("name", CAPPED)
def test_a_capped_total_is_no_count(name: str, many: Dataset) -> None:
    async def scenario() -> None:
        upstream = start(CAPPED[name], many)
        try:
            found = await learn_variant(upstream)
        except DoorProblem:
            return
        if found.problems:
            return
        if found.contract.can_verify_total:
            assert await read_total(upstream, found) == 12_000
        try:
            rows = await read_feed(upstream, found)
        except GatewayError:
            return
        assert len(rows) == 12_000

    asyncio.run(scenario())
