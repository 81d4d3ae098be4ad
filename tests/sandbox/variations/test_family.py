"""Every variation and profile responds in its own form, with the rows of the truth."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.sandbox import Dataset, generate
from gateway.sandbox.variations import (
    PROFILES,
    VARIATIONS,
    Variant,
    Variation,
    create_variant,
    truth,
)
from tests.support.variants import Ask, ask_results, comparable, opened, read, read_rows

LIKENESSES = {**VARIATIONS, **PROFILES}
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def no_sleep(_seconds: float) -> None:
    """Return at once."""


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return generate(230)


@pytest.fixture(params=LIKENESSES)
def variant(request: pytest.FixtureRequest, dataset: Dataset, secret: str) -> Variant:
    return start(LIKENESSES[request.param], dataset, secret)


def start(variation: Variation, dataset: Dataset, secret: str) -> Variant:
    return create_variant(variation, dataset, secret=secret, clock=lambda: NOW, sleep=no_sleep)


def counted(rows: list[dict[str, Any]]) -> Counter[str]:
    return Counter(repr(sorted(rounded(row).items())) for row in rows)


def rounded(row: dict[str, Any]) -> dict[str, Any]:
    progress = row.get("progress")
    return row if progress is None else row | {"progress": round(float(progress), 4)}


def assert_equal_rows(found: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
    assert counted(found) == counted(wanted)


def wanted_rows(variant: Variant) -> list[dict[str, Any]]:
    rows = truth(variant.store.rows, variant.variation)
    return [comparable(row, variant.variation) for row in rows]


async def read_all(variant: Variant, ask: Ask) -> list[dict[str, Any]]:
    """Read page after page, until one is not full or the API says that it was the last."""
    variation = variant.variation
    found: list[dict[str, Any]] = []
    async with opened(variant) as client:
        while True:
            response = await ask_results(client, variant, ask)
            assert response.status_code == variation.status.success, response.text
            rows = read_rows(response.json(), variation)
            found += rows
            cursor = read(response.json(), variation.envelope.next_cursor)
            if len(rows) < ask.limit or (variation.paging.kind == "cursor" and not cursor):
                return found
            ask = Ask(
                start=ask.start + ask.limit, limit=ask.limit, cursor=cursor, order=ask.order,
                lists=ask.lists, updated=ask.updated,
            )  # fmt: skip


PAGE = 100
ORDERLESS = [
    name for name, variation in LIKENESSES.items() if variation.order.unordered == "reshuffled"
]
HIDING = [
    name for name, variation in LIKENESSES.items() if variation.population.hidden == "unfiltered"
]


def test_a_whole_feed_is_the_truth(variant: Variant) -> None:
    found = asyncio.run(read_all(variant, Ask(limit=PAGE)))
    wanted = wanted_rows(variant)
    if variant.variation.order.unordered == "reshuffled":
        assert len(found) == len(wanted)
    elif variant.variation.population.hidden == "unfiltered":
        assert counted(found) < counted(wanted)
    else:
        assert_equal_rows(found, wanted)
