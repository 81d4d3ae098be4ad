"""States that change by the clock are right within `fresh_for`, also in changes and counts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.app import create_app
from gateway.contract.loader import built_in_contract
from gateway.sandbox import Dataset, make_token
from gateway.sandbox.instants import NANOSECONDS_PER_MICROSECOND, to_instant
from gateway.sandbox.records import build_row, own_members
from gateway.sandbox.variations import VARIATIONS, Variant, create_variant, truth
from tests.snapshots.tables import START, Watch
from tests.support.live import SECRET, settings_from

pytestmark = pytest.mark.anyio

FRESH_SECONDS = 300
PAGE = 100
FLAGGED = (
    built_in_contract()
    .replace("largest = 1000", f"largest = {PAGE}")
    .replace('filter = "states"\n', 'filter = "states"\nchanges_by_time = true\n')
)
WITHOUT_RANGE = FLAGGED.replace('filter = "expiry_date"\n', "")
TOKEN_SECONDS = 10_000_000_000


@dataclass
class World:
    """A gateway and an API whose states move by one clock."""

    variant: Variant
    client: httpx.AsyncClient
    watch: Watch

    def states(self) -> dict[str, Any]:
        """Return the true state of each row by id."""
        return {
            str(row["id"]): row["state"]
            for row in truth(self.variant.store.rows, self.variant.variation)
        }

    async def feed(self) -> dict[str, Any]:
        """Return the states that the gateway serves, through all nextLinks."""
        rows, _ = await self.read("/odata/v4/Results?$select=id,state")
        return {row["id"]: row["state"] for row in rows}

    async def read(self, url: str, prefer: str = "") -> tuple[list[dict[str, Any]], str]:
        """Return all rows of a collection and its deltaLink."""
        rows: list[dict[str, Any]] = []
        while True:
            response = await self.client.get(url, headers={"Prefer": prefer} if prefer else {})
            assert response.status_code == 200, response.text
            body = response.json()
            rows += body["value"]
            if "@odata.nextLink" not in body:
                return rows, body.get("@odata.deltaLink", "")
            url = body["@odata.nextLink"]

    async def count(self, state: str) -> int:
        url = f"/odata/v4/Results/$count?$filter=state eq '{state}'"
        return int((await self.client.get(url)).text)

    @property
    def calls(self) -> int:
        return len(self.variant.calls)


@asynccontextmanager
async def world(
    dataset: Dataset, contract: str, folder: Path, variation: str = "expires-by-time"
) -> AsyncIterator[World]:
    watch = Watch()
    form, now = VARIATIONS[variation], watch.clock.now
    variant = create_variant(form, dataset, secret=SECRET, clock=now)
    token, file = folder / "token", folder / "contract.toml"
    token.write_text(make_token(SECRET, expires_in_seconds=TOKEN_SECONDS), "utf-8")
    file.write_text(contract, "utf-8")
    given = {
        "upstream": "http://api",
        "token_file": str(token),
        "contract": str(file),
        "fresh_for": FRESH_SECONDS,
        "full_refresh_every": 10_000_000,
        "early_pages": False,
    }
    app = create_app(settings_from(given), httpx.ASGITransport(variant), watch.clock)
    async with app.router.lifespan_context(app):
        gateway = httpx.ASGITransport(app, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=gateway, base_url="http://localhost") as client:
            yield World(variant, client, watch)


@pytest.mark.parametrize("days", [0.01, 1, 3, 30])
async def test_states_are_right_after_their_dates_have_passed(
    days: float, dataset: Dataset, tmp_path: Path
) -> None:
    async with world(dataset, FLAGGED, tmp_path) as found:
        assert await found.feed() == found.states()
        moved = 0
        for _ in range(3):
            before, calls = found.states(), found.calls
            found.watch.seconds += days * 86_400 + FRESH_SECONDS
            served = await found.feed()
            assert served == found.states()
            assert await found.count("EXPIRED") == [*served.values()].count("EXPIRED")
            moved += before != served
            assert found.calls - calls < len(dataset) / PAGE, "all rows were read again"
        assert moved or days < 30


async def test_changes_by_time_are_in_deltas(dataset: Dataset, tmp_path: Path) -> None:
    async with world(dataset, FLAGGED, tmp_path) as found:
        url, before = "/odata/v4/Results?$select=id,state", found.states()
        _, link = await found.read(url, "odata.track-changes")
        found.watch.seconds += 40 * 86_400
        changed, following = await found.read(link)
        after = found.states()
        wanted = {key: state for key, state in after.items() if before[key] != state}
        assert wanted
        assert {row["id"]: row["state"] for row in changed} == wanted
        assert await found.read(following) == ([], following)


async def test_a_selection_of_a_state_is_read_again(dataset: Dataset, tmp_path: Path) -> None:
    async with world(dataset, FLAGGED, tmp_path) as found:
        url = "/odata/v4/Results?$select=id,state&$filter=state eq 'EXPIRED' and length(id) gt 0"
        for _ in range(3):
            rows, _ = await found.read(url)
            wanted = {key for key, state in found.states().items() if state == "EXPIRED"}
            assert {row["id"] for row in rows} == wanted
            found.watch.seconds += 40 * 86_400


async def test_without_a_range_of_dates_all_rows_are_read_again(
    dataset: Dataset, tmp_path: Path
) -> None:
    async with world(dataset, WITHOUT_RANGE, tmp_path) as found:
        for _ in range(3):
            calls = found.calls
            assert await found.feed() == found.states()
            assert found.calls - calls >= len(dataset) / PAGE
            found.watch.seconds += 40 * 86_400


async def test_a_state_that_moves_hours_after_its_date_is_found(
    dataset: Dataset, tmp_path: Path
) -> None:
    """A nightly job moves a state a day after its date; the gateway has read in between."""
    async with world(dataset, FLAGGED, tmp_path, variation="assumed") as found:
        store = found.variant.store
        row = next(row for row in store.rows if row.state == "APPROVED" and row.expiry_date)
        date = to_instant(START) * NANOSECONDS_PER_MICROSECOND
        members = own_members(row) | {"expiryDate": START.isoformat().replace("+00:00", "Z")}
        dated = build_row(row.sequence, members, row.content, row.user)
        assert dated.expiry_date == date
        store.change(row, dated)
        for hours in (1, 12, 29):
            found.watch.seconds = hours * 3_600
            assert await found.feed() == found.states()
        moved = own_members(dated) | {"state": "EXPIRED"}
        store.change(dated, build_row(row.sequence, moved, row.content, row.user))
        found.watch.seconds += FRESH_SECONDS + 1
        assert await found.feed() == found.states()
