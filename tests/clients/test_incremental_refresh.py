"""Power BI's incremental refresh over a workspace that moves for a month, day by day.

Every day's model must be what the Analytics API has at that moment: no row twice, none missing,
none that is gone, none as it was before. The policy that everyone would try first, on updatedAt,
fails all four, so these tests could fail.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from gateway.contract.loader import built_in_contract
from gateway.sandbox import create_sandbox, generate
from gateway.sandbox.app import Sandbox
from tests.clients.header_blocks import POWER_QUERY
from tests.support.flat import FlatRow, flat_row, with_instants
from tests.support.live import SECRET, Bridge, bridge, running, served
from tests.support.partitions import Feed, PartitionedTable, Policy, Row, years

HEADERS = dict(POWER_QUERY)
OWN = ("rowId", "partitionDay", "partitionDigest")
BY_PARTITION = Policy("partitionDay", years(60), refreshed=61, detect="partitionDigest")
SHORT = replace(BY_PARTITION, units=years(9), refreshed=10)
BY_UPDATE = Policy("updatedAt", years(5), refreshed=1)
FIRST_DAY = date(2025, 12, 15)
"""The windows move to another year on the way, and drop their oldest partition."""


@pytest.fixture(scope="module")
def few_years(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """A contract file with eight partitions, so that a month takes seconds."""
    text, wanted = built_in_contract(), "first_year = 2017, years = 8"
    path: Path = tmp_path_factory.mktemp("contract") / "contract.toml"
    path.write_text(text.replace("first_year = 1992, years = 32", wanted), "utf-8")
    assert wanted in path.read_text("utf-8")
    return {"contract": str(path)}


@dataclass
class Workspace:
    """An upstream whose clock is turned by hand."""

    today: date = FIRST_DAY

    def now(self) -> datetime:
        return datetime.combine(self.today, datetime.min.time(), UTC) + timedelta(hours=12)

    def sandbox(self, rows: int, seed: int) -> Sandbox:
        return create_sandbox(generate(rows, seed), secret=SECRET, clock=self.now)


def feed_of(gateway: Bridge, name: str) -> Feed:
    return lambda options: gateway.feed(f"{name}?{options}", HEADERS)


def told(rows: list[Row]) -> list[FlatRow]:
    """The rows by key, without the columns that only ResultRows has."""
    plain = [{name: row[name] for name in row if name not in OWN} for row in rows]
    return sorted(with_instants(plain), key=lambda row: str(row["id"]))


def truth(sandbox: Sandbox) -> list[FlatRow]:
    return sorted(map(flat_row, sandbox.store.to_rows()), key=lambda row: str(row["id"]))


def someone_is_renamed(sandbox: Sandbox, random: Random) -> None:
    """In all their results, whose updatedAt stays."""
    rows = sandbox.store.to_rows()
    person: Any = random.choice(rows)["user"]
    for row in rows:
        user: Any = row["user"]
        if user["id"] == person["id"]:
            renamed: Mapping[str, object] = {**user, "name": f"{user['name']} {random.random()}"}
            sandbox.store.put({**row, "user": renamed})


def a_group_is_left(sandbox: Sandbox, random: Random) -> None:
    """In one result, which makes no sense but must show."""
    rows = sandbox.store.to_rows()
    row: Any = random.choice(rows)
    sandbox.store.put({**row, "user": {**row["user"], "groups": row["user"]["groups"][1:]}})


def two_names_are_exchanged(sandbox: Sandbox, random: Random) -> None:
    """Within one content, so that a partition holds the same values as before, elsewhere."""
    rows: list[Any] = sandbox.store.to_rows()
    one = random.choice(rows)
    among = [row for row in rows if row["content"]["id"] == one["content"]["id"]]
    other = random.choice(among)
    sandbox.store.put({**one, "user": {**one["user"], "email": other["user"]["email"]}})
    sandbox.store.put({**other, "user": {**other["user"], "email": one["user"]["email"]}})


def a_day_passes(sandbox: Sandbox, random: Random) -> None:
    """On some days nothing happens, on others a bit of everything."""
    for _ in range(random.choice([0, 0, 1, 2, 6])):
        match random.choice(["touch", "touch", "insert", "delete", "rename", "group", "exchange"]):
            case "rename":
                someone_is_renamed(sandbox, random)
            case "group":
                a_group_is_left(sandbox, random)
            case "exchange":
                two_names_are_exchanged(sandbox, random)
            case "touch":
                sandbox.drift.mutate("touch")
            case "insert":
                sandbox.drift.mutate("insert")
            case _:
                sandbox.drift.mutate("delete")


@contextmanager
def new_gateway(
    sandbox: Sandbox, upstream: str, settings: Mapping[str, object]
) -> Iterator[Bridge]:
    """One that has just started and kept nothing."""
    with served(upstream, settings) as root, httpx.Client(timeout=30) as client:
        yield Bridge(root, upstream, sandbox, client)


def test_a_month_of_refreshes_shows_each_day_what_there_is(few_years: dict[str, object]) -> None:
    """Each day by another gateway, which knows nothing of the days before."""
    workspace, random = Workspace(), Random(1)
    sandbox = workspace.sandbox(300, seed=1)
    model, naive = PartitionedTable(SHORT), PartitionedTable(BY_UPDATE)
    everything = twice = gone = 0
    with running(sandbox, date_header=False) as upstream:
        for _ in range(30):
            with new_gateway(sandbox, upstream, few_years) as gateway:
                model.refresh(feed_of(gateway, "ResultRows"), workspace.today)
                naive.refresh(feed_of(gateway, "Results"), workspace.today)
            expected = truth(sandbox)
            assert told(model.rows) == expected
            everything += len(expected)
            counts, there = Counter(row["id"] for row in naive.rows), {r["id"] for r in expected}
            twice += max(counts.values()) > 1
            gone += not there.issuperset(counts)
            workspace.today += timedelta(days=1)
            a_day_passes(sandbox, random)
    assert 0 < model.read < everything / 2, "only partitions that have changed are read"
    assert twice, "on updatedAt, a row that was touched stands in its old partition too"
    assert gone, "on updatedAt, a row that was deleted stays"
    right = {row["id"]: row for row in expected}
    old = {row["id"] for row in with_instants(naive.rows) if row != right.get(row["id"])}
    assert old & right.keys(), "on updatedAt, who was renamed is not"


def test_what_changes_during_a_refresh_is_in_the_next(few_years: dict[str, object]) -> None:
    """Each question is answered by a new extract, and rows change between asking and reading."""
    workspace, random = Workspace(), Random(5)
    model = PartitionedTable(SHORT)
    with bridge([], settings={"fresh_for": 0, **few_years}, clock=workspace.now) as gateway:
        for row in generate(120, 5).to_rows():
            gateway.sandbox.store.put(row)
        feed = feed_of(gateway, "ResultRows")
        for _ in range(4):
            model.refresh(feed, FIRST_DAY, lambda: a_day_passes(gateway.sandbox, random))
            assert max(Counter(row["rowId"] for row in model.rows).values()) == 1
        model.refresh(feed, FIRST_DAY)
        assert told(model.rows) == truth(gateway.sandbox)


@pytest.mark.parametrize("hours", [-12, 14])
def test_the_time_zone_of_the_machine_that_asks_moves_no_row(hours: int) -> None:
    policy = replace(BY_PARTITION, offset=timezone(timedelta(hours=hours)))
    with bridge(generate(120, 5)) as gateway:
        model = PartitionedTable(policy)
        model.refresh(feed_of(gateway, "ResultRows"), FIRST_DAY)
        assert told(model.rows) == truth(gateway.sandbox)
        for start, partition in model.partitions.items():
            assert {row["partitionDay"][:4] for row in partition.rows} <= {str(start.year)}
            assert len({row["partitionDigest"] for row in partition.rows}) <= 1


def test_a_custom_question_for_changes_is_answered_by_one_number(live: Bridge) -> None:
    """As docs/incremental-refresh.md writes it; a partition without rows has none."""
    for year in (1991, 2000, 2017):
        within = (
            f"partitionDay ge {year}-01-01T00:00:00Z and partitionDay lt {year + 1}-01-01T00:00:00Z"
        )
        applied = quote(f"filter({within})/aggregate(partitionDigest with max as digest)")
        [answer] = live.get(f"ResultRows?$apply={applied}").json()["value"]
        rows = live.feed(f"ResultRows?$filter={quote(within)}&$select=partitionDigest")
        assert [answer["digest"]] == list({row["partitionDigest"] for row in rows} or {None})


def test_a_content_that_is_gone_leaves_an_empty_partition(few_years: dict[str, object]) -> None:
    with bridge(generate(120, 5), settings={"fresh_for": 0, **few_years}) as gateway:
        feed, model = feed_of(gateway, "ResultRows"), PartitionedTable(SHORT)
        model.refresh(feed, FIRST_DAY)
        start = min(day for day, partition in model.partitions.items() if partition.rows)
        for row in model.partitions[start].rows:
            gateway.sandbox.store.remove(row["id"])
        model.refresh(feed, FIRST_DAY)
        assert model.partitions[start].rows == []
        assert told(model.rows) == truth(gateway.sandbox)
