"""Tables in memory and on disk: complete, in order, closed to the outside, and found again."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from gateway.errors import ConfigurationProblem, InternalError
from gateway.snapshots.keep.store import SnapshotStore, StoredTable
from tests.snapshots import tables
from tests.snapshots.tables import LAYOUT, START, Watch, contents, key, rows_of, store_of, taken

ONE, TWO = "00000000000000a1", "00000000000000b2"


@pytest.fixture(params=["memory", "directory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "data" if request.param == "directory" else None


def add(store: SnapshotStore, snapshot_id: str = ONE, rows: int = 100) -> StoredTable:
    return tables.add(store, snapshot_id, key(), taken(), rows_of(rows))


@pytest.mark.parametrize("rows", [0, 1, 5_000, 150_000])
def test_a_table_holds_its_rows_in_the_order_in_which_they_came(
    place: Path | None, rows: int
) -> None:
    with store_of(Watch(), place) as store:
        stored = add(store, rows=rows)
        found = contents(store, ONE)
    assert (stored.id, stored.key, stored.taken_at, stored.rows) == (ONE, key(), START, rows)
    assert [row.pop("$arrival") for row in found] == list(range(rows))
    assert found == rows_of(rows).to_pylist()


def test_the_size_of_a_table_is_what_it_takes(place: Path | None) -> None:
    with store_of(Watch(), place) as store:
        large = add(store, ONE, rows=200_000)
        small = add(store, TWO, rows=2_000)
    assert rows_of(200_000).nbytes / 20 < large.bytes < rows_of(200_000).nbytes
    assert small.bytes < large.bytes / 2


def test_a_dropped_table_is_gone_and_gives_back_its_room(place: Path | None) -> None:
    with store_of(Watch(), place) as store:
        for _ in range(3):
            add(store, rows=200_000)
            store.drop(ONE)
        store.drop(ONE)
        assert add(store, TWO, rows=200_000).bytes > 500_000
        with pytest.raises(duckdb.Error):
            contents(store, ONE)
    if place is not None:
        assert [path.name for path in place.glob("*.*")] == [f"{TWO}.duckdb"]


def test_tables_are_made_read_and_dropped_by_many_threads(place: Path | None) -> None:
    failures: list[BaseException] = []

    def work(store: SnapshotStore, number: int) -> None:
        try:
            for turn in range(5):
                snapshot_id = f"{number:08x}{turn:08x}"
                tables.add(store, snapshot_id, key(), taken(), rows_of(50, prefix=f"{number}-"))
                assert {r["id"][:2] for r in contents(store, snapshot_id)} == {f"{number}-"}
                with store.transient(rows_of(number)) as (cursor, name):
                    (count,) = cursor.execute(f"SELECT count(*) FROM {name}").fetchone() or (None,)
                    assert count == number
                store.drop(snapshot_id)
        except BaseException as error:
            failures.append(error)

    with store_of(Watch(), place) as store:
        threads = [threading.Thread(target=work, args=(store, n)) for n in range(1, 7)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []


def test_rows_that_are_not_kept_leave_nothing_behind() -> None:
    with store_of(Watch()) as store:
        with store.transient(rows_of(3)) as (cursor, name):
            assert cursor.execute(f"SELECT count(*) FROM {name}").fetchall() == [(3,)]
        with store.cursor() as cursor, pytest.raises(duckdb.Error):
            cursor.execute(f"SELECT count(*) FROM {name}")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('{outside}')",
        "SELECT * FROM read_blob('{outside}')",
        "SELECT * FROM read_csv('{outside}')",
        "SELECT * FROM '{outside}'",
        "SELECT * FROM glob('/*')",
        "COPY (SELECT 1) TO '{outside}'",
        "ATTACH '{outside}' AS other",
        "ATTACH '{outside}.duckdb' AS other",
        "EXPORT DATABASE '{outside}'",
        "COPY {table} FROM '{outside}'",
        "COPY (SELECT 1) TO '{outside}' (FORMAT parquet)",
        "IMPORT DATABASE '{outside}'",
        "SELECT * FROM read_json('{outside}')",
        "SELECT * FROM read_parquet('{outside}')",
        "SELECT * FROM read_parquet('https://127.0.0.1:9/x')",
        "SELECT * FROM 's3://bucket/x.csv'",
        "SELECT * FROM sniff_csv('{outside}')",
        "SELECT * FROM read_text('{inside}/../outside.csv')",
        "ATTACH '{inside}/../outside.duckdb' AS other",
        "ATTACH 'https://127.0.0.1:9/x.duckdb' AS other",
        "SELECT getenv('HOME')",
        "CREATE SECRET (TYPE s3)",
        "INSTALL httpfs",
        "INSTALL '{outside}'",
        "LOAD httpfs",
        "LOAD '{outside}'",
        "SET memory_limit = '1TB'",
        "SET temp_directory = '/tmp'",
        "SET python_enable_replacements = true",
        "PRAGMA enable_profiling",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "RESET lock_configuration",
        "SELECT * FROM rows_in_python",
        "UPDATE {table} SET id = 'x'",
        "DROP TABLE {table}",
    ],
)
def test_sql_reaches_nothing_but_the_snapshots(sql: str, tmp_path: Path) -> None:
    """Whatever a mistake elsewhere may let through."""
    outside = tmp_path / "outside.csv"
    outside.write_text("secret")
    rows_in_python = rows_of(3)
    with store_of(Watch(), tmp_path / "data") as store:
        add(store)
        names = {"outside": outside, "inside": tmp_path / "data", "table": store.table_name(ONE)}
        with store.cursor() as cursor, pytest.raises(duckdb.Error):
            cursor.execute(sql.format(**names)).fetchall()
    assert outside.read_text() == "secret"
    assert len(rows_in_python) == 3


# --- a data directory -----------------------------------------------------------------------------


def reopened(directory: Path, watch: Watch | None = None) -> tuple[list[StoredTable], int]:
    """What a new process finds, and how many rows it can read."""
    with store_of(watch or Watch(), directory) as store:
        found = store.recover()
        return found, sum(len(contents(store, table.id)) for table in found)


def test_snapshots_survive_a_restart_with_all_that_is_known_of_them(tmp_path: Path) -> None:
    moment = datetime(2025, 5, 1, 1, 2, 3, 456789, UTC)
    with store_of(Watch(), tmp_path) as store:
        made = [
            tables.add(store, ONE, key("a", "O'Neil ü"), taken(moment, START), rows_of(10)),
            tables.add(store, TWO, key("b"), taken(), rows_of(0)),
        ]
    found, rows = reopened(tmp_path)
    assert found == made
    assert rows == 10


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "data"
    before = os.umask(0)
    try:
        with store_of(Watch(), directory) as store:
            add(store)
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}
    assert modes == {f"{ONE}.duckdb": 0o600, "building": 0o700}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def foreign(*statements: str) -> Callable[[Path], None]:
    def replace(path: Path) -> None:
        path.unlink()
        with duckdb.connect(str(path)) as connection:
            for statement in statements:
                connection.execute(statement)

    return replace


def facts(text: str) -> Callable[[Path], None]:
    return foreign(
        "CREATE TABLE rows (id VARCHAR)",
        f"CREATE TABLE about AS SELECT {text!r} AS facts",
    )


GOOD = (
    '{"format": 6, "scope": "s", "pushdown": "[]", "taken_at": "2025-01-01T00:00:00+00:00",'
    ' "complete_at": "2025-01-01T00:00:00+00:00", "since": null, "rows": 0,'
    ' "made_at": "2025-01-01T00:00:00+00:00"}'
)


@pytest.mark.parametrize(
    "damage",
    [
        truncate,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("no database"),
        lambda path: (path.unlink(), path.mkdir()),
        foreign(),
        foreign("CREATE TABLE about (facts VARCHAR)"),
        facts("no json"),
        facts("[1]"),
        facts('{"format": 1, "key": "k", "rows": 0}'),
        facts(GOOD.replace(', "rows": 0', "")),
        facts(GOOD.replace('"rows": 0', '"rows": 5')),
        facts(GOOD.replace('"rows": 0', '"rows": "many"')),
        facts(GOOD.replace("[]", "{")),
        facts(GOOD.replace("2025", "last")),
    ],
)
def test_a_file_that_cannot_be_used_is_set_aside_and_said(
    damage: Callable[[Path], object], tmp_path: Path
) -> None:
    with store_of(Watch(), tmp_path) as store:
        add(store, ONE, rows=30_000)
        add(store, TWO, rows=3)
    damage(tmp_path / f"{ONE}.duckdb")
    watch = Watch()
    found, rows = reopened(tmp_path, watch)
    assert ([table.id for table in found], rows) == ([TWO], 3)
    assert (tmp_path / f"{ONE}.unusable").exists()
    assert not (tmp_path / f"{ONE}.duckdb").exists()
    assert [line for line in watch.log if f"{ONE}.unusable" in line]
    assert [table.id for table in reopened(tmp_path)[0]] == [TWO]


def test_damaged_bytes_are_noticed_or_harmless(tmp_path: Path) -> None:
    with store_of(Watch(), tmp_path / "whole") as store:
        add(store, ONE, rows=30_000)
        expected = checksum(store)
    whole = (tmp_path / "whole" / f"{ONE}.duckdb").read_bytes()
    set_aside = 0
    for number, at in enumerate(range(0, len(whole), 30_011)):
        directory = tmp_path / str(number)
        directory.mkdir()
        damaged = whole[:at] + bytes(byte ^ 0xFF for byte in whole[at : at + 64]) + whole[at + 64 :]
        (directory / f"{ONE}.duckdb").write_bytes(damaged)
        with store_of(Watch(), directory) as store:
            found = store.recover()
            set_aside += not found
            assert not found or checksum(store) == expected
    assert set_aside >= 3


def checksum(store: SnapshotStore) -> object:
    with store.cursor() as cursor:
        text = f"SELECT count(*), bit_xor(hash(r)) FROM {store.table_name(ONE)} AS r"
        return cursor.execute(text).fetchone()


@pytest.mark.parametrize(
    "name", ["notes", "00000000000000A1", "0x000000000000a1", "-0000000000000a1", "a b", "a;b", ""]
)
def test_a_name_from_outside_never_reaches_sql(name: str, tmp_path: Path) -> None:
    with store_of(Watch(), tmp_path) as store:
        add(store)
    (tmp_path / f"{ONE}.duckdb").rename(tmp_path / f"{name}.duckdb")
    watch = Watch()
    assert reopened(tmp_path, watch) == ([], 0)
    assert all("its name" in line for line in watch.log)


def test_a_file_that_cannot_be_renamed_either_does_not_stop_the_start(tmp_path: Path) -> None:
    with store_of(Watch(), tmp_path) as store:
        add(store)
    (tmp_path / "notes.duckdb").write_text("x")
    (tmp_path / "notes.unusable").mkdir()
    watch = Watch()
    assert len(reopened(tmp_path, watch)[0]) == 1
    assert [line for line in watch.log if "cannot be renamed" in line]


def test_what_a_crash_left_is_removed_when_it_is_old(tmp_path: Path) -> None:
    with store_of(Watch(), tmp_path) as store:
        add(store)
    old, young = tmp_path / "building" / f"{TWO}.duckdb", tmp_path / "building" / "young.duckdb"
    for path in (old, young):
        path.write_text("half a snapshot")
    now = START.timestamp()
    os.utime(old, (now - 3601, now - 3601))
    os.utime(young, (now - 3599, now - 3599))
    with store_of(Watch(), tmp_path) as store:
        store.remove_leftovers(START)
    assert [path.name for path in (tmp_path / "building").iterdir()] == ["young.duckdb"]
    assert len(reopened(tmp_path)[0]) == 1


def test_what_was_set_aside_goes_after_a_week(tmp_path: Path) -> None:
    aside = tmp_path / f"{ONE}.unusable"
    with store_of(Watch(), tmp_path) as store:
        aside.write_text("rows that nobody can read")
        now = datetime.fromtimestamp(aside.stat().st_ctime, UTC)
        store.remove_leftovers(now + timedelta(days=6))
        assert aside.exists()
        store.remove_leftovers(now + timedelta(days=8))
        assert not aside.exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_closing_waits_for_a_query_that_still_runs(tmp_path: Path) -> None:
    """One whose client has left; DuckDB refuses to close under it. It reads until its pipe ends."""
    watch, pipe = Watch(), tmp_path / "data" / "pipe"

    def query(store: SnapshotStore) -> None:
        with store.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM read_csv('{pipe}', columns = {{'n': 'INTEGER'}})")

    with store_of(watch, tmp_path / "data") as store:
        os.mkfifo(pipe)
        reading = threading.Thread(target=query, args=(store,), daemon=True)
        reading.start()
        with pipe.open("w"):  # as soon as the query reads
            closing = threading.Thread(target=store.close, daemon=True)
            closing.start()
            closing.join(0.1)
            assert closing.is_alive()
        closing.join(30)
        reading.join(30)
        assert not closing.is_alive()
    assert watch.log == []


def test_a_directory_that_cannot_be_made_is_a_configuration_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigurationProblem, match=r"data_dir .*file"):
        SnapshotStore(LAYOUT, tmp_path / "file" / "data", Watch().observer)


def test_a_directory_that_is_gone_is_a_clear_failure_and_leaves_the_rest_alone(
    tmp_path: Path,
) -> None:
    watch = Watch()
    with store_of(watch, tmp_path / "data") as store:
        add(store)
        (tmp_path / "data" / "building").rename(tmp_path / "elsewhere")
        with pytest.raises(InternalError, match="data directory is full or cannot be written"):
            add(store, TWO)
        assert len(contents(store, ONE)) == 100
        (tmp_path / "elsewhere").rename(tmp_path / "data" / "building")
        assert add(store, TWO).rows == 100
    assert [line for line in watch.log if "cannot be stored" in line]


def test_a_table_that_cannot_be_made_leaves_nothing_behind(place: Path | None) -> None:
    """Rows without a column of the layout stand for any failure on the way."""
    with store_of(Watch(), place) as store, pytest.raises(InternalError):
        tables.add(store, ONE, key(), taken(), rows_of(5).drop_columns(["updatedAt"]))
    with store_of(Watch(), place) as store:
        add(store)
    if place is not None:
        assert list((place / "building").iterdir()) == []


READER = """
import sys
from pathlib import Path
from tests.snapshots.tables import START, Watch, contents, store_of
with store_of(Watch(), Path(sys.argv[1])) as store:
    found = store.recover()
    print(len(found), len(contents(store, found[0].id)), flush=True)
    sys.stdin.readline()
    print(len(contents(store, found[0].id)), flush=True)
"""


def test_two_processes_serve_one_directory_and_one_may_drop(tmp_path: Path) -> None:
    with store_of(Watch(), tmp_path) as store:
        add(store, rows=20_000)
        other = subprocess.Popen(
            [sys.executable, "-c", READER, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert other.stdout is not None
        assert other.stdout.readline() == "1 20000\n"
        assert len(contents(store, ONE)) == 20_000
        store.drop(ONE)
        out, _ = other.communicate("go on\n", timeout=30)
    assert out == "20000\n"
    assert reopened(tmp_path) == ([], 0)


def test_without_an_order_column_rows_are_kept_by_key_and_the_last_version_counts() -> None:
    with_none = replace(LAYOUT, order="")
    store = SnapshotStore(with_none, None, Watch().observer)
    rows = rows_of(30)
    older = rows.set_column(1, rows.schema.field(1), [[START.replace(tzinfo=None, year=1999)] * 30])
    try:
        store.begin("s")
        store.append("s", rows, 0)
        store.replace("s", older)
        store.publish(StoredTable("s", key(), taken(), 0, 0, START))
        with store.cursor() as cursor:
            name = store.table_name("s")
            text = f'SELECT id, year("updatedAt") FROM {name} ORDER BY "$position"'
            found = cursor.execute(text).fetchall()
    finally:
        store.close()
    assert found == [(name, 1999) for name in sorted(rows.column("id").to_pylist())]
