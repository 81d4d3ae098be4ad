"""Law: who applies what deltaLinks tell has what the whole feed has, after every step.

Rows are put and removed at random between the steps. `Replica` also checks that nothing is told
that is not news: no row that the client has already, and none gone that it never had.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.sandbox import Dataset, generate
from tests.support.examples import QUARTERS, sparse
from tests.support.live import Bridge, bridge
from tests.support.replica import Replica

STATES = ("APPROVED", "FAILED", "IN_PROGRESS", "NOT_STARTED")
FEEDS = (
    "Results",
    "Results?$filter=state eq 'FAILED'",
    "Results?$filter=state ne 'FAILED' and progress gt 20 or userName eq null",
    "Results?$select=userName,groupIds&$filter=contains(userName,'a')",
    "Results?$select=id,share&$compute=progress div 100 as share&$filter=share gt 0.2",
    "Results?$select=user",
    "Results?$search=security&$select=id,state,updatedAt",
    "Results/$filter(state eq 'APPROVED')?$orderby=userName desc",
    "Results?$filter=updatedAt gt now() sub duration'P500D'&$select=id,state",
    "Users",
    "Users?$select=name,region",
    "Users?$filter=region eq 'EMEA' or startswith(name,'N')",
    "Users?$filter=id lt 'usr-000010'",
    "Contents",
    "GroupMembers",
)


@pytest.fixture(scope="module")
def few() -> Dataset:
    return generate(150)


def change(gateway: Bridge, draw: random.Random, gone: list[dict[str, Any]]) -> None:
    """One change at random: as users make them, and as administrators do."""
    store = gateway.sandbox.store
    match draw.choice(("touch", "insert", "delete", "edit", "edit", "remove", "back", "leave")):
        case "touch" | "insert" | "delete" as kind:
            gateway.sandbox.drift.mutate(kind)
        case "edit":
            store.put(edited(draw.choice(store.to_rows()), draw))
        case "remove":
            row = draw.choice(store.to_rows())
            gone.append(row)
            store.remove(row["id"])
        case "back" if gone:
            store.put(edited(gone.pop(), draw))
        case "leave":
            user = draw.choice(store.to_rows())["user"]["id"]
            for row in store.to_rows():
                if row["user"]["id"] == user:
                    store.remove(row["id"])


def edited(row: Mapping[str, Any], draw: random.Random) -> dict[str, Any]:
    """Another state, and now and then another name, or none, and another group."""
    user = dict(row["user"])
    if draw.random() < 0.5:
        user["name"] = draw.choice((None, "Nan Ähö", "O'Neil", "ada"))
        user["groups"] = draw.choice(([], [{"id": "grp-77", "name": "Seventy-seven"}]))
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    news = {"state": draw.choice(STATES), "progress": draw.randrange(101), "updatedAt": now}
    return {**row, **news, "user": user}


@pytest.mark.parametrize("quarter", QUARTERS)
@pytest.mark.parametrize(("seed", "full_refresh_every"), [(1, 0), (2, 3600)])
def test_a_replica_is_the_feed_after_every_step(
    few: Dataset, seed: int, full_refresh_every: int, quarter: int
) -> None:
    draw = random.Random(f"{seed} {quarter}")
    settings = {"fresh_for": 0, "full_refresh_every": full_refresh_every, "snapshot_budget": 64}
    with bridge(few, settings=settings) as gateway:
        replicas = [
            Replica(gateway, path, draw.choice(("4.0", "4.01")), draw.choice((1_000, 7)))
            for path in FEEDS[quarter::4]
        ]
        for replica in replicas:
            replica.read()
            assert "track-changes" in replica.applied
        gone: list[dict[str, Any]] = []
        told = 0
        for changes in draw.sample((0, 1, 3, 12, 12), k=5):
            for _ in range(changes):
                change(gateway, draw, gone)
            for replica in draw.sample(replicas, k=len(replicas) * 2 // 3):
                told += len(replica.catch_up())
                assert replica.rows == replica.full(), replica.path
        for replica in replicas:
            told += len(replica.catch_up())
            assert replica.rows == replica.full(), replica.path
            assert replica.catch_up() == []
        assert told > 25


@pytest.mark.parametrize("seed", sparse(range(3)))
def test_a_row_is_deleted_where_that_is_known_and_else_changed(few: Dataset, seed: int) -> None:
    """An extract of a selection does not tell of a row whether it is gone or out of it."""
    draw = random.Random(seed)
    with bridge(few, settings={"fresh_for": 0}) as gateway:
        whole = Replica(gateway, "Results?$filter=contains(state,'A')")
        narrow = Replica(gateway, "Results?$filter=state eq 'APPROVED'")
        narrow.read()
        whole.read()
        for _ in range(8):
            change(gateway, draw, [])
        there = {str(row["id"]) for row in gateway.sandbox.store.to_rows()}
        for replica in (whole, narrow):
            before = set(replica.rows)
            left = [item for item in replica.catch_up() if replica.reason(item)]
            assert len(left) == len(before - set(replica.rows))
            for item in left:
                key = item["id"].partition("('")[2][:-2]
                if replica.reason(item) == "deleted":
                    assert key not in there
            if replica is whole:
                deleted = [item for item in left if replica.reason(item) == "deleted"]
                assert len(deleted) == len(before - there)
