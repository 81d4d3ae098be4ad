"""Habits that only some requests show are never believed: the answers are right, or refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.app import create_app
from gateway.config import PROVED
from gateway.sandbox import Dataset, make_token
from gateway.sandbox.company import generate_company
from tests.proofs.sly import HABITS, Sly
from tests.snapshots.tables import Watch
from tests.support.examples import sparse
from tests.support.live import SECRET, settings_from

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
DATASET: Dataset = generate_company(900, datetime(2026, 3, 10, tzinfo=UTC))
LATER = 100_000
FORTY = ",".join(f"'usr-{number:06}'" for number in range(40))
FILTERS: dict[str, Callable[[Row], bool]] = {
    "state eq 'APPROVED'": lambda r: bool(r["state"] == "APPROVED"),
    "state in ('FAILED','NOT_STARTED')": lambda r: r["state"] in ("FAILED", "NOT_STARTED"),
    "enrollmentType eq 'MANDATORY'": lambda r: bool(r["enrollmentType"] == "MANDATORY"),
    "groupIds/any(g:g eq 'grp-sales')": lambda r: "grp-sales" in groups(r),
    "groupIds/any(g:g eq 'grp-sales') and state eq 'APPROVED'": (
        lambda r: "grp-sales" in groups(r) and r["state"] == "APPROVED"
    ),
    "userId eq 'usr-000003'": lambda r: bool(r["user"]["id"] == "usr-000003"),
    "userId eq 'usr-000003' and state eq 'APPROVED'": (
        lambda r: r["user"]["id"] == "usr-000003" and r["state"] == "APPROVED"
    ),
    f"userId in ({FORTY})": (lambda r: int(r["user"]["id"][4:]) < 40),
    "contentId in ('cnt-0001','cnt-0003')": lambda r: (
        r["content"]["id"] in ("cnt-0001", "cnt-0003")
    ),
    "department eq 'Logistics'": lambda r: department(r) == "Logistics",
    "updatedAt ge 2025-09-01T00:00:00Z": lambda r: bool(r["updatedAt"] >= "2025-09-01"),
    "updatedAt lt 2026-02-01T00:00:00Z": lambda r: bool(r["updatedAt"] < "2026-02-01"),
    "expiryDate ge 2026-01-01T00:00:00Z": lambda r: (r["expiryDate"] or "") >= "2026-01-01",
    "expiryDate le 2026-09-01T00:00:00Z": (
        lambda r: r["expiryDate"] is not None and r["expiryDate"] <= "2026-09-01T00:00:00.000Z"
    ),
}


def groups(row: Row) -> set[str]:
    return {group["id"] for group in row["user"]["groups"]}


def department(row: Row) -> str:
    return str(row["user"]["customFields"][0]["value"])


async def check_answers(client: httpx.AsyncClient, rows: list[Row]) -> int:
    """Compare counts, windows and statistics with the truth; return how many were refused."""
    refused = 0
    for filter_, matches in FILTERS.items():
        found = [row for row in rows if matches(row)]
        newest = sorted((row["updatedAt"] for row in found), reverse=True)
        by_state = {s: sum(r["state"] == s for r in found) for s in {r["state"] for r in found}}
        asked = {
            f"Results/$count?$filter={filter_}": len(found),
            f"Results?$filter={filter_}&$top=7&$select=updatedAt": newest[:7],
            f"Results?$filter={filter_}&$top=5&$orderby=updatedAt&$select=updatedAt": newest[::-1][
                :5
            ],
            f"Results?$apply=filter({filter_})/aggregate($count as n)": [len(found)],
            f"Results?$apply=filter({filter_})/groupby((state),aggregate($count as n))": by_state,
        }
        for path, wanted in asked.items():
            response = await client.get(f"/odata/v4/{path}")
            if response.status_code in (502, 503):
                refused += 1
                continue
            assert response.status_code == 200, response.text
            assert answer(response) == wanted, path
    return refused


def answer(response: httpx.Response) -> Any:
    if response.headers["Content-Type"].startswith("text/plain"):
        return int(response.text)
    rows = response.json()["value"]
    if rows and "state" in rows[0]:
        return {row["state"]: row["n"] for row in rows}
    return [row.get("updatedAt", row.get("n")) for row in rows]


@pytest.mark.parametrize("name", sparse(HABITS))
async def test_no_habit_makes_a_number_wrong(name: str, tmp_path: Path) -> None:
    watch, api = Watch(), HABITS[name](DATASET)
    token = tmp_path / "token"
    token.write_text(make_token(SECRET, expires_in_seconds=10_000_000_000), "utf-8")
    given = {
        "upstream": "http://api",
        "token_file": str(token),
        "trust": PROVED,
        "early_pages": False,
        "custom_field": (("department", "cf_department"),),
    }
    app = create_app(settings_from(given), httpx.ASGITransport(api.app()), watch.clock)
    async with app.router.lifespan_context(app):
        network = httpx.ASGITransport(app, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=network, base_url="http://localhost") as client:
            refused = await check_answers(client, api.rows)
            await client.get("/odata/v4/Results?$select=id")
            proofs = await app.state.workspaces[0].renewal.prove_due()
            watch.seconds += LATER
            assert await check_answers(client, api.rows) <= refused
    if HABITS[name] is Sly:
        assert refused == 0
        assert all(proof.holds for proof in proofs)
        assert len(proofs) > 30
