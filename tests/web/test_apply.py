"""$apply on the wire: contexts, types, absent properties, paging, counting."""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import quote

import pytest

from gateway.sandbox import Dataset
from tests.support.flat import FlatRow, flat_rows
from tests.support.live import Bridge, bridge

BY_STATE = "$apply=groupby((state),aggregate($count as n))"
TOTALS = "$apply=concat(groupby((state),aggregate($count as n)),aggregate($count as n))"


def ask(live: Bridge, query: str, path: str = "Results", **headers: str) -> Any:
    answer = live.get(
        f"{path}?{quote(query, safe='$&=')}", {k.replace("_", "-"): v for k, v in headers.items()}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("query", "fragment"),
    [
        (BY_STATE, "#Results(state,n)"),
        (f"{BY_STATE}&$compute=n add 1 as m", "#Results(state,n,m)"),
        (f"{BY_STATE}&$select=n", "#Results(n)"),
        ("$apply=filter(state eq 'FAILED')", "#Results"),
        ("$apply=topcount(3,progress)", "#Results"),
        ("$apply=topcount(3,progress)&$select=id,state", "#Results(id,state)"),
        ("$apply=topcount(3,progress)/compute(1 as one)", "#Results(*,one)"),
        ("$apply=groupby((rollup(state,userId)),aggregate($count as n))", "#Results(state,n)"),
        (TOTALS, "#Results(n)"),
        (f"{TOTALS}&$select=state", "#Results(@Core.AnyStructure)"),
        ("$apply=concat(identity,aggregate($count as n))", "#Results(@Core.AnyStructure)"),
        ("$apply=concat(identity,top(1))", "#Results"),
    ],
)
def test_the_context_lists_what_all_rows_have(live: Bridge, query: str, fragment: str) -> None:
    body = ask(live, f"{query}&$top=1")
    assert body["@odata.context"].endswith(f"$metadata{fragment}")


@pytest.mark.parametrize(
    ("accept", "version", "row"),
    [
        ("", "4.0", {"@odata.id": None, "n@odata.type": "#Decimal", "n": 2000, "l": "2"}),
        ("", "4.01", {"n@type": "Decimal", "n": 2000, "l": "2"}),
        ("application/json;odata.metadata=none", "4.0", {"n": 2000, "l": "2"}),
        ("application/json;metadata=full", "4.01", {"n@type": "Decimal", "n": 2000, "l": "2"}),
        ("application/json;IEEE754Compatible=true", "4.01",
         {"n@type": "Decimal", "n": "2000", "l": "2"}),
    ],
)  # fmt: skip
def test_types_are_told_where_json_does_not(
    live: Bridge, accept: str, version: str, row: dict[str, object]
) -> None:
    headers = {"OData_MaxVersion": version} | ({"Accept": accept} if accept else {})
    body = ask(live, "$apply=aggregate($count as n)&$compute='2' as l", **headers)
    assert body["value"] == [row]


def test_declared_grouping_properties_need_no_type_but_with_full_metadata(live: Bridge) -> None:
    query = "$apply=groupby((updatedAt))&$top=1"
    [row] = ask(live, query)["value"]
    assert set(row) == {"@odata.id", "updatedAt"}
    [row] = ask(live, query, Accept="application/json;odata.metadata=full")["value"]
    assert row["updatedAt@odata.type"] == "#DateTimeOffset"


def test_entities_keep_their_ids_and_made_rows_have_none(live: Bridge) -> None:
    query = "$apply=concat(top(1),aggregate($count as n))&$select=state,n"
    entity, total = ask(live, query)["value"]
    assert entity["@odata.id"].startswith(f"{live.root}Results('")
    assert set(entity) == {"@odata.id", "state"}
    assert total == {"@odata.id": None, "n@odata.type": "#Decimal", "n": 2000}


def test_a_row_with_none_of_the_selected_properties_is_empty(live: Bridge) -> None:
    rows = ask(live, f"{TOTALS}&$select=state", OData_MaxVersion="4.01")["value"]
    assert rows[-1] == {}


def test_groups_and_subtotals_are_those_of_the_rows(
    live: Bridge, expected_rows: list[FlatRow]
) -> None:
    query = "$apply=groupby((rollup(state,enrollmentType)),aggregate($count as n))"
    rows = ask(live, query, OData_MaxVersion="4.01")["value"]
    levels = [(row["state"], row.get("enrollmentType", "absent"), row["n"]) for row in rows]
    fine = Counter((row["state"], row["enrollmentType"]) for row in expected_rows)
    coarse = Counter(row["state"] for row in expected_rows)
    assert levels == [
        *((*key, number) for key, number in sorted(fine.items())),
        *((state, "absent", number) for state, number in sorted(coarse.items())),
    ]


@pytest.mark.parametrize("order", ["", "&$orderby=n desc", "&$orderby=n&$skip=7&$top=100"])
def test_pages_are_parts_of_one_result(live: Bridge, order: str) -> None:
    query = quote(f"$apply=groupby((userId),aggregate($count as n)){order}", safe="$&=")
    whole = live.feed(f"Results?{query}", {"Prefer": "maxpagesize=5000"})
    paged = live.feed(f"Results?{query}", {"Prefer": "maxpagesize=17"})
    assert len(whole) > 34
    assert paged == whole


def test_pages_stay_of_one_snapshot_while_rows_change(dataset: Dataset) -> None:
    query = quote("$apply=groupby((userId),aggregate($count as n))", safe="$&=")
    with bridge(dataset, settings={"fresh_for": 0}) as gateway:
        url: str | None = f"{gateway.root}Results?{query}"
        total = 0
        while url:
            page = gateway.client.get(url, headers={"Prefer": "maxpagesize=50"}).json()
            total += sum(row["n"] for row in page["value"])
            for _ in range(20):
                gateway.sandbox.drift.mutate("delete")
            url = page.get("@odata.nextLink")
    assert total == 2_000


def test_counts_are_of_the_result(live: Bridge, expected_rows: list[FlatRow]) -> None:
    states = len({row["state"] for row in expected_rows})
    assert ask(live, f"{BY_STATE}&$count=true&$top=1")["@odata.count"] == states
    assert ask(live, f"{BY_STATE}&$count=true&$top=0")["@odata.count"] == states
    assert ask(live, BY_STATE, "Results/$count") == states
    assert ask(live, f"{BY_STATE}&$filter=state eq 'FAILED'", "Results/$count") == 1
    assert ask(live, f"{BY_STATE}&$top=0")["value"] == []


def test_nothing_makes_one_row_and_no_group(live: Bridge) -> None:
    nothing = "filter(state eq 'FAILED' and state eq 'APPROVED')"
    query = f"$apply={nothing}/aggregate($count as n,progress with sum as s)"
    assert ask(live, query, OData_MaxVersion="4.01")["value"] == [
        {"n@type": "Decimal", "n": 0, "s@type": "Double", "s": None}
    ]
    assert ask(live, f"$apply={nothing}/groupby((state))")["value"] == []


def test_a_leading_filter_goes_to_the_analytics_api(dataset: Dataset) -> None:
    with bridge(dataset) as gateway:
        query = "$apply=filter(state eq 'FAILED')/groupby((userId),aggregate($count as n))"
        rows = ask(gateway, query)["value"]
        asked = [entry.body for entry in gateway.sandbox.received if entry.body]
    wanted = Counter(row["userId"] for row in flat_rows(dataset) if row["state"] == "FAILED")
    assert {row["userId"]: row["n"] for row in rows} == wanted
    assert asked
    assert all("'states': ['FAILED']" in str(body) for body in asked)


def test_what_does_not_exist_in_some_group_is_a_bad_request(live: Bridge) -> None:
    query = quote(f"{BY_STATE}&$filter=1 div (n sub n) eq 1", safe="$&=")
    answer = live.get(f"Results?{query}")
    assert answer.status_code == 400
    assert "division by zero" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "steps",
    [
        "aggregate(progress with sum as NAME)",
        "aggregate(progress with sum as NAME,progress with max as most)",
        "aggregate(userId with countdistinct as NAME)",
        "groupby((state),aggregate(progress with average as NAME,$count as n))",
        "groupby((rollup(state,region)),aggregate(progress with max as NAME))",
        "filter(state eq 'FAILED')/groupby((region),aggregate(userId with countdistinct as NAME))",
        "groupby((state),aggregate(progress with sum from region with max as NAME))",
        "groupby((state,region),aggregate(progress with max as NAME))"
        "/groupby((state),aggregate(NAME with min as NAME))",
        "concat(aggregate(progress with sum as NAME),"
        "groupby((state),aggregate(progress with sum as NAME)))",
    ],
)
@pytest.mark.parametrize(
    "behind", ["", "&$orderby=NAME desc", "&$filter=NAME gt 5", "&$compute=NAME add 1 as more"]
)
def test_an_aggregate_with_the_name_of_its_property_is_the_same_aggregate(
    live: Bridge, steps: str, behind: str
) -> None:
    """AG Grid and Microsoft's samples write it; rows, order and what follows see the aggregate."""
    name = "userId" if "userId" in steps else "progress"
    query = f"Results?$apply={steps}{behind}"
    own, other = (live.get(query.replace("NAME", alias)) for alias in (name, "other"))
    assert own.status_code == other.status_code == 200, own.text
    rows = other.json()["value"]
    renamed = [{k.replace("other", name): v for k, v in row.items()} for row in rows]
    assert own.json()["value"] == renamed
