"""Tables that are not finished: read while they grow, amended, published under their readers."""

from __future__ import annotations

import random
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from gateway.errors import InternalError
from gateway.snapshots.facts import StoredTable
from gateway.snapshots.keep.store import SnapshotStore
from tests.snapshots import tables
from tests.snapshots.tables import SCHEMA, START, Watch, contents, key, rows_of, store_of, taken
from tests.support.examples import sparse

ONE, TWO = "00000000000000a1", "00000000000000b2"
Rows = list[dict[str, Any]]


@pytest.fixture(params=["memory", "directory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "data" if request.param == "directory" else None


def table(rows: Rows) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def row(name: str, day: int | None, *groups: str) -> dict[str, Any]:
    at = None if day is None else START.replace(tzinfo=None) + timedelta(days=day)
    return {"id": name, "updatedAt": at, "groupIds": list(groups), "progress": float(day or 0)}


def plain(store: SnapshotStore, snapshot_id: str, by: str = "$position") -> Rows:
    found = contents(store, snapshot_id, by)
    assert [row.pop(by) for row in found] == list(range(len(found)))
    return found


def natural(rows: Rows) -> Rows:
    """Newest first, without an instant last, then by key."""
    ordered = sorted(rows, key=lambda r: r["id"])
    never = START.replace(tzinfo=None) - timedelta(days=10**5)
    return sorted(ordered, key=lambda r: r["updatedAt"] or never, reverse=True)


def publish(store: SnapshotStore, snapshot_id: str) -> StoredTable:
    return store.publish(StoredTable(snapshot_id, key(), taken(), 0, 0, START))


def count(store: SnapshotStore, name: str) -> int:
    with store.cursor() as cursor:
        [(number,)] = cursor.execute(f"SELECT count(*) FROM {name}").fetchall()
    return int(number)


def left_in(place: Path | None) -> list[str]:
    return [] if place is None else [path.name for path in (place / "building").iterdir()]


# --- newer versions, changes ----------------------------------------------------------------------


def test_newer_versions_take_the_places_of_older_ones(place: Path | None) -> None:
    rows = [row("a", 5, "g"), row("b", 4), row("c", None), row("d", 2), row("e", 1)]
    newer = [row("d", 6, "h", "i"), row("c", 7), row("b", 3), row("e", None), row("a", 5)]
    with store_of(Watch(), place) as store:
        store.begin(ONE)
        store.append(ONE, table(rows), 0)
        store.replace(ONE, table(newer))
        publish(store, ONE)
        found = [newer[4], rows[1], newer[1], newer[0], newer[3]]
        assert plain(store, ONE, "$arrival") == found
        assert plain(store, ONE) == natural(found)
        store.abandon(ONE)


def test_an_amended_snapshot_has_all_rows_in_the_natural_order(place: Path | None) -> None:
    """Also where the base got newer versions in place, which DuckDB may store elsewhere."""
    rows = [row(f"r{n:05}", 20_000 - n, f"g{n % 5}") for n in range(20_000)]
    newer = [row(f"r{n:05}", 30_000, "new") for n in range(5, 20_000, 97)]
    changes = [row("x1", 40_000), row("r00007", 39_999, "y"), row("r19999", 39_998)]
    gone = ["r00000", "r10000", "never there"]
    with store_of(Watch(), place) as store:
        store.begin(ONE)
        for start in range(0, 20_000, 7_000):
            store.append(ONE, table(rows[start : start + 7_000]), start)
        store.replace(ONE, table(newer))
        publish(store, ONE)
        store.abandon(ONE)
        before = plain(store, ONE)
        assert store.apply_changes(TWO, ONE, table(changes), pa.array(gone))
        stored = publish(store, TWO)
        store.abandon(TWO)
        touched = {*gone, *(change["id"] for change in changes)}
        expected = changes + [r for r in before if r["id"] not in touched]
        assert plain(store, TWO) == natural(expected)
        assert stored.rows == len(expected)
        assert plain(store, ONE) == before
    assert left_in(place) == []


def test_without_changes_there_is_nothing_new(place: Path | None) -> None:
    rows = [row("a", 5, "g"), row("b", None), row("c", 3)]
    with store_of(Watch(), place) as store:
        tables.add(store, ONE, key(), taken(), table(rows))
        for same in (rows, rows[1:], []):
            assert not store.apply_changes(
                TWO, ONE, table(same), pa.array(["never there"], pa.string())
            )
            with pytest.raises(duckdb.Error):
                count(store, store.draft_name(TWO))
        for other in (row("a", 5), row("b", 5), row("c", None), row("d", 1)):
            assert store.apply_changes(TWO, ONE, table([other]), pa.array([], pa.string()))
            store.abandon(TWO)
    assert left_in(place) == []


@pytest.mark.parametrize("seed", sparse(range(40)))
def test_a_snapshot_is_in_the_natural_order_however_rows_came(seed: int) -> None:
    generator = random.Random(seed)
    days = [generator.choice([1, 2, 3, 3, None]) for _ in range(generator.randrange(5))]
    rows = [row(name, day) for name, day in zip("badce", days, strict=False)]
    if generator.random() < 0.3:
        rows = natural(rows)
    with store_of(Watch()) as store:
        tables.add(store, ONE, key(), taken(), table(rows))
        assert plain(store, ONE) == natural(rows)
        assert plain(store, ONE, "$arrival") == rows


# --- under readers --------------------------------------------------------------------------------


def test_a_draft_is_read_while_it_grows_and_while_it_is_published(place: Path | None) -> None:
    failures: list[BaseException] = []
    done = threading.Event()

    def read(store: SnapshotStore) -> None:
        seen = 0
        try:
            while not done.is_set():
                with store.cursor() as cursor:
                    name = store.draft_name(ONE)
                    found = cursor.execute(f'SELECT id FROM {name} ORDER BY "$arrival"')
                    names = [name for (name,) in found.fetchall()]
                assert names == expected[: len(names)]
                assert len(names) >= seen
                seen = len(names)
        except BaseException as error:
            failures.append(error)

    rows = rows_of(20_000)
    expected = rows.column("id").to_pylist()
    with store_of(Watch(), place) as store:
        store.begin(ONE)
        readers = [threading.Thread(target=read, args=(store,)) for _ in range(2)]
        for reader in readers:
            reader.start()
        for start in range(0, 20_000, 2_000):
            store.append(ONE, rows.slice(start, 2_000), start)
        store.replace(ONE, rows.slice(3_000, 500))
        publish(store, ONE)
        assert count(store, store.table_name(ONE)) == 20_000
        done.set()
        for reader in readers:
            reader.join()
        store.abandon(ONE)
        assert count(store, store.table_name(ONE)) == 20_000
    assert failures == []
    assert left_in(place) == []


def test_a_query_that_is_half_read_does_not_hold_up_publishing(place: Path | None) -> None:
    with store_of(Watch(), place) as store:
        store.begin(ONE)
        store.append(ONE, rows_of(30_000), 0)
        with store.cursor() as cursor:
            cursor.execute(f"SELECT id FROM {store.draft_name(ONE)}")
            assert len(cursor.fetchmany(10)) == 10
            store.replace(ONE, rows_of(100))
            assert publish(store, ONE).rows == 30_000
            assert len(cursor.fetchall()) == 29_990


def test_the_size_of_a_table_leaves_out_what_grows_beside_it(place: Path | None) -> None:
    with store_of(Watch(), place) as store:
        store.begin(ONE)
        store.append(ONE, rows_of(200_000), 0)
        small = tables.add(store, TWO, key(), taken(), rows_of(2_000))
        large = publish(store, ONE)
        store.abandon(ONE)
        assert rows_of(200_000).nbytes / 20 < large.bytes < rows_of(200_000).nbytes
        assert small.bytes < large.bytes / 2


# --- failures -------------------------------------------------------------------------------------


def test_a_draft_that_is_abandoned_leaves_nothing_and_may_be_abandoned_again(
    place: Path | None,
) -> None:
    with store_of(Watch(), place) as store:
        for _ in range(2):
            store.begin(ONE)
            store.append(ONE, rows_of(10), 0)
            store.abandon(ONE)
            store.abandon(ONE)
            with pytest.raises(duckdb.Error):
                count(store, store.draft_name(ONE))
    assert left_in(place) == []


def test_a_draft_that_cannot_be_published_is_no_snapshot(tmp_path: Path) -> None:
    watch = Watch()
    with store_of(watch, tmp_path) as store:
        store.begin(ONE)
        store.append(ONE, rows_of(10), 0)
        (tmp_path / "building" / f"{ONE}.copy").mkdir()
        with pytest.raises(InternalError):
            publish(store, ONE)
        store.abandon(ONE)
        assert not (tmp_path / f"{ONE}.duckdb").exists()
    assert [line for line in watch.log if "cannot be removed" in line]
    with store_of(watch, tmp_path) as store:
        assert store.recover() == []
        assert tables.add(store, TWO, key(), taken(), rows_of(10)).rows == 10


def test_a_base_that_is_gone_is_a_clear_failure(place: Path | None) -> None:
    with store_of(Watch(), place) as store, pytest.raises(InternalError):
        store.apply_changes(TWO, ONE, rows_of(1), pa.array([], pa.string()))
    assert left_in(place) == []
