"""Questions that are too much: each ends with a clear error, and the gateway goes on."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import duckdb
import pytest

from gateway.errors import InsufficientStorage, QueryTimeout, ServiceUnavailable
from gateway.sandbox import Dataset, generate
from gateway.snapshots.keep.database import Bounds, memory_share
from gateway.snapshots.keep.store import SnapshotStore
from gateway.snapshots.load.extract_limit import ExtractLimit
from gateway.snapshots.query_threads import QueryPool, QueryThreads
from tests.faults.slow_questions import greedy_apply, slow_apply
from tests.snapshots import tables
from tests.snapshots.tables import LAYOUT, Watch, key, rows_of, store_of, taken
from tests.support.live import Bridge, bridge
from tests.support.wire import WireAnswer, send

FOR_EVER = "SELECT count(*) FROM range(1_000_000_000_000) AS t(i) WHERE i % 7 = 3"
ONE, TWO = "00000000000000a1", "00000000000000b2"
MEBIBYTE = 1_048_576


def told(answer: WireAnswer, status: int, code: str) -> str:
    assert answer.status == status, answer.text[:500]
    error = answer.json()["error"]
    assert error["code"] == code
    return str(error["message"])


# --- through the whole gateway --------------------------------------------------------------------


@pytest.fixture(scope="module")
def hurried(dataset: Dataset) -> Iterator[Bridge]:
    """A gateway that lets no query run for longer than a moment."""
    with bridge(dataset, settings={"query_timeout": 0.3}) as gateway:
        gateway.feed("Results?$select=id")
        yield gateway


@pytest.mark.parametrize(
    "question",
    ["/$count?$apply={}", "?$apply={}", "?$apply={}&$format=csv", "?$apply={}&$count=true"],
    ids=["count", "feed", "file", "feed with its count"],
)
def test_a_query_that_takes_too_long_is_ended_with_the_way_out(
    hurried: Bridge, question: str
) -> None:
    answer = send(hurried.root, "/odata/v4/Results" + question.format(slow_apply()))
    message = told(answer, 504, "QueryTimeout")
    assert "--query-timeout" in message
    assert "$filter" in message
    assert send(hurried.root, "/odata/v4/Results?$top=3").status == 200


def test_in_a_batch_it_is_the_error_of_its_part_alone(hurried: Bridge) -> None:
    urls = [f"Results?$apply={slow_apply()}", "Results?$top=1"]
    parts = ",".join(f'{{"id":"{n}","method":"GET","url":"{u}"}}' for n, u in enumerate(urls))
    body = f'{{"requests":[{parts}]}}'.encode()
    header = ("Content-Type", "application/json")
    answer = send(hurried.root, "/odata/v4/$batch", [header], method="POST", body=body)
    assert [part["status"] for part in answer.json()["responses"]] == [504, 200]


def test_a_query_without_room_in_memory_is_507_and_the_next_one_is_answered(
    dataset: Dataset,
) -> None:
    with bridge(dataset, settings={"memory_limit": 256}) as gateway:
        gateway.feed("Results?$select=id")
        answer = send(gateway.root, f"/odata/v4/Results/$count?$apply={greedy_apply()}")
        assert "--memory-limit" in told(answer, 507, "InsufficientStorage")
        assert send(gateway.root, "/odata/v4/Results?$top=3").status == 200


def test_patterns_cost_as_much_as_their_text_is_long() -> None:
    """RE2 has no backtracking: ends with the same number of steps whatever the pattern.

    A backtracking engine takes 2 to the power of 40 steps for the first, more than anybody waits.
    """
    evil = ["^(a+)+$", "^(a|aa)+$", "^(a|a?)+$", "^(.*a){25}$", "^([a-zA-Z]+)*$"]
    rows = [dict(row) for row in _with_names("a" * 40 + "!")]
    with bridge(rows) as gateway:
        for pattern in evil:
            asked = quote(f"matchespattern(userName,'{pattern}')")
            answer = send(gateway.root, f"/odata/v4/Results/$count?$filter={asked}")
            assert (answer.status, answer.text) == (200, "0"), pattern


def _with_names(name: str) -> Iterator[dict[str, object]]:
    for row in generate(50).to_rows():
        user = row["user"]
        assert isinstance(user, dict)
        yield {**row, "user": {**user, "name": name}}


# --- the query pool, the extract limit, the database ----------------------------------------------


def for_ever(store: SnapshotStore) -> None:
    with store.cursor() as cursor:
        cursor.execute(FOR_EVER).fetchall()


@pytest.mark.anyio
async def test_work_ends_when_nobody_waits_for_it_any_more() -> None:
    """Its thread, too: the pool would else have no turn left."""
    with store_of(Watch()) as store:
        pool = QueryPool(store.threads, 3600, at_once=1)
        with anyio.move_on_after(0.2) as scope:
            await pool.run(for_ever, store)
        assert scope.cancelled_caught
        assert await pool.run(lambda: "free") == "free"


@pytest.mark.anyio
async def test_who_is_cancelled_twice_leaves_nothing_for_asyncio_to_complain_of() -> None:
    """As a command is that ends while it asks: the second time nobody waits for the work."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, about: complaints.append(about))
    with store_of(Watch()) as store:
        asking = asyncio.create_task(QueryPool(store.threads, 3600).run(for_ever, store))
        for _ in range(2):
            await anyio.wait_all_tasks_blocked()
            asking.cancel()
        await asyncio.wait([asking])
        assert await QueryPool(store.threads, 60).run(lambda: "free") == "free"
        await anyio.sleep(0.2)
    gc.collect()
    assert complaints == []


@pytest.mark.anyio
async def test_a_table_that_takes_too_long_to_make_is_made_by_the_next_who_asks() -> None:
    with store_of(Watch()) as store:
        tables.add(store, ONE, key(), taken(), rows_of(10))
        hurried, patient = QueryPool(store.threads, 0.2), QueryPool(store.threads, 60)
        with pytest.raises(QueryTimeout):
            await hurried.run(store.derived, ONE, "days", lambda: (FOR_EVER, ()))
        made = ("SELECT 1 AS one", ())
        name = await patient.run(store.derived, ONE, "days", lambda: made)
        with store.cursor() as cursor:
            assert cursor.execute(f"FROM {name}").fetchall() == [(1,)]


@pytest.mark.anyio
async def test_who_does_not_get_a_turn_in_time_is_told_to_come_again() -> None:
    pool, end = QueryPool(QueryThreads(), 0.1, at_once=1), threading.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(pool.run, end.wait)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(ServiceUnavailable, match="waited too long") as raised:
            await pool.run(lambda: None)
        end.set()
    assert 1 <= raised.value.retry_after_seconds <= 120


@pytest.mark.anyio
async def test_so_many_extracts_run_and_so_many_wait() -> None:
    limit, running, refused, end = (
        ExtractLimit(2, max_waiting=3, patience_seconds=600),
        [0, 0],
        [],
        anyio.Event(),
    )

    async def extract() -> None:
        try:
            async with limit.turn("scope"):
                running[0] += 1
                running[1] = max(running)
                await end.wait()
                running[0] -= 1
        except ServiceUnavailable as error:
            refused.append(error)

    async with anyio.create_task_group() as group:
        for _ in range(9):
            group.start_soon(extract)
        await anyio.wait_all_tasks_blocked()
        assert (running[0], len(refused)) == (2, 4)
        async with limit.turn("another"):  # has a queue of its own
            end.set()
    assert (running, len(refused)) == ([0, 2], 4)


@pytest.mark.anyio
async def test_who_waits_too_long_for_an_extract_is_told_to_come_again() -> None:
    limit = ExtractLimit(1, patience_seconds=0.05)
    async with limit.turn("scope"):
        with pytest.raises(ServiceUnavailable, match="--extract-concurrency"):
            async with limit.turn("scope"):
                pass
    async with limit.turn("scope"):  # the cancelled one has kept no place
        pass


def test_an_extract_without_room_is_told_and_leaves_what_there_was() -> None:
    store = SnapshotStore(LAYOUT, None, Watch().observer, Bounds(memory=12 * MEBIBYTE))
    try:
        tables.add(store, ONE, key(), taken(), rows_of(1_000))
        with pytest.raises(InsufficientStorage, match="memory"):
            tables.add(store, TWO, key(), taken(), rows_of(400_000))
        assert len(tables.contents(store, ONE)) == 1_000
    finally:
        store.close()


def test_what_sorts_put_aside_is_bounded(tmp_path: Path) -> None:
    spill = Bounds(memory=32 * MEBIBYTE, spill=4 * MEBIBYTE)
    store = SnapshotStore(LAYOUT, tmp_path, Watch().observer, spill)
    sort = "SELECT max(n) FROM (SELECT md5(i::VARCHAR) AS n FROM range({}) AS t(i) ORDER BY n, i"
    try:
        with store.cursor() as cursor, pytest.raises(duckdb.OutOfMemoryException, match="temp"):
            cursor.execute(f"CREATE TABLE t AS {sort.format(9_000_000)} LIMIT 8_000_000)")
    finally:
        store.close()


@pytest.mark.parametrize(
    ("limit", "processes", "expected"),
    [
        ("1073741824", 1, 512),
        ("1073741824", 2, 256),
        ("1073741824", 64, 256),
        ("104857600", 1, 256),
    ],
)
def test_memory_is_a_share_of_the_containers(
    limit: str, processes: int, expected: int, tmp_path: Path
) -> None:
    (tmp_path / "memory.max").write_text(limit + "\n")
    files = [tmp_path / "missing", tmp_path / "memory.max"]
    assert memory_share(processes, files) == expected * MEBIBYTE


def test_without_a_limit_the_machine_counts(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("max\n")
    assert memory_share(1, [tmp_path / "memory.max"]) == memory_share(1, [])
