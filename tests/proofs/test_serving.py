"""Without proofs nothing is narrowed upstream; with them, only what the API really does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox import generate
from gateway.sandbox.variations import VARIATIONS
from tests.proofs.gateways import Gateway, started
from tests.support.examples import sparse

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
DATASET = generate(700, seed=11)
LIKE_SHIPPED = [
    "assumed",
    "status-201",
    "states-null",
    "states-new",
    "nulls-first",
    "ties-reshuffled",
    "hidden-without-filters",
    "instants-finer-than-shown",
    "total-lagging",
    "total-approximate",
    "total-of-page",
    "order-ignored",
    "order-ignored-reshuffled",
    "order-direction-ignored",
    "order-created-only",
    "range-updated-ignored",
    "range-updated-absent",
    "range-expiry-ignored",
    "range-expiry-absent",
    "range-end-exclusive",
    "range-start-exclusive",
    "range-whole-days",
    "ranges-ignored",
    "filters-all-ignored",
    "filters-all-absent",
    "filter-users-ignored",
    "filter-states-ignored",
    "filter-groups-absent",
    "filters-most-100",
    "filters-most-100-cut",
    "filters-first-value-only",
    "filters-insensitive",
    "filters-contain",
    "custom-filter-ignored",
    "custom-filter-absent",
    "statistics-only-finished",
    "statistics-count-people",
    "statistics-ignore-filters",
    "statistics-absent",
    "statistics-other-names",
]
"""Variations whose rows the shipped contract can read, whatever else they do."""


def questions(rows: list[Row]) -> dict[str, Callable[[list[Row]], Any]]:
    """Paths, and what the truth answers."""
    user, content = rows[3]["userId"], rows[5]["contentId"]
    group = next(g for row in rows for g in row["groupIds"])
    department = next(d for d in (department_of(row) for row in rows) if d)
    users = sorted({row["userId"] for row in rows})[:60]
    listed = ",".join(f"'{each}'" for each in users)
    expiry = sorted(str(row["expiryDate"]) for row in rows if row["expiryDate"])
    middle = expiry[len(expiry) // 2].replace("+00:00", "Z").replace(" ", "T")
    return {
        "Results/$count": len,
        "Results/$count?$filter=state eq 'FAILED'": counted(lambda r: r["state"] == "FAILED"),
        f"Results/$count?$filter=userId eq '{user}'": counted(lambda r: r["userId"] == user),
        f"Results/$count?$filter=userId in ({listed})": counted(lambda r: r["userId"] in users),
        f"Results/$count?$filter=contentId eq '{content}'": counted(
            lambda r: r["contentId"] == content
        ),
        f"Results/$count?$filter=groupIds/any(g:g eq '{group}')": counted(
            lambda r: group in r["groupIds"]
        ),
        f"Results/$count?$filter=department eq '{department}'": counted(
            lambda r: department_of(r) == department
        ),
        f"Results/$count?$filter=expiryDate ge {middle}": counted(
            lambda r: bool(r["expiryDate"]) and str(r["expiryDate"]) >= expiry[len(expiry) // 2]
        ),
        "Results?$apply=aggregate($count as n)": lambda found: [{"n": len(found)}],
        "Results?$apply=aggregate(userId with countdistinct as n)": lambda found: [
            {"n": len({row["userId"] for row in found})}
        ],
        "Results?$apply=filter(state eq 'FAILED')/aggregate($count as n)": lambda found: [
            {"n": sum(row["state"] == "FAILED" for row in found)}
        ],
        "Results?$apply=groupby((state),aggregate($count as n))": by_state,
    }


def counted(matches: Callable[[Row], bool]) -> Callable[[list[Row]], int]:
    return lambda rows: sum(map(matches, rows))


def department_of(row: Row) -> str | None:
    fields = row.get("customFields") or {}
    found: str | None = fields.get("cf_department") if isinstance(fields, dict) else None
    return found


def by_state(rows: list[Row]) -> list[Row]:
    return [{"state": s, "n": n} for s, n in Counter(row["state"] for row in rows).items()]


async def check_answers(gateway: Gateway) -> int:
    """Compare the responses to all questions with the truth; return how many were refused."""
    rows, refused = gateway.rows, 0
    for path, answer in questions(rows).items():
        response = await gateway.get(path)
        if response.status_code != 200:
            assert response.status_code in (502, 503), (path, response.text)
            refused += 1
            continue
        wanted = answer(rows)
        if isinstance(wanted, int):
            assert int(response.text) == wanted, path
            continue
        found = [{k: v for k, v in r.items() if "@" not in k} for r in response.json()["value"]]
        assert sorted(found, key=str) == sorted(wanted, key=str), path
    return refused


@pytest.mark.parametrize("name", sparse(LIKE_SHIPPED))
async def test_nothing_is_silently_wrong_before_and_after_proofs(name: str, tmp_path: Path) -> None:
    async with started(VARIATIONS[name], DATASET, tmp_path) as gateway:
        refused = await check_answers(gateway)
        await gateway.prove()
        gateway.watch.seconds += 100_000  # so that no snapshot serves the questions
        assert await check_answers(gateway) <= refused
        if name == "assumed":
            assert not refused


async def test_windows_are_right(tmp_path: Path) -> None:
    for name in ("assumed", "order-created-only", "order-direction-ignored"):
        async with started(VARIATIONS[name], DATASET, tmp_path) as gateway:
            wanted = sorted((str(row["updatedAt"]) for row in gateway.rows), reverse=True)[:20]
            for _ in range(2):
                response = await gateway.get("Results?$top=20&$select=updatedAt")
                if response.status_code == 200:
                    found = [row["updatedAt"] for row in response.json()["value"]]
                    assert len(found) == len(wanted)
                    assert found == sorted(found, reverse=True)
                await gateway.prove()
                gateway.watch.seconds += 100_000
