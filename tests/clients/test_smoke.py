"""The shortest way through the whole house."""

from __future__ import annotations

from gateway.sandbox import Dataset
from tests.support.live import Bridge


def test_the_whole_feed_arrives_key_by_key(live: Bridge, dataset: Dataset) -> None:
    rows = live.feed("Results", {"Prefer": "odata.maxpagesize=300"})
    assert sorted(row["id"] for row in rows) == sorted(str(r["id"]) for r in dataset.to_rows())
