"""Proofs made while the gateway serves: when, how often, and what a contradiction does."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import GatewayError
from gateway.planner.plan import Route
from gateway.sandbox import generate
from gateway.sandbox.variations import VARIATIONS
from tests.proofs.gateways import Gateway, started

pytestmark = pytest.mark.anyio

DATASET = generate(700, seed=11)
LATER = 100_000
"""Seconds after which no snapshot serves a request."""
FAILED = "Results/$count?$filter=state eq 'FAILED'"


def failed(gateway: Gateway) -> int:
    return sum(row["state"] == "FAILED" for row in gateway.rows)


async def test_an_explanation_names_what_is_not_proved_yet(tmp_path: Path) -> None:
    async with started(VARIATIONS["assumed"], DATASET, tmp_path) as gateway:
        before = await gateway.explained(FAILED)
        assert before["pushdown"] == "nothing: all rows"
        assert before["unproved"].startswith("filter by state, total, total with the")
        await gateway.prove()
        gateway.watch.seconds += LATER
        after = await gateway.explained(FAILED)
        assert after["route"] == Route.TOTAL
        assert "unproved" not in after


async def test_proofs_are_made_once_and_renewed_a_day_later(tmp_path: Path) -> None:
    async with started(VARIATIONS["assumed"], DATASET, tmp_path) as gateway:
        first = await gateway.prove()
        assert len(first) == 37
        assert await gateway.renewal.prove_due() == ()
        gateway.watch.seconds += 3_600
        assert await gateway.prove() == {}
        gateway.watch.seconds += 90_000
        assert set(await gateway.prove()) == set(first)


async def test_what_was_contradicted_is_tried_again_after_an_hour(tmp_path: Path) -> None:
    async with started(VARIATIONS["filter-states-ignored"], DATASET, tmp_path) as gateway:
        assert not (await gateway.prove())["filter by state"].holds
        gateway.api.become(VARIATIONS["assumed"])
        gateway.watch.seconds += 1_800
        assert await gateway.prove() == {}
        gateway.watch.seconds += 1_900
        assert (await gateway.prove())["filter by state"].holds


@pytest.mark.parametrize(
    "name",
    ["filter-states-ignored", "filters-all-absent", "filters-all-ignored", "order-ignored"],
)
async def test_a_response_that_contradicts_a_proof_withdraws_it(name: str, tmp_path: Path) -> None:
    async with started(VARIATIONS["assumed"], DATASET, tmp_path) as gateway:
        await gateway.prove()
        gateway.api.become(VARIATIONS[name])
        gateway.watch.seconds += LATER
        response = await gateway.get("Results?$filter=state eq 'FAILED'&$select=id")
        if name == "order-ignored":
            assert response.status_code == 502
            return
        assert len(response.json()["value"]) == failed(gateway)
        gateway.watch.seconds += LATER
        assert "filter by state" in (await gateway.explained(FAILED))["unproved"]
        assert int((await gateway.get(FAILED)).text) == failed(gateway)


async def test_an_api_that_is_down_proves_and_withdraws_nothing(tmp_path: Path) -> None:
    async with started(VARIATIONS["assumed"], DATASET, tmp_path) as gateway:
        await gateway.get("Results?$select=id")
        gateway.api.refuses = True
        with pytest.raises(GatewayError):
            await gateway.renewal.prove_due()
        gateway.api.refuses = False
        gateway.watch.seconds += LATER
        assert all(proof.holds for proof in (await gateway.prove()).values())


async def test_proofs_outlast_a_restart_and_the_token_that_made_them(tmp_path: Path) -> None:
    kept = {"data_dir": str(tmp_path / "kept")}
    async with started(VARIATIONS["assumed"], DATASET, tmp_path, **kept) as gateway:
        await gateway.prove()
        gateway.watch.seconds += LATER
    async with started(VARIATIONS["assumed"], DATASET, tmp_path, **kept) as gateway:
        gateway.watch.seconds += LATER
        assert (await gateway.explained(FAILED))["route"] == Route.TOTAL
        assert int((await gateway.get(FAILED)).text) == failed(gateway)
    text = (tmp_path / "kept" / "proofs.json").read_text("utf-8")
    people = {value for row in gateway.rows for value in (row["userId"], row["userEmail"])}
    assert not [person for person in people if person and person in text]
