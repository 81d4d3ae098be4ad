"""$compute and now() on the wire."""

from __future__ import annotations

import pytest

from gateway.sandbox import Dataset
from tests.support.flat import FlatRow
from tests.support.live import Bridge, bridge

RATIO = "$compute=progress%20div%20100%20as%20ratio"


@pytest.mark.parametrize(
    ("query", "fragment"),
    [
        (f"{RATIO}&$select=id,ratio", "#Results(id,ratio)"),
        (RATIO, "#Results(*,ratio)"),
        (f"{RATIO}&$select=*", "#Results(*,ratio)"),
        (f"{RATIO}&$select=id", "#Results(id)"),
    ],
)
def test_the_context_lists_what_is_computed(live: Bridge, query: str, fragment: str) -> None:
    body = live.get(f"Results?{query}&$top=1").json()
    assert body["@odata.context"].endswith(fragment)
    assert ("ratio" in body["value"][0]) == ("ratio" in fragment)


def test_rows_are_computed_filtered_and_sorted_over_all_pages(
    live: Bridge, expected_rows: list[FlatRow]
) -> None:
    query = (
        f"{RATIO}&$filter=ratio%20gt%200.5&$orderby=ratio%20desc,id&$select=id,ratio&$count=true"
    )
    first = live.get(f"Results?{query}").json()
    found = live.feed(f"Results?{query}", {"Prefer": "maxpagesize=100"})
    wanted = [row for row in expected_rows if (row["progress"] or 0) / 100 > 0.5]
    wanted.sort(key=lambda row: (-row["progress"], row["id"]))
    assert found == [
        {"id": row["id"], "ratio@odata.type": "#Double", "ratio": row["progress"] / 100}
        for row in wanted
    ]
    assert first["@odata.count"] == len(wanted)


def test_an_entity_takes_it(live: Bridge, expected_key: str) -> None:
    body = live.get(f"Results('{expected_key}')?$compute=1%20add%201%20as%20two&$select=two").json()
    assert body["@odata.context"].endswith("#Results(two)/$entity")
    assert (body["two@odata.type"], body["two"]) == ("#Int64", 2)


def test_now_is_one_moment_on_all_pages_of_a_feed(live: Bridge) -> None:
    query = "Results?$compute=now()%20as%20at&$select=id,at&$top=50"
    feeds = [live.feed(query, {"Prefer": "maxpagesize=7"}) for _ in range(2)]
    moments = [{row["at"] for row in feed} for feed in feeds]
    assert [len(feed) for feed in feeds] == [50, 50]
    assert [len(moment) for moment in moments] == [1, 1]
    assert moments[0] < moments[1] or moments[0] != moments[1]


def test_what_depends_on_now_is_answered_from_the_snapshot_of_a_moment_ago(
    dataset: Dataset,
) -> None:
    with bridge(dataset) as gateway:
        query = "Results?$filter=updatedAt%20lt%20now()%20sub%20duration'P1D'&$orderby=id"
        first = gateway.get(query)
        asked = len(gateway.sandbox.received)
        second = gateway.get(query)
        assert first.headers["cache-status"].endswith("fwd=miss")
        assert second.headers["cache-status"].endswith("hit")
        assert len(gateway.sandbox.received) == asked
        assert first.headers["etag"] != second.headers["etag"]
        assert [r["id"] for r in first.json()["value"]] == [r["id"] for r in second.json()["value"]]
