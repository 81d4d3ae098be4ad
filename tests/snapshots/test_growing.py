"""A draft that takes rows while others read them, and what a failing disk makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from gateway.errors import InternalError, UpstreamUnavailable
from gateway.snapshots.keep.store import SnapshotStore
from gateway.snapshots.load.draft import DraftTable
from tests.snapshots.tables import Watch, rows_of, store_of

pytestmark = pytest.mark.anyio

ONE = "00000000000000a1"
ROWS = rows_of(30_000)


@pytest.fixture(params=["memory", "directory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SnapshotStore]:
    with store_of(Watch(), tmp_path if request.param == "directory" else None) as made:
        yield made


@asynccontextmanager
async def growing(store: SnapshotStore) -> AsyncIterator[DraftTable]:
    table = DraftTable(store, ONE)
    try:
        yield table
    finally:
        await table.close()
        store.abandon(ONE)


def keys(store: SnapshotStore) -> list[str]:
    with store.cursor() as cursor:
        found = cursor.execute(f'SELECT id FROM {store.draft_name(ONE)} ORDER BY "$position"')
        return [key for (key,) in found.fetchall()]


def wanted(rows: int) -> list[str]:
    found: list[str] = ROWS.column("id").to_pylist()[:rows]
    return found


@contextmanager
def broken(store: SnapshotStore) -> Iterator[None]:
    """A draft whose table cannot be written, as on a full disk; well again behind this block."""
    with store.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {store.draft_name(ONE)} RENAME TO away")
        yield
        cursor.execute(
            f"ALTER TABLE {store.draft_name(ONE).replace('.rows', '.away')} RENAME TO rows"
        )


async def test_rows_are_readable_as_soon_as_they_are_waited_for(store: SnapshotStore) -> None:
    async with growing(store) as table:
        waiter = asyncio.create_task(table.reach(1))
        await asyncio.sleep(0)
        table.append(ROWS.slice(0, 10))
        assert await waiter == 10
        assert not table.is_complete
        table.append(ROWS.slice(10, 90))
        assert await table.reach(60) == 100
        assert keys(store) == wanted(100)


async def test_who_waits_for_more_than_there_is_gets_all(store: SnapshotStore) -> None:
    async with growing(store) as table:
        waiters = [asyncio.create_task(table.reach(n)) for n in (1, 500, 10**9)]
        for start in range(0, 1_000, 100):
            table.append(ROWS.slice(start, 100))
            await asyncio.sleep(0)
        await table.flush()
        table.end()
        reached = await asyncio.gather(*waiters)
        assert reached[0] >= 1
        assert reached[1] >= 500
        assert reached[2] == 1_000
        assert table.is_complete
        assert keys(store) == wanted(1_000)


async def test_nobody_waits_and_all_is_written_in_order(store: SnapshotStore) -> None:
    async with growing(store) as table:
        for start in range(0, 30_000, 700):
            table.append(ROWS.slice(start, 700))
            await asyncio.sleep(0.001 * (start % 1_400 == 0))
        await table.flush()
        assert table.rows == 30_000
        assert keys(store) == wanted(30_000)


async def test_no_rows_at_all_make_an_empty_table(store: SnapshotStore) -> None:
    async with growing(store) as table:
        waiter = asyncio.create_task(table.reach(1))
        await asyncio.sleep(0)
        await table.flush()
        table.end()
        assert await waiter == 0
        assert keys(store) == []


async def test_newer_versions_take_their_places_when_all_is_there(store: SnapshotStore) -> None:
    newer = ROWS.slice(1, 2).set_column(3, "progress", pa.array([77.0, 78.0]))
    async with growing(store) as table:
        table.append(ROWS.slice(0, 10))
        table.replace(newer)
        table.append(ROWS.slice(10, 10))
        await table.flush()
        with store.cursor() as cursor:
            text = f'SELECT progress FROM {store.draft_name(ONE)} ORDER BY "$position" LIMIT 4'
            assert [p for (p,) in cursor.execute(text).fetchall()] == [0.0, 77.0, 78.0, 3.0]
        assert keys(store) == wanted(20)


async def test_a_waiter_that_leaves_takes_nothing_with_it(store: SnapshotStore) -> None:
    async with growing(store) as table:
        leaver, stayer = (asyncio.create_task(table.reach(100)) for _ in range(2))
        table.append(ROWS.slice(0, 50))
        await asyncio.sleep(0)
        leaver.cancel()
        table.append(ROWS.slice(50, 50))
        assert await stayer == 100
        assert leaver.cancelled()
        await table.flush()
        assert keys(store) == wanted(100)


async def test_a_failure_reaches_who_waits_but_not_who_has_what_it_wants(
    store: SnapshotStore,
) -> None:
    async with growing(store) as table:
        table.append(ROWS.slice(0, 10))
        assert await table.reach(10) == 10
        waiters = [asyncio.create_task(table.reach(11)) for _ in range(2)]
        await asyncio.sleep(0)
        table.end(UpstreamUnavailable("down", retry_after_seconds=7))
        failures = await asyncio.gather(*waiters, return_exceptions=True)
        assert [f.headers for f in failures if isinstance(f, UpstreamUnavailable)] == [
            (("Retry-After", "7"),)
        ] * 2
        assert failures[0] is not failures[1]
        assert await table.reach(5) == 10
        table.resume()
        waiter = asyncio.create_task(table.reach(20))
        table.append(ROWS.slice(10, 10))
        assert await waiter == 20
        assert keys(store) == wanted(20)


async def test_a_disk_that_fails_is_told_to_who_waits_and_to_who_writes(
    store: SnapshotStore,
) -> None:
    async with growing(store) as table:
        table.append(ROWS.slice(0, 10))
        assert await table.reach(10) == 10
        with broken(store):
            waiter = asyncio.create_task(table.reach(11))
            table.append(ROWS.slice(10, 10))
            with pytest.raises(InternalError):
                await waiter
            with pytest.raises(InternalError):
                table.append(ROWS.slice(20, 10))
        with pytest.raises(InternalError):
            await table.flush()
        assert table.rows == 10
        assert keys(store) == wanted(10)


async def test_what_a_disk_did_not_take_is_not_left_out_when_it_goes_on(
    store: SnapshotStore,
) -> None:
    """The upstream fails right after the disk, for a reason that passes: rows come again later."""
    async with growing(store) as table:
        table.append(ROWS.slice(0, 10))
        assert await table.reach(10) == 10
        with broken(store):
            waiter = asyncio.create_task(table.reach(11))
            table.append(ROWS.slice(10, 10))
            with pytest.raises(InternalError):
                await waiter
            table.end(UpstreamUnavailable("down"))
        table.resume()
        table.append(ROWS.slice(20, 10))
        await table.flush()
        assert keys(store) == wanted(30)
