"""$search on the wire."""

from __future__ import annotations

import pytest

from tests.support.flat import FlatRow
from tests.support.live import Bridge


def has(row: FlatRow, word: str) -> bool:
    return any(word in value.lower() for value in row.values() if isinstance(value, str))


@pytest.mark.parametrize("filter_", ["", "&$filter=state%20eq%20'APPROVED'"])
def test_search_and_filter_find_the_rows_that_pass_both(
    live: Bridge, expected_rows: list[FlatRow], filter_: str
) -> None:
    query = f"$search=PROTECTION%20NOT%20(fischer%20OR%20brown){filter_}"
    wanted = [
        row["id"]
        for row in expected_rows
        if has(row, "protection") and not has(row, "fischer") and not has(row, "brown")
        if not filter_ or row["state"] == "APPROVED"
    ]
    rows = live.feed(f"Results?{query}&$select=id", {"Prefer": "maxpagesize=50"})
    assert wanted
    assert [row["id"] for row in rows] == wanted
    assert live.get(f"Results/$count?{query}").text == str(len(wanted))
    assert live.get(f"Results?{query}&$top=1&$count=true").json()["@odata.count"] == len(wanted)
