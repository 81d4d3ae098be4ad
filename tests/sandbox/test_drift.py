from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sandbox import Dataset, Faults, create_sandbox, generate
from gateway.sandbox.app import Sandbox
from gateway.sandbox.payloads import Filters
from gateway.sandbox.records import decode_rows
from gateway.sandbox.store import Store
from gateway.sandbox.views import Ordering
from tests.support.examples import examples

Ask = Callable[..., Coroutine[Any, Any, Any]]
Rows = list[dict[str, Any]]
pytestmark = pytest.mark.anyio

DATASET = generate(100)
NOW = datetime(2026, 2, 3, 4, 5, 6, 789_999, tzinfo=UTC)
NOW_TEXT = "2026-02-03T04:05:06.789Z"
KINDS = st.lists(st.sampled_from(["touch", "insert", "delete"]), max_size=30)
BY_UPDATE = {"orderBy": "updatedAt", "order": "DESC"}


def drifting(secret: str, **switches: Any) -> Sandbox:
    return create_sandbox(DATASET, secret=secret, faults=Faults(**switches), clock=lambda: NOW)


async def test_a_touched_row_moves_to_the_present(ask: Ask, secret: str) -> None:
    app = drifting(secret, drift_every=2, drift_kinds=("touch",))
    before = await ask(app, options=BY_UPDATE)
    assert await ask(app, options=BY_UPDATE) == before
    after = await ask(app, options=BY_UPDATE)
    first = after["results"][0]
    assert first["updatedAt"] == NOW_TEXT
    assert (first["state"], first["progress"] == 100) in [
        ("APPROVED", True),
        ("IN_PROGRESS", False),
    ]
    assert after["total"] == before["total"] == 100
    assert (
        after["results"][1:]
        == [row for row in before["results"] if row["id"] != first["id"]][
            : len(after["results"]) - 1
        ]
    )


async def test_an_inserted_row_is_counted_and_a_deleted_one_is_not(ask: Ask, secret: str) -> None:
    grown = drifting(secret, drift_every=1, drift_kinds=("insert",), drift_changes=3)
    shrunk = drifting(secret, drift_every=1, drift_kinds=("delete",))
    assert [(await ask(grown))["total"] for _ in range(3)] == [100, 103, 106]
    assert [(await ask(shrunk))["total"] for _ in range(3)] == [100, 99, 98]
    assert len({row["id"] for row in grown.store.to_rows()}) == 109


async def test_equal_seeds_drift_alike_and_other_seeds_do_not(ask: Ask, secret: str) -> None:
    drifted: list[Rows] = []
    for seed in (1, 1, 2):
        app = drifting(secret, drift_every=1, drift_seed=seed, drift_changes=5)
        await ask(app)
        drifted.append(app.store.to_rows())
    assert drifted[0] == drifted[1] != drifted[2]


async def test_a_new_seed_counts_from_its_start(ask: Ask, secret: str) -> None:
    app, other = drifting(secret), drifting(secret, drift_every=1, drift_seed=5)
    await ask(app)
    app.faults.update({"driftEvery": 1, "driftSeed": 5})
    assert (await ask(app)) == (await ask(other))
    assert app.store.to_rows() == other.store.to_rows()


async def test_a_page_in_flight_is_not_changed_by_its_own_drift(ask: Ask, secret: str) -> None:
    app = drifting(secret, drift_every=1, drift_kinds=("delete",), drift_changes=100)
    page = await ask(app, options={"limit": 1000})
    assert (page["total"], len(page["results"])) == (100, 100)
    app.faults.turn_off()
    assert (await ask(app)) == {"total": 0, "results": []}
    app.drift.mutate("insert")
    assert (await ask(app)) == {"total": 0, "results": []}


async def test_other_sandboxes_of_a_dataset_do_not_drift(ask: Ask, secret: str) -> None:
    await ask(drifting(secret, drift_every=1, drift_changes=50))
    assert (await ask(drifting(secret), options={"limit": 1000}))["results"] == DATASET.to_rows()


@examples(60)
@given(kinds=KINDS, descending=st.booleans(), name=st.sampled_from(["updated_at", "state", None]))
def test_views_kept_through_changes_equal_views_made_afterwards(
    secret: str, kinds: list[Any], descending: bool, name: str | None
) -> None:
    app = drifting(secret)
    questions = [
        (Filters(), Ordering(name, name is not None and descending)),
        (Filters(states=("APPROVED", "NOT_STARTED")), Ordering("expiry_date", descending)),
        (Filters(group_ids=("grp-01",)), Ordering("progress", descending)),
    ]
    for filters, ordering in questions:
        app.store.matching(filters, ordering)
    for kind in kinds:
        app.drift.mutate(kind)
    fresh = Store(Dataset.from_rows(app.store.to_rows()))
    for filters, ordering in questions:
        kept = app.store.matching(filters, ordering)
        assert decode_rows(kept) == decode_rows(fresh.matching(filters, ordering))


async def test_single_rows_can_be_put_and_removed(ask: Ask, secret: str) -> None:
    app = create_sandbox([{"id": "1", "progress": 1}], secret=secret)
    await ask(app)
    app.store.put({"id": "2", "progress": 2, "user": {"id": "u"}})
    app.store.put({"id": "1", "progress": 3})
    assert [row["progress"] for row in (await ask(app))["results"]] == [3, 2]
    assert (await ask(app, userIds=["u"]))["total"] == 1
    app.store.remove("1")
    app.store.remove("unknown")
    assert [row["id"] for row in (await ask(app))["results"]] == ["2"]
