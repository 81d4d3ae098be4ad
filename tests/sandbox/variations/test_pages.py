"""Pages, orders and envelopes of a variation."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from gateway.sandbox import create_sandbox, generate, make_token
from gateway.sandbox.variations import PROFILES, VARIATIONS, Variant, Variation, create_variant
from gateway.sandbox.variations.ordering import OrderForm
from gateway.sandbox.variations.paging import PagingForm
from tests.support.variants import Ask, ask_results, opened, read, read_rows

DATASET = generate(150)
SECRET = "s" * 32
LIKENESSES = {**VARIATIONS, **PROFILES}


async def no_sleep(_seconds: float) -> None:
    """Return at once."""


def start(variation: Variation) -> Variant:
    return create_variant(variation, DATASET, secret=SECRET, sleep=no_sleep)


def ask_once(variant: Variant, ask: Ask) -> httpx.Response:
    async def asked() -> httpx.Response:
        async with opened(variant) as client:
            return await ask_results(client, variant, ask)

    return asyncio.run(asked())


def test_the_default_responds_as_the_assumed_api_does() -> None:
    bodies: list[dict[str, Any]] = [
        {},
        {"options": {"limit": 50, "skip": 20}},
        {"options": {"orderBy": "updatedAt", "order": "DESC", "limit": 150}},
        {"options": {"orderBy": "expiryDate", "order": "ASC", "limit": 150}},
        {"states": ["APPROVED", "EXPIRED"], "enrollmentTypes": ["MANDATORY"]},
        {"groupIds": ["grp-01"], "expiryDateRange": {"from": "2024-01-01T00:00:00+02:00"}},
        {"customFields": [{"customFieldId": "cf_region", "values": ["EMEA", "LATAM"]}]},
        {"options": {"limit": 1001}},
        {"nonsense": 1},
        {"states": []},
    ]

    async def responses(app: Any, path: str) -> list[tuple[int, object]]:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://sandbox",
            headers={"Authorization": f"Bearer {make_token(SECRET)}"},
        ) as client:
            found = [await client.post(path, json=body) for body in bodies]
        return [
            (answer.status_code, answer.json() if answer.status_code == 200 else None)
            for answer in found
        ]

    canonical = create_sandbox(DATASET, secret=SECRET)
    for path in ("/analyse/results", "/analyse/statistics"):
        wanted = asyncio.run(responses(canonical, path))
        assert asyncio.run(responses(start(Variation()), path)) == wanted


@pytest.mark.parametrize("largest", [100, 200, 500, 5000])
def test_a_page_beyond_the_largest_is_refused_with_the_number(largest: int) -> None:
    variant = start(VARIATIONS[f"limit-{largest}"])
    refused = ask_once(variant, Ask(limit=largest + 1))
    assert refused.status_code == 400
    assert str(largest) in refused.json()["message"]


def test_a_clamped_page_is_a_success() -> None:
    variant = start(VARIATIONS["limit-100-clamped"])
    response = ask_once(variant, Ask(limit=1000))
    assert len(response.json()["results"]) == 100


def test_only_listed_page_sizes_are_accepted() -> None:
    variant = start(VARIATIONS["limit-sizes"])
    assert ask_once(variant, Ask(limit=25)).status_code == 200
    assert ask_once(variant, Ask(limit=30)).status_code == 400


def test_a_page_is_wanted_with_a_size_where_it_is_required() -> None:
    async def asked() -> httpx.Response:
        async with opened(start(VARIATIONS["limit-required"])) as client:
            return await client.post("/analyse/results", json={})

    assert asyncio.run(asked()).status_code == 400


@pytest.mark.parametrize(
    ("name", "status", "rows"),
    [("assumed", 200, 0), ("end-repeats", 200, 50), ("end-404", 404, 0), ("end-400", 400, 0)],
)
def test_a_page_beyond_the_end_is_as_the_variation_says(name: str, status: int, rows: int) -> None:
    response = ask_once(start(VARIATIONS[name]), Ask(start=10_000, limit=100))
    assert response.status_code == status
    assert len(response.json().get("results", [])) == rows


def test_rows_beyond_the_deepest_are_refused() -> None:
    form = PagingForm(deepest_row=100)
    assert ask_once(start(Variation(paging=form)), Ask(start=90, limit=10)).status_code == 200
    refused = ask_once(start(Variation(paging=form)), Ask(start=91, limit=10))
    assert refused.status_code == 400
    assert "<= 90" in refused.json()["message"]


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("cursor-alone", {"nextCursor": None}),
        ("cursor-absent-at-end", {}),
        ("cursor-empty-at-end", {"total": 150, "paging": {"after": ""}}),
    ],
)
def test_the_last_page_of_a_cursor(name: str, end: object) -> None:
    variant = start(VARIATIONS[name])
    response = ask_once(variant, Ask(limit=1000)).json()
    assert {key: value for key, value in response.items() if key != "results"} == end


def test_a_cursor_expires() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    variant = create_variant(
        VARIATIONS["cursor-expires"], DATASET, secret=SECRET, clock=lambda: now
    )
    cursor = ask_once(variant, Ask()).json()["nextCursor"]
    assert ask_once(variant, Ask(cursor=cursor)).status_code == 200
    now += timedelta(seconds=301)
    assert ask_once(variant, Ask(cursor=cursor)).status_code == 410
    assert ask_once(variant, Ask(cursor="nonsense")).status_code == 400


@pytest.mark.parametrize(
    ("name", "path", "total"),
    [
        ("assumed", "total", 150),
        ("total-count", "totalCount", 150),
        ("total-meta", "meta.total", 150),
        ("total-text", "total", "150"),
        ("total-pages", "totalPages", 15),
        ("total-of-page", "total", 10),
        ("total-lagging", "total", 143),
        ("total-null", "total", None),
        ("total-has-more", "hasMore", True),
        ("total-absent", "total", None),
        ("next-page", "nextPage", 2),
    ],
)
def test_totals(name: str, path: str, total: object) -> None:
    response = ask_once(start(VARIATIONS[name]), Ask(limit=10)).json()
    assert read(response, path) == total


@pytest.mark.parametrize("name", ["total-header", "rows-top-level"])
def test_a_total_in_a_header(name: str) -> None:
    response = ask_once(start(VARIATIONS[name]), Ask(limit=10))
    assert response.headers["X-Total-Count"] == "150"


def updates(variant: Variant, *, descending: bool) -> list[datetime | None]:
    ask = Ask(limit=100, order=("updatedAt", descending))
    rows = read_rows(ask_once(variant, ask).json(), variant.variation)
    return [row["updatedAt"] for row in rows]


OBEDIENT = [
    name
    for name, variation in LIKENESSES.items()
    if variation.order.support == "obeyed"
    and "updatedAt" in variation.order.fields
    and variation.order.direction_obeyed
    and variation.population.sees != "nothing"
]


@pytest.mark.parametrize("name", OBEDIENT)
def test_an_order_is_obeyed_in_every_form(name: str) -> None:
    variant = start(LIKENESSES[name])
    for descending in (False, True):
        known = [value for value in updates(variant, descending=descending) if value is not None]
        assert known == sorted(known, reverse=descending)
        assert name.startswith("ties") or len(set(known)) > 10


def test_an_order_may_be_ignored() -> None:
    variant = start(VARIATIONS["order-ignored"])
    assert updates(variant, descending=True) == updates(variant, descending=False)
    ascending = start(VARIATIONS["order-direction-ignored"])
    found = updates(ascending, descending=True)
    assert found == sorted(found, key=str)


def test_only_the_creation_may_be_an_order() -> None:
    variant = start(VARIATIONS["order-created-only"])
    assert ask_once(variant, Ask(order=("updatedAt", True))).status_code == 400
    pages = [
        [row["id"] for row in ask_once(variant, ask).json()["results"]]
        for ask in (Ask(limit=150, order=("createdAt", down)) for down in (False, True))
    ]
    assert pages[0] == pages[1][::-1] == [row.id for row in variant.store.rows]


@pytest.mark.parametrize(
    ("nulls", "ascending", "descending"),
    [
        ("last", False, False),
        ("first", True, True),
        ("smallest", True, False),
        ("largest", False, True),
    ],
)
def test_nulls_are_first_or_last(nulls: str, ascending: bool, descending: bool) -> None:
    variant = start(VARIATIONS[f"nulls-{nulls}"])
    for down, first in ((False, ascending), (True, descending)):
        ask = Ask(limit=150, order=("updatedAt", down))
        found = [row["updatedAt"] for row in ask_once(variant, ask).json()["results"]]
        assert (found[0] is None, found[-1] is None) == (first, not first)


def test_ties_are_reshuffled_on_every_call() -> None:
    variant = start(Variation(order=OrderForm(ties="reshuffled")))
    ask = Ask(limit=150, order=("state", False))
    pages = [
        [(row["state"], row["id"]) for row in ask_once(variant, ask).json()["results"]]
        for _ in range(2)
    ]
    assert pages[0] != pages[1]
    assert sorted(pages[0]) == sorted(pages[1])
    assert [state for state, _ in pages[0]] == [state for state, _ in pages[1]]
