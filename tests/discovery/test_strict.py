"""Strict APIs that say little: what a refusal shows is used, and few calls are made."""

from __future__ import annotations

import asyncio

import pytest

from gateway.sandbox import generate
from gateway.sandbox.variations import VARIATIONS, merge
from tests.support.discovered import Discovered, Upstream, learn_variant, read_feed, start

DATASET = generate(300, seed=7)
MOST_CALLS = 56
STRANGE = {
    "order": ("error-one-at-a-time", "order-sort-by"),
    "page size": ("error-one-at-a-time", "limit-page-size"),
    "flat range": ("error-one-at-a-time", "range-flat"),
    "list of orders": ("unknown-members-ignored", "order-sort-list"),
    "order in words": ("unknown-members-ignored", "order-comma"),
    "range of comparisons": ("unknown-members-ignored", "range-gte-lte"),
}


def learn(upstream: Upstream) -> Discovered:
    return asyncio.run(learn_variant(upstream, described=False))


@pytest.mark.parametrize("names", STRANGE.values(), ids=[*STRANGE])
def test_orders_and_ranges_are_found_within_the_calls(names: tuple[str, str]) -> None:
    upstream = start(merge(*(VARIATIONS[name] for name in names)), DATASET)
    found = learn(upstream)
    assert found.problems == ()
    assert found.contract.order_column == "updatedAt", found.said
    methods = [method for method, _ in upstream.variant.calls]
    assert methods.count("POST") <= MOST_CALLS


def test_open_ranges_that_the_api_limits_are_sent_with_both_ends() -> None:
    upstream = start(VARIATIONS["range-open-limited"], DATASET)
    found = learn(upstream)
    assert "both ends are needed" in found.text
    assert found.problems == ()
    assert len(asyncio.run(read_feed(upstream, found))) == len(upstream.variant.store.rows)


def test_rows_that_a_request_without_a_range_hides_are_read() -> None:
    upstream = start(VARIATIONS["range-default-since"], DATASET)
    found = learn(upstream)
    assert "${updated_at.from or " in found.text
    assert found.problems == ()
    rows = asyncio.run(read_feed(upstream, found))
    assert len(rows) == len(upstream.variant.store.rows) > 199
