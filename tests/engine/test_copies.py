"""Rows that stand for results: keys, days and digests, against plain Python and against changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analytics.read.page import arrow_schema
from gateway.contract.loader import built_in_contract, load_contract
from gateway.engine.copies import DISTINCT_DIGESTS, compile_days, rows_of_copies
from gateway.query.bind.derivation import Derivation, bind_derivation
from tests.support.examples import examples

CONTRACT = load_contract(built_in_contract(), (("rowID", "cf_row"), ("team", "cf_team")))
SCHEMA = arrow_schema(CONTRACT)
Rows = list[dict[str, Any]]
NOON = datetime.fromisoformat("2024-02-29T12:00:00.001")
FIRST, LAST = map(datetime.fromisoformat, ("2000-01-01", "2030-01-01"))
AWKWARD = st.sampled_from(["", "a", "'", '"', "null", ",", "a,b", "é", "\u0000", "0"])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "contentId": st.sampled_from([f"c{number}" for number in range(40)]),
            "userName": st.none() | AWKWARD,
            "userEmail": st.none() | AWKWARD,
            "progress": st.none() | st.floats(0, 100),
            "startedAt": st.none() | st.datetimes(FIRST, LAST),
            "groupIds": st.lists(AWKWARD, max_size=3),
            "team": st.none() | AWKWARD,
        }
    ),
    min_size=1,
    max_size=12,
)


@pytest.fixture(scope="module")
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def derivation() -> Derivation:
    derived = CONTRACT.derived_set("ResultRows")
    assert derived is not None
    return bind_derivation(derived, CONTRACT, datetime(2024, 1, 1, tzinfo=UTC))


def numbered(rows: Rows) -> Rows:
    """With keys of their own and whatever must not be null."""
    fixed = {"state": "FAILED", "enrollmentType": "OPTIONAL", "updatedAt": NOON, "userId": "u"}
    return [{**fixed, "id": f"r{n}", **row} for n, row in enumerate(rows)]


def made(cursor: duckdb.DuckDBPyConnection, rows: Rows) -> Rows:
    """The set's rows, in the order in which the results are numbered."""
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    positions = pa.array(range(len(rows)), pa.int64())
    cursor.register("results", table.append_column("$position", positions))
    days = compile_days(derivation(), "results")
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE days AS {days.text}", days.parameters)
    item = rows_of_copies(derivation(), "results", "days")
    found = cursor.sql(f'FROM {item} ORDER BY "$position"').to_arrow_table()
    return list(found.to_pylist())


def digests(cursor: duckdb.DuckDBPyConnection, rows: Rows) -> dict[datetime, datetime]:
    """The one digest of each day."""
    found: dict[datetime, set[datetime]] = {}
    for row in made(cursor, rows):
        found.setdefault(row["partitionDay"], set()).add(row["partitionDigest"])
    assert all(len(values) == 1 for values in found.values())
    return {day: values.pop() for day, values in found.items()}


def day_of(row: dict[str, Any]) -> datetime:
    """The lower half of the MD5, as a number whose lowest byte comes first."""
    digest = hashlib.md5(row["contentId"].encode(), usedforsecurity=False).digest()
    return datetime.fromisoformat(f"{1992 + int.from_bytes(digest[8:], 'little') % 32}-07-01")


@examples(60, repeatable=True)
@given(rows=ROWS)
def test_a_row_is_the_result_with_a_key_and_a_day_of_its_own(
    cursor: duckdb.DuckDBPyConnection, rows: Rows
) -> None:
    rows = numbered(rows)
    found = made(cursor, rows)
    assert [row["id"] for row in found] == [row["id"] for row in rows]
    for row, given_ in zip(found, rows, strict=True):
        key = hashlib.md5(given_["id"].encode(), usedforsecurity=False).hexdigest()
        assert UUID(str(row["rowId"])) == UUID(key)
        assert row["partitionDay"] == day_of(given_)
        assert {name: row[name] for name in given_} == given_
        assert (
            timedelta() <= row["partitionDigest"] - FIRST < timedelta(milliseconds=DISTINCT_DIGESTS)
        )


@examples(60, repeatable=True)
@given(data=st.data(), rows=ROWS)
def test_a_digest_tells_of_every_change_and_of_none_elsewhere(
    cursor: duckdb.DuckDBPyConnection, data: st.DataObject, rows: Rows
) -> None:
    rows = numbered(rows)
    before = digests(cursor, rows)
    assert digests(cursor, data.draw(st.permutations(rows))) == before
    number = data.draw(st.integers(0, len(rows) - 1))
    old, changed = rows[number], list(rows)
    match data.draw(st.sampled_from(["value", "values", "gone", "twice"])):
        case "gone":
            del changed[number]
        case "twice":
            changed.append({**old, "id": "another"})
        case kind:
            other = data.draw(ROWS.map(numbered))[0]
            names = list(SCHEMA.names) if kind == "values" else [data.draw(NAMES)]
            kept = ("id", "contentId", "groupNames")
            changed[number] = {**old, **{n: other.get(n) for n in names if n not in kept}}
    after = digests(cursor, changed)
    same = whole(changed) == whole(rows)
    differ = {day for day in before | after if before.get(day) != after.get(day)}
    assert differ == (set() if same else {day_of(old)})


def whole(rows: Rows) -> list[str]:
    return [repr([row.get(name) for name in SCHEMA.names]) for row in rows]


NAMES = st.sampled_from(["userName", "userEmail", "progress", "startedAt", "groupIds", "team"])


@pytest.mark.parametrize("name", ["userName", "team", "rowID"])
def test_the_same_change_in_many_rows_does_not_cancel_out(
    cursor: duckdb.DuckDBPyConnection, name: str
) -> None:
    rows = numbered([{"contentId": "c", "groupIds": [], name: "before"} for _ in range(8)])
    found = {digests(cursor, rows)[day_of(rows[0])]}
    for number in range(8):
        rows[number] = {**rows[number], name: "after"}
        found.add(digests(cursor, rows)[day_of(rows[0])])
    assert len(found) == 9


def test_values_that_change_places_are_another_digest(cursor: duckdb.DuckDBPyConnection) -> None:
    one, other = numbered([
        {"contentId": "c", "groupIds": ["g"], "userName": "a", "userEmail": None},
        {"contentId": "c", "groupIds": ["g"], "userName": None, "userEmail": "a"},
    ])  # fmt: skip
    exchanged = [{**one, "id": other["id"]}, {**other, "id": one["id"]}]
    assert digests(cursor, [one, other]) != digests(cursor, exchanged)
    assert digests(cursor, [{**one, "userName": "null"}]) != digests(
        cursor, [{**one, "userName": None}]
    )


def test_a_field_of_the_workspace_may_have_a_name_that_is_taken() -> None:
    names = [column.prop.name for column in derivation().columns]
    assert names[:3] == ["rowId", "partitionDay", "partitionDigest"]
    assert names[-2:] == ["rowID_2", "team"]
