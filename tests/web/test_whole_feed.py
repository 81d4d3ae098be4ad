"""The whole feed, as Power BI loads it: every row of the upstream once, every value as it was."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.sandbox import generate
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


def test_fifty_thousand_rows_arrive_once_and_unchanged_in_pages_of_any_size() -> None:
    dataset = generate(ROWS)
    wanted = flat_rows(dataset)
    order = [row["id"] for row in feed_order(wanted)]
    with bridge(dataset) as gateway:
        for prefer, size in ({}, 5_000), ({"Prefer": "odata.maxpagesize=777"}, 777):
            pages = list(_pages(gateway, prefer))
            rows = [row for page in pages for row in page]
            assert {len(page) for page in pages[1:-1]} == {size}
            assert 0 < len(pages[0]) <= size
            assert 0 < len(pages[-1]) <= size
            assert by_key(with_instants(rows)) == by_key(wanted)
            assert [row["id"] for row in rows] == order


def _pages(gateway: Bridge, headers: dict[str, str]) -> Iterator[list[FlatRow]]:
    url: str | None = f"{gateway.root}Results"
    while url is not None:
        page = gateway.client.get(url, headers=headers).json()
        yield page["value"]
        url = page.get("@odata.nextLink")


def test_generated_rows_hold_what_is_awkward(expected_rows: list[FlatRow]) -> None:
    """The comparison above is worth what the data holds: nulls, blanks, quotes, other scripts."""
    names = {row["userName"] for row in expected_rows}
    assert {"", " ", "'", "line\nbreak", "山田 太郎", "👩‍💻 Ada 🚀", "%27 or 1 eq 1"} <= names
    for column in ("userEmail", "userAvatar", "startedAt", "completedAt", "expiryDate", "region"):
        assert {row[column] is None for row in expected_rows} == {True, False}, column
    assert {len(row["groupIds"]) for row in expected_rows} >= {0, 1, 2}
    assert tuple(sorted(expected_rows[0])) == tuple(sorted(COLUMNS))


def test_instants_are_utc_with_z_and_at_most_seven_digits(live: Bridge) -> None:
    rows = live.get("Results").json()["value"]
    texts = {row[name] for row in rows for name in INSTANTS} - {None}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z", text) for text in texts)
