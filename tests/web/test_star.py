"""The tables made of the results, on a real socket, against plain Python over all rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest

from gateway.sandbox import Dataset, generate
from tests.support.flat import INSTANTS as FLAT_INSTANTS
from tests.support.live import Bridge, bridge
from tests.support.star_oracle import Star

TABLES = [
    *("Users", "Contents", "Groups", "GroupMembers"),
    *("ContentStatistics", "UserStatistics", "GroupStatistics", "Statistics", "ResultRows"),
]
INSTANTS = ("lastUpdatedAt", *FLAT_INSTANTS)


@pytest.fixture(scope="module")
def star(dataset: Dataset) -> Star:
    return Star(dataset.to_rows(), datetime.now(UTC))


@pytest.fixture
def cold(dataset: Dataset) -> Iterator[Bridge]:
    """A gateway that has asked nothing yet."""
    with bridge(dataset) as gateway:
        yield gateway


def told(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Averages to the digits that do not depend on the order of adding."""
    return [{name: _told(name, value) for name, value in row.items()} for row in rows]


def _told(name: str, value: Any) -> Any:
    if name == "averageProgress" and value is not None:
        return pytest.approx(value, rel=1e-12)
    if name == "partitionDigest":  # tests/engine/test_copies.py
        return ""
    if name in INSTANTS and isinstance(value, str):
        return datetime.fromisoformat(value)
    return value


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("pages", ["", "maxpagesize=7"])
def test_a_table_is_what_the_results_make_it(
    live: Bridge, star: Star, table: str, pages: str
) -> None:
    found = live.feed(table, {"Prefer": pages})
    expected = star.table(table)
    assert [list(row) for row in found] == [list(row) for row in expected]
    assert told(found) == told(expected)
    assert live.get(f"{table}/$count").text == str(len(expected))


@pytest.mark.parametrize("table", TABLES)
def test_each_row_has_an_address(live: Bridge, star: Star, table: str) -> None:
    [reference] = live.get(f"{table}/$ref?$top=1").json()["value"]
    answer = live.client.get(reference["@odata.id"]).json()
    assert answer.pop("@odata.context") == f"{live.root}$metadata#{table}/$entity"
    assert told([answer]) == told(star.table(table)[:1])


def test_a_row_without_a_part_of_its_key_says_where_it_is(live: Bridge) -> None:
    [row] = live.get("GroupMembers?$select=groupId&$top=1").json()["value"]
    whole = live.client.get(row["@odata.id"]).json()
    assert whole["groupId"] == row["groupId"]
    assert row["@odata.id"].endswith(
        f"GroupMembers(userId='{whole['userId']}',groupId='{whole['groupId']}')"
    )


def test_names_in_a_key_may_come_in_any_order(live: Bridge) -> None:
    [row] = live.get("GroupMembers?$top=1").json()["value"]
    path = f"GroupMembers(groupId='{row['groupId']}',userId='{row['userId']}')"
    answer = live.get(f"{path}/userId").json()
    canonical = f"GroupMembers(userId='{row['userId']}',groupId='{row['groupId']}')"
    assert answer["@odata.context"] == f"{live.root}$metadata#{canonical}/userId"


@pytest.mark.parametrize(
    "path", ["GroupMembers('usr-000001')", "GroupMembers(userId='usr-000001')", "Users(name='x')"]
)
def test_half_a_key_is_refused_with_the_whole(live: Bridge, path: str) -> None:
    answer = live.get(path)
    assert answer.status_code == 400
    assert f"write {path.partition('(')[0]}(" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("table", "option", "keep"),
    [
        ("Users", "$filter=startswith(name,'A')", lambda r: (r["name"] or "").startswith("A")),
        ("Users", "$filter=region eq 'EMEA' and id gt 'usr-00005'",
         lambda r: r["region"] == "EMEA" and r["id"] > "usr-00005"),
        ("UserStatistics", "$filter=failed gt 0 and overdue ge 1",
         lambda r: r["failed"] > 0 and r["overdue"] >= 1),
        ("ContentStatistics", "$filter=contains(contentName,'aid')",
         lambda r: "aid" in (r["contentName"] or "")),
        ("GroupMembers", "$filter=groupId eq 'grp-01'", lambda r: r["groupId"] == "grp-01"),
        ("ResultRows", "$filter=partitionDay ge 2000-01-01T00:00:00Z and partitionDay lt"
         " 2005-01-01T00:00:00Z", lambda r: "2000" <= r["partitionDay"] < "2005"),
        ("ResultRows", "$filter=userId eq 'usr-000003' and rowId lt"
         " 80000000-0000-0000-0000-000000000000",
         lambda r: r["userId"] == "usr-000003" and r["rowId"] < "8"),
    ],
)  # fmt: skip
def test_a_table_is_filtered_as_the_results_are(
    live: Bridge, star: Star, table: str, option: str, keep: Any
) -> None:
    expected = [row for row in star.table(table) if keep(row)]
    assert expected
    assert told(live.feed(f"{table}?{option}")) == told(expected)


def test_all_options_work_on_a_table(live: Bridge, star: Star) -> None:
    query = "$orderby=results desc,userId&$skip=2&$top=3&$count=true&$select=userId,results"
    found = live.get(f"UserStatistics?{query}").json()
    ordered = sorted(star.table("UserStatistics"), key=lambda r: (-r["results"], r["userId"]))
    assert found["@odata.count"] == len(ordered)
    assert found["value"] == [
        {"userId": r["userId"], "results": r["results"]} for r in ordered[2:5]
    ]
    applied = "$apply=aggregate(results with sum as n,userId with countdistinct as people)"
    [total] = live.get(f"UserStatistics?{applied}").json()["value"]
    assert total["n"] == sum(row["results"] for row in ordered)
    assert total["people"] == len(ordered)


@pytest.mark.parametrize("order", ["rowId", "rowId desc", "partitionDay,rowId"])
def test_rows_are_sorted_by_their_guid_as_its_text_is(live: Bridge, star: Star, order: str) -> None:
    rows = sorted(star.table("ResultRows"), key=lambda r: r["rowId"], reverse="desc" in order)
    if order.startswith("partitionDay"):
        rows.sort(key=lambda r: r["partitionDay"])
    found = live.feed(f"ResultRows?$orderby={order}&$select=rowId", {"Prefer": "maxpagesize=100"})
    assert [row["rowId"] for row in found] == [row["rowId"] for row in rows]


def test_rows_with_a_digest_are_made_of_all_results(live: Bridge, cold: Bridge, star: Star) -> None:
    """No condition goes upstream: the digest of a partition is that of all its rows."""
    one = star.table("ResultRows")[0]
    partition = live.feed(f"ResultRows?$filter=partitionDay eq {one['partitionDay']}")
    [digest] = {row["partitionDigest"] for row in partition}
    found = cold.feed(f"ResultRows?$filter=userId eq '{one['userId']}'")
    assert all("userIds" not in call.body for call in cold.sandbox.received)
    assert {r["partitionDigest"] for r in found if r["id"] == one["id"]} == {digest}


def test_one_extract_feeds_all_tables(cold: Bridge) -> None:
    for table in ["Results", *TABLES]:
        assert cold.get(f"{table}?$count=true").status_code == 200
    assert len({str(call.body.get("userIds")) for call in cold.sandbox.received}) == 1
    calls = len(cold.sandbox.received)
    cold.feed("GroupStatistics")
    assert len(cold.sandbox.received) == calls


def test_one_person_costs_the_person_s_results(cold: Bridge, star: Star) -> None:
    wanted = star.table("UserStatistics")[3]
    answer = cold.get(f"UserStatistics('{wanted['userId']}')").json()
    answer.pop("@odata.context")
    assert told([answer]) == told([wanted])
    assert {tuple(call.body["userIds"]) for call in cold.sandbox.received} == {(wanted["userId"],)}


def test_a_group_is_whole_though_its_people_are_in_others_too(cold: Bridge, star: Star) -> None:
    wanted = star.table("GroupStatistics")[1]
    rows = cold.feed(f"GroupStatistics?$filter=groupId eq '{wanted['groupId']}'")
    assert told(rows) == told([wanted])
    assert all(call.body["groupIds"] == [wanted["groupId"]] for call in cold.sandbox.received)


def test_a_workspace_without_results_has_empty_tables_and_one_row_of_noughts() -> None:
    with bridge(Dataset.from_rows([])) as empty:
        for table in set(TABLES) - {"Statistics"}:
            assert empty.get(table).json()["value"] == []
        [row] = empty.get("Statistics").json()["value"]
        assert (row["results"], row["averageProgress"], row["lastUpdatedAt"]) == (0, None, None)


def test_a_table_is_of_the_moment_of_its_first_page() -> None:
    with bridge(generate(400, seed=5), settings={"fresh_for": 0}) as moving:
        first = moving.client.get(moving.root + "Users", headers={"Prefer": "maxpagesize=3"}).json()
        before = moving.feed("Users")
        for row in moving.feed("Results")[:150]:
            moving.sandbox.store.remove(row["id"])
        rows, url = first["value"], first["@odata.nextLink"]
        while url:
            page = moving.client.get(url, headers={"Prefer": "maxpagesize=11"}).json()
            rows, url = rows + page["value"], page.get("@odata.nextLink")
        assert rows == before


@pytest.mark.parametrize("option", ["$top=5", "$top=0", "$filter=rowId eq null"])
def test_guids_in_files_are_texts_in_lower_case(live: Bridge, option: str) -> None:
    query = f"ResultRows?$select=rowId,partitionDigest&$orderby=rowId&{option}"
    rows = live.feed(query)
    parquet = pq.read_table(pa.BufferReader(live.get(f"{query}&$format=parquet").content))
    with pa.ipc.open_stream(live.get(f"{query}&$format=arrow").content) as stream:
        arrow = stream.read_all()
    for table in (parquet, arrow):
        assert [str(field.type) for field in table.schema] == ["string", "timestamp[us, tz=UTC]"]
        assert table.column("rowId").to_pylist() == [row["rowId"] for row in rows]
    lines = live.get(f"{query}&$format=text/csv").text.splitlines()
    assert lines[1:] == [f'"{row["rowId"]}","{row["partitionDigest"]}"' for row in rows]
