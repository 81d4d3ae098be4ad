"""Old names of columns: equal to their columns in every option, hidden with them, gone in time."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

import pytest

from gateway.contract.loader import built_in_contract, load_contract
from gateway.observe import Clock
from gateway.sandbox import generate
from tests.support.live import FIELDS, Bridge, bridge
from tests.tenancy.support import House, house, sandbox

LAST = date(2026, 6, 30)
SCHEMA = load_contract(built_in_contract(), FIELDS).schema
RESULTS, *MADE = SCHEMA.entity_sets
COPIES = "ResultRows"
OLD = "old_{}".format
ALIASES = [f"{OLD(p.name)}={p.name}@{LAST}" for p in RESULTS.entity_type.properties] + [
    f"{s.name}.{OLD(p.name)}={p.name}@{LAST}"
    for s in MADE
    if s.name != COPIES
    for p in s.entity_type.properties
    if p.name not in dict(FIELDS)
]
"""An old name of every column of every table."""


@dataclass
class Calendar:
    """A clock whose day the test sets."""

    day: date = LAST
    seconds: float = field(default=0.0)

    @property
    def clock(self) -> Clock:
        return Clock(self._now, lambda: self.seconds)

    def _now(self) -> datetime:
        return datetime(self.day.year, self.day.month, self.day.day, 23, 59, tzinfo=UTC)


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture(scope="module")
def gateway(calendar: Calendar) -> Iterator[Bridge]:
    settings = {"column_alias": ALIASES}
    with bridge(generate(80, seed=5), settings=settings, gateway_clock=calendar.clock) as running:
        yield running


def rows(gateway: Bridge, url: str) -> list[dict[str, Any]]:
    answer = gateway.client.get(gateway.root + quote(url, safe="?&=$(),'/@:;"))
    assert answer.status_code == 200, (url, answer.text)
    found: list[dict[str, Any]] = answer.json()["value"]
    return found


TABLES = pytest.mark.parametrize("table", [s.name for s in SCHEMA.entity_sets])


@TABLES
def test_every_old_name_has_the_values_of_its_column(gateway: Bridge, table: str) -> None:
    found = rows(gateway, table)
    assert found
    old = {name for name in found[0] if name.startswith("old_")}
    assert old == {OLD(name) for name in set(found[0]) - old} - unaliased(table)
    for row in found:
        assert {name: row[name] for name in old} == {n: row[n.removeprefix("old_")] for n in old}


def unaliased(table: str) -> set[str]:
    """Columns that only ResultRows has: the others are aliased with those of the results."""
    made = {p.name for s in MADE if s.name == COPIES for p in s.entity_type.properties}
    own = made - {p.name for p in RESULTS.entity_type.properties}
    return {OLD(name) for name in own} if table == COPIES else set()


QUERIES = (
    "Results?$filter={state} eq 'FAILED' and {progress} lt 100&$orderby=id&$count=true",
    "Results?$filter={department} in ('Sales','Finance') or {userName} eq null&$orderby=id",
    "Results?$filter={updatedAt} gt 2020-01-01T00:00:00Z&$orderby={updatedAt} desc,id&$top=9",
    "Results?$filter={groupIds}/any(g:g ne 'x')&$orderby={state},id desc&$skip=3",
    "Results?$filter={state} eq 'FAILED' and state ne 'APPROVED'&$orderby={department},id",
    "Results?$compute={progress} div 2 as half&$orderby={progress},id&$select=id,half",
    "Results?$apply=aggregate({progress} with average as a,{userId} with countdistinct as n)",
    "Results?$apply=filter({state} eq 'APPROVED')/groupby((region),aggregate({progress} with sum"
    " as s))&$orderby=region",
    "Results?$apply=topcount(3,{progress})&$orderby=id&$select=id",
    "Results?$expand=user($select=id)&$filter=user/{name} ne null&$select=id&$orderby=id",
    "Users?$filter={name} ne null and {department} ne 'Sales'&$orderby={name},id&$select=id",
    "Users?$expand=results($filter={state} eq 'FAILED';$orderby={progress},id;$select=id)"
    "&$orderby=id&$select=id",
    "UserStatistics?$filter={results} ge 1&$orderby={results} desc,userId&$select=userId",
    "ResultRows?$filter={progress} ge 50&$orderby={state},rowId&$select=rowId",
)
NAMES = (
    *("state", "progress", "department", "userName", "updatedAt", "groupIds", "userId", "name"),
    "results",
)


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_by_old_names_is_the_query_by_the_new_ones(gateway: Bridge, query: str) -> None:
    new = query.format(**{name: name for name in NAMES})
    old = query.format(**{name: OLD(name) for name in NAMES})
    assert old != new
    assert rows(gateway, old) == rows(gateway, new)


def test_groups_and_selections_by_old_names_have_old_names(gateway: Bridge) -> None:
    new = rows(gateway, "Results?$apply=groupby((state,department),aggregate($count as n))")
    old = rows(gateway, "Results?$apply=groupby((old_state,old_department),aggregate($count as n))")
    renamed = [{n.removeprefix("old_"): value for n, value in row.items()} for row in old]
    assert sorted(map(json.dumps, renamed)) == sorted(map(json.dumps, new))
    [row] = rows(gateway, "Results?$select=old_state,progress&$top=1&$orderby=old_id")
    assert {name for name in row if "@" not in name} == {"progress", "old_state"}


def test_files_have_old_names(gateway: Bridge) -> None:
    text = gateway.client.get(f"{gateway.root}Results?$format=csv&$select=state,old_state").text
    table = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert table
    assert all(row["state"] == row["old_state"] for row in table)


def test_the_model_says_how_long_a_name_lives(gateway: Bridge) -> None:
    model = gateway.client.get(f"{gateway.root}$metadata?$format=json").json()
    column = model["Skillhabit"]["Result"]["old_state"]
    assert column["@Org.OData.Core.V1.Revisions"] == [
        {
            "Kind": "Deprecated",
            "Description": f"Old name of state. It works through {LAST}. Use state.",
        }
    ]


ROLES = """
[roles.narrow]
hide = ["department"]
mask = ["userName"]
"""


def test_a_role_sees_an_old_name_as_it_sees_the_column() -> None:
    aliases = [f"dept=department@{date.max}", f"who=userName@{date.max}"]
    with (
        sandbox(generate(60, seed=5)) as upstream,
        house(upstream, ROLES, column_alias=aliases) as found,
    ):
        check_role(found)


def check_role(found: House) -> None:
    whole = {row["id"]: row for row in found.feed("Results")}
    for row in found.feed("Results", "default/narrow"):
        assert not {"department", "dept"} & row.keys()
        assert row["who"] == row["userName"]
        assert row["who"] is None or row["who"] != whole[row["id"]]["userName"]
    assert found.odata("Results?$filter=dept eq 'Sales'", "default/narrow").status_code == 400
    assert "dept" not in found.odata("$metadata", "default/narrow").text.lower()


def test_an_old_name_is_gone_on_the_day_after_its_last() -> None:
    days = Calendar()
    settings = {"column_alias": [f"old_state=state@{LAST}"]}
    with bridge(generate(60, seed=5), settings=settings, gateway_clock=days.clock) as running:
        root = running.root
        before = running.client.get(f"{root}$metadata?$format=json").json()["Skillhabit"]
        whole = rows(running, "Results?$orderby=id")
        assert all(row["old_state"] == row["state"] for row in whole)
        days.day = date(2026, 7, 1)
        after = running.client.get(f"{root}$metadata?$format=json").json()["Skillhabit"]
        term = "@Org.OData.Core.V1.SchemaVersion"
        assert after[term] != before[term]
        assert "old_state" not in after["Result"]
        gone = running.client.get(f"{root}Results?$filter=old_state eq 'FAILED'")
        assert gone.status_code == 400
        stale = running.client.get(f"{root}Results?$schemaversion={before[term]}")
        assert stale.status_code == 404
        without = [{n: v for n, v in row.items() if n != "old_state"} for row in whole]
        assert rows(running, "Results?$orderby=id") == without
