"""The whole feed, as Power BI loads it: every row of the upstream once, every value as it was."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from gateway.sandbox import Dataset, generate
from tests.support.flat import (
    COLUMNS,
    INSTANTS,
    FlatRow,
    by_key,
    feed_order,
    flat_rows,
    with_instants,
)
from tests.support.live import Bridge, bridge

ROWS = 50_000


@pytest.fixture(scope="module")
def large() -> Dataset:
    return generate(ROWS)


@pytest.fixture(scope="module")
def wanted(large: Dataset) -> list[FlatRow]:
    return flat_rows(large)


@pytest.fixture(scope="module")
def gateway(large: Dataset) -> Iterator[Bridge]:
    with bridge(large) as running_bridge:
        yield running_bridge


@pytest.mark.parametrize(("prefer", "size"), [({}, 5_000), ({"Prefer": "maxpagesize=777"}, 777)])
def test_every_row_arrives_once_and_unchanged(
    gateway: Bridge, wanted: list[FlatRow], prefer: dict[str, str], size: int
) -> None:
    pages = list(_pages(gateway, prefer))
    rows = [row for page in pages for row in page]
    assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1)
    assert 0 < len(pages[-1]) <= size
    assert by_key(with_instants(rows)) == by_key(wanted)
    assert [row["id"] for row in rows] == [row["id"] for row in feed_order(wanted)]


def _pages(gateway: Bridge, headers: dict[str, str]) -> Iterator[list[FlatRow]]:
    url: str | None = f"{gateway.root}Results"
    while url is not None:
        page = gateway.client.get(url, headers=headers).json()
        yield page["value"]
        url = page.get("@odata.nextLink")


def test_the_feed_has_met_what_is_awkward(gateway: Bridge, wanted: list[FlatRow]) -> None:
    """The comparison above is worth what the data holds: nulls, blanks, quotes, other scripts."""
    names = {row["userName"] for row in wanted}
    assert {"", " ", "'", "line\nbreak", "山田 太郎", "👩‍💻 Ada 🚀", "%27 or 1 eq 1"} <= names
    for column in ("userEmail", "userAvatar", "startedAt", "completedAt", "expiryDate", "region"):
        present = {row[column] is None for row in wanted}
        assert present == {True, False}, column
    assert {len(row["groupIds"]) for row in wanted} >= {0, 1, 2}
    first = gateway.get("Results?$top=1").json()["value"][0]
    assert tuple(first) == COLUMNS


def test_instants_are_utc_with_z_and_at_most_seven_digits(gateway: Bridge) -> None:
    rows = gateway.get("Results?$top=1000").json()["value"]
    texts = {row[name] for row in rows for name in INSTANTS} - {None}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z", text) for text in texts)
