"""Scripts in Python and R: libraries write the query, and links are followed by a loop by hand."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import httpx
import pytest

from tests.support.flat import FlatRow
from tests.support.live import Bridge

OPTIONS = {"$filter": "state eq 'FAILED' and progress ge 0", "$select": "id,state"}


def failed(rows: list[FlatRow]) -> list[str]:
    return [r["id"] for r in rows if r["state"] == "FAILED" and (r["progress"] or -1) >= 0]


def test_httpx_and_requests_write_the_options_from_a_dictionary(
    live: Bridge, expected: list[FlatRow]
) -> None:
    """They encode `$` and write `+` or `%20` for a blank."""
    with httpx.Client(timeout=30) as client:
        rows = client.get(f"{live.root}Results", params=OPTIONS).json()["value"]
    assert [row["id"] for row in rows] == failed(expected) != []


@pytest.mark.parametrize("accept", [None, "*/*", "application/json, text/json, */*"])
def test_the_standard_library_reads_pages_to_the_end(
    live: Bridge, expected: list[FlatRow], accept: str | None
) -> None:
    url: str | None = f"{live.root}Results?{urlencode(OPTIONS)}"
    headers = {"Prefer": "odata.maxpagesize=40"} | ({"Accept": accept} if accept else {})
    keys: list[str] = []
    while url is not None:
        with urlopen(Request(url, headers=headers), timeout=30) as answer:
            page = json.load(answer)
        keys += [row["id"] for row in page["value"]]
        url = page.get("@odata.nextLink")
    assert keys == failed(expected)


def test_a_table_for_a_data_frame_is_one_file(live: Bridge, expected: list[FlatRow]) -> None:
    """`read.csv(url)` and `read_csv(url)`."""
    query = urlencode({**OPTIONS, "$format": "text/csv"})
    with urlopen(f"{live.root}Results?{query}", timeout=30) as answer:
        rows = list(csv.DictReader(io.TextIOWrapper(answer, "utf-8", newline="")))
    assert [row["id"] for row in rows] == failed(expected)


def test_a_summary_is_computed_where_the_data_is(live: Bridge, expected: list[FlatRow]) -> None:
    query = urlencode({"$apply": "groupby((state),aggregate($count as n))"})
    with urlopen(f"{live.root}Results?{query}", timeout=30) as answer:
        found = {row["state"]: row["n"] for row in json.load(answer)["value"]}
    assert found == Counter(row["state"] for row in expected)
