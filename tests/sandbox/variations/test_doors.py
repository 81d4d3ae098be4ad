"""Pace, login, archived people, states that move by time, and statistics."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from gateway.sandbox import generate, make_token
from gateway.sandbox.variations import (
    PROFILES,
    VARIATIONS,
    Variant,
    Variation,
    create_variant,
    truth,
)
from gateway.sandbox.variations.door import CLIENT_ID, CLIENT_SECRET, PASSWORD, USER
from gateway.sandbox.variations.population import PopulationForm
from tests.support.variant_oracle import wanted_rows
from tests.support.variants import Ask, ask_results, build_body, opened, read, read_rows

DATASET = generate(150)
SECRET = "s" * 32
START = datetime(2025, 1, 1, tzinfo=UTC)


class Watch:
    """A clock that only `sleep` moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.now += timedelta(seconds=seconds)


def start(variation: Variation, watch: Watch) -> Variant:
    return create_variant(variation, DATASET, secret=SECRET, clock=watch, sleep=watch.sleep)


async def call(variant: Variant, number: int = 1) -> list[httpx.Response]:
    async with opened(variant) as client:
        return [await ask_results(client, variant, Ask()) for _ in range(number)]


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        ("pace-60", {"retry-after": "60"}),
        ("pace-60-without-retry-after", {}),
        (
            "pace-60-x-ratelimit",
            {
                "x-ratelimit-limit": "60",
                "x-ratelimit-remaining": "0",
                "x-ratelimit-reset": str(int(START.timestamp()) + 60),
            },
        ),
        ("pace-60-ratelimit", {"ratelimit": "limit=60, remaining=0, reset=60"}),
    ],
)
def test_the_61st_call_of_a_minute_is_429(name: str, headers: dict[str, str]) -> None:
    watch = Watch()
    variant = start(VARIATIONS[name], watch)
    *good, refused = asyncio.run(call(variant, 61))
    assert {response.status_code for response in good} == {200}
    assert refused.status_code == 429
    shown = {
        key: value
        for key, value in refused.headers.items()
        if "rate" in key or key == "retry-after"
    }
    assert shown == headers
    watch.now += timedelta(seconds=60)
    assert asyncio.run(call(variant))[0].status_code == 200


def test_a_slow_page_takes_its_time_by_the_clock() -> None:
    watch = Watch()
    asyncio.run(call(start(VARIATIONS["slow-35-seconds"], watch), 2))
    assert watch.now == START + timedelta(seconds=70)


async def log_in(variant: Variant, **given: Any) -> httpx.Response:
    transport = httpx.ASGITransport(variant)
    async with httpx.AsyncClient(transport=transport, base_url="http://variant") as client:
        path = "/oauth/token" if variant.variation.door.login == "oauth" else "/auth/login"
        return await client.post(path, **given)


async def call_with(variant: Variant, token: str) -> int:
    async with opened(variant) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        return (await ask_results(client, variant, Ask())).status_code


GRANT = {"grant_type": "client_credentials"}


@pytest.mark.parametrize(
    ("name", "path", "given"),
    [
        (
            "login-password-20-seconds",
            "accessToken",
            {"json": {"user": USER, "password": PASSWORD}},
        ),
        (
            "login-oauth-20-seconds",
            "access_token",
            {"data": GRANT | {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}},
        ),
        (
            "login-oauth-20-seconds",
            "access_token",
            {"data": GRANT, "auth": (CLIENT_ID, CLIENT_SECRET)},
        ),
    ],
)
def test_a_token_of_a_login_lives_20_seconds(name: str, path: str, given: dict[str, Any]) -> None:
    watch = Watch()
    variant = start(VARIATIONS[name], watch)
    token = asyncio.run(log_in(variant, **given)).json()[path]
    assert asyncio.run(call_with(variant, token)) == 200
    assert asyncio.run(call_with(variant, make_token(SECRET))) == 401
    watch.now += timedelta(seconds=21)
    assert asyncio.run(call_with(variant, token)) == 401


@pytest.mark.parametrize(
    ("name", "status", "given"),
    [
        ("login-password-20-seconds", 401, {"json": {"user": USER, "password": "wrong"}}),
        ("login-password-20-seconds", 400, {"content": b"nonsense"}),
        ("login-oauth-20-seconds", 400, {"data": {"grant_type": "password"}}),
        ("login-oauth-20-seconds", 401, {"data": GRANT}),
        ("login-oauth-20-seconds", 401, {"data": GRANT, "auth": ("gateway", "wrong")}),
        (
            "login-oauth-20-seconds",
            401,
            {"data": GRANT, "headers": {"Authorization": "Basic \u00fc".encode("latin-1")}},
        ),
    ],
)
def test_wrong_credentials_get_no_token(name: str, status: int, given: dict[str, Any]) -> None:
    assert asyncio.run(log_in(start(VARIATIONS[name], Watch()), **given)).status_code == status


def ids(variant: Variant, ask: Ask) -> set[str]:
    async def asked() -> httpx.Response:
        async with opened(variant) as client:
            return await ask_results(client, variant, ask)

    return {row["id"] for row in read_rows(asyncio.run(asked()).json(), variant.variation)}


def test_archived_people_are_shown_on_request() -> None:
    variant = start(VARIATIONS["archived-unless-asked"], Watch())
    shown = ids(variant, Ask(limit=1000))
    every = ids(variant, Ask(limit=1000, members={"includeArchived": True}))
    rows = variant.store.rows
    assert shown == {row["id"] for row in truth(rows, variant.variation)}
    assert every == {row["id"] for row in truth(rows, variant.variation, archived=True)}
    assert shown < every


def test_filters_find_the_rows_that_a_request_without_any_leaves_out() -> None:
    variant = start(VARIATIONS["hidden-without-filters"], Watch())
    shown = ids(variant, Ask(limit=1000))
    updated = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
    assert shown < ids(variant, Ask(limit=1000, updated=updated))
    every = {row["id"] for row in truth(variant.store.rows, variant.variation)}
    assert every == ids(variant, Ask(limit=1000, updated=updated))


def test_approved_rows_expire_by_the_clock_without_a_new_update() -> None:
    watch = Watch()
    variant = start(VARIATIONS["expires-by-time"], watch)
    ask = Ask(limit=1000, lists={"states": ["EXPIRED"]})
    before = ids(variant, ask)
    updates = {row.id: row.updated_at for row in variant.store.rows}
    watch.now += timedelta(days=300)
    after = ids(variant, ask)
    assert before < after
    assert updates == {row.id: row.updated_at for row in variant.store.rows}
    wanted = {row["id"] for row in wanted_rows(variant, ask)}
    assert after == wanted
    watch.now += timedelta(days=3_000)
    moved = {row["id"] for row in truth(variant.store.rows, variant.variation)}
    assert moved == {row.id for row in DATASET.rows}


def test_rows_that_drift_are_rendered_again() -> None:
    watch = Watch()
    variant = start(PROFILES["dotnet"], watch)
    before = asyncio.run(call(variant))[0].json()
    for _ in range(200):
        variant.drift.mutate("touch")
    assert asyncio.run(call(variant))[0].json() != before


async def ask_statistics(variant: Variant, ask: Ask) -> httpx.Response:
    form = variant.variation
    body = build_body(ask, form, paged=False)
    async with opened(variant) as client:
        return await client.post(form.door.prefix + form.statistics.path, json=body)


@pytest.mark.parametrize(
    ("name", "total_path"),
    [
        ("assumed", "total"),
        ("statistics-other-names", "count"),
        ("statistics-nested", "data.summary.total"),
        ("statistics-other-path", "total"),
        ("statistics-lists", "total"),
        ("filters-nested", "total"),
        ("filters-comma", "total"),
        ("words-lower", "total"),
    ],
)
def test_statistics_count_the_rows_that_match(name: str, total_path: str) -> None:
    variant = start(VARIATIONS[name], Watch())
    ask = Ask(lists={"states": ["APPROVED", "FAILED"]})
    response = asyncio.run(ask_statistics(variant, ask)).json()
    assert read(response, total_path) == len(wanted_rows(variant, ask))


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("statistics-only-finished", sum(row.state != "NOT_STARTED" for row in DATASET.rows)),
        ("statistics-count-people", len({row.user.id for row in DATASET.rows})),
        ("statistics-ignore-filters", len(DATASET)),
    ],
)
def test_statistics_may_count_something_else(name: str, total: int) -> None:
    ask = Ask(lists={"enrollment_types": ["MANDATORY", "OPTIONAL", "NOT_ENROLLED"]})
    response = asyncio.run(ask_statistics(start(VARIATIONS[name], Watch()), ask))
    assert response.json()["total"] == total


def test_statistics_in_the_words_of_the_api() -> None:
    other = asyncio.run(ask_statistics(start(VARIATIONS["words-other"], Watch()), Ask())).json()
    assert "Passed" in other["states"]
    lists = asyncio.run(ask_statistics(start(VARIATIONS["statistics-lists"], Watch()), Ask()))
    counts = {entry["key"]: entry["count"] for entry in lists.json()["enrollmentTypes"]}
    assert counts["MANDATORY"] == sum(row.enrollment_type == "MANDATORY" for row in DATASET.rows)


def test_statistics_may_be_absent() -> None:
    variant = start(VARIATIONS["statistics-absent"], Watch())
    assert asyncio.run(ask_statistics(variant, Ask())).status_code == 404


def test_the_default_population_is_the_dataset_itself() -> None:
    assert start(Variation(), Watch()).store.rows == list(DATASET.rows)


@pytest.mark.parametrize(
    ("form", "rows"),
    [
        (PopulationForm(sees="nothing"), 0),
        (PopulationForm(ties=100), 150),
        (PopulationForm(attempts=3), 200),
    ],
)
def test_populations_have_their_size(form: PopulationForm, rows: int) -> None:
    variant = start(Variation(population=form), Watch())
    assert len(variant.store.rows) == rows
    latest = [row.updated_at for row in variant.store.rows]
    assert max((latest.count(value) for value in set(latest)), default=0) >= form.ties


POPULATED = [
    name
    for name, variation in {**VARIATIONS, **PROFILES}.items()
    if variation.population != PopulationForm()
]


@pytest.mark.parametrize("name", POPULATED)
def test_every_population_differs_from_the_dataset(name: str) -> None:
    variant = start({**VARIATIONS, **PROFILES}[name], Watch())
    assert variant.store.to_rows() != DATASET.to_rows()


def test_all_calls_are_noted() -> None:
    variant = start(Variation(), Watch())

    async def called() -> None:
        async with opened(variant) as client:
            await client.get("/openapi.json")
            await client.post("/nonsense", json={})

    asyncio.run(called())
    assert list(variant.calls) == [("GET", "/openapi.json"), ("POST", "/nonsense")]
