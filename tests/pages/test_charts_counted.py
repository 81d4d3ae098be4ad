"""What the dashboard's titles say is what its queries count: each computed here another way."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import pytest

from gateway.pages.charts import read_gallery
from gateway.sandbox import Dataset, generate
from tests.support.flat import FlatRow, flat_rows
from tests.support.live import Bridge, bridge

Rows = list[FlatRow]
NOW = datetime.now(UTC)
TITLES = tomllib.loads(files("gateway.pages").joinpath("texts/en.toml").read_text("utf-8"))


def by_month(rows: Rows, column: str) -> dict[tuple[int, int], Rows]:
    found: dict[tuple[int, int], Rows] = {}
    for row in rows:
        if row[column] is not None:
            found.setdefault((row[column].year, row[column].month), []).append(row)
    return found


def newest(found: dict[tuple[int, int], Any]) -> dict[tuple[int, int], Any]:
    return dict(sorted(found.items(), reverse=True)[:12])


def people(rows: Rows) -> int:
    return len({row["userId"] for row in rows})


def near(rows: Rows) -> dict[tuple[int, ...], int]:
    """By the number of days below which they lie; a certificate is not asked for."""
    days: Counter[tuple[int, ...]] = Counter()
    for row in rows:
        if row["state"] == "APPROVED" and row["expiryDate"] is not None:
            left = row["expiryDate"] - NOW
            if timedelta(0) <= left < timedelta(days=90):
                days[(30 * (left // timedelta(days=30) + 1),)] += 1
    return dict(days)


COUNTED: dict[str, tuple[str, Callable[[Rows], dict[Any, Any]]]] = {
    "states": (
        "Results by state",
        lambda rows: dict(Counter((row["state"],) for row in rows)),
    ),
    "enrollment": (
        "Results by enrollment type",
        lambda rows: dict(Counter((row["enrollmentType"],) for row in rows)),
    ),
    "completed": (
        "Completed results by month",
        lambda rows: newest({k: len(v) for k, v in by_month(rows, "completedAt").items()}),
    ),
    "learners": (
        "People with changed results by month",
        lambda rows: newest({k: people(v) for k, v in by_month(rows, "updatedAt").items()}),
    ),
    "expiring": ("Results expiring soon (approved only)", near),
}


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return generate(900)


@pytest.fixture(scope="module")
def gateway(dataset: Dataset) -> Iterator[Bridge]:
    with bridge(dataset) as running:
        yield running


@pytest.mark.parametrize("name", COUNTED)
def test_a_chart_counts_what_its_title_says(name: str, dataset: Dataset, gateway: Bridge) -> None:
    title, counted = COUNTED[name]
    chart = next(each for each in read_gallery().charts if each.name == name)
    rows = gateway.feed(chart.url)
    told = {tuple(row[n] for n in chart.label): row[chart.series[0]] for row in rows}
    assert told == counted(flat_rows(dataset))
    assert TITLES["charts"][name]["title"] == title


def test_results_by_month_of_their_last_change_and_by_state(
    dataset: Dataset, gateway: Bridge
) -> None:
    chart = next(each for each in read_gallery().charts if each.name == "months")
    rows = gateway.feed(chart.url)
    months = by_month(flat_rows(dataset), "updatedAt")
    for row in rows:
        own = months[row["year"], row["month"]]
        assert row["results"] == sum(each["state"] == row["state"] for each in own)
    assert TITLES["charts"]["months"]["title"].startswith("Results by month of last change")


@pytest.mark.parametrize(("name", "table"), [("contents", "contentName"), ("groups", "groupName")])
def test_tables_with_most_results(name: str, table: str, dataset: Dataset, gateway: Bridge) -> None:
    chart = next(each for each in read_gallery().charts if each.name == name)
    rows, whole = gateway.feed(chart.url), flat_rows(dataset)
    assert [[*chart.label], len(rows) <= 10] == [[table], True]
    if name == "contents":
        counts = Counter(row["contentName"] for row in whole if row["state"] == "APPROVED")
        assert all(row["approved"] == counts[row["contentName"]] for row in rows)
    assert TITLES["charts"][name]["title"].endswith("with the most results")
