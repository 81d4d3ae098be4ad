"""CData's drivers, also inside TIBCO TDV and MicroStrategy: SQL that becomes filters and pages."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.clients.conftest import Ask, keys_of_feed
from tests.clients.header_blocks import CDATA
from tests.support.flat import FlatRow

RESULTS = "/odata/v4/Results"
Test = Callable[[str], bool]


def test_pages_are_as_large_as_its_manual_advises(ask: Ask) -> None:
    answer = ask(f"{RESULTS}?$select=id", CDATA)
    assert answer.header("Preference-Applied") == "odata.maxpagesize=10000"


@pytest.mark.parametrize("prefix", ["", "not "])
@pytest.mark.parametrize(
    ("call", "test"),
    [
        ("startswith(contentName,'S')", lambda text: text.startswith("S")),
        ("endswith(contentName,'s')", lambda text: text.endswith("s")),
        ("contains(contentName,'e')", lambda text: "e" in text),
    ],
    ids=["startswith", "endswith", "contains"],
)
def test_like_and_not_like_leave_nulls_out(
    ask: Ask, expected: list[FlatRow], prefix: str, call: str, test: Test
) -> None:
    found = keys_of_feed(ask, f"{RESULTS}?$filter={quote(prefix + call)}&$select=id", CDATA)
    wanted = not prefix
    named = [row for row in expected if row["contentName"] is not None]
    assert found == [row["id"] for row in named if test(row["contentName"]) is wanted] != []


def test_between_in_and_is_null(ask: Ask, expected: list[FlatRow]) -> None:
    """`WHERE progress BETWEEN 20 AND 80 AND (state = .. OR state = ..) AND expiryDate IS NULL`."""
    text = (
        "((progress ge 20) and (progress le 80)) and ((state eq 'IN_PROGRESS') or"
        " (state eq 'FAILED')) and (expiryDate eq null)"
    )
    found = keys_of_feed(ask, f"{RESULTS}?$filter={quote(text)}&$select=id", CDATA)
    states = ("IN_PROGRESS", "FAILED")
    assert found == [
        row["id"]
        for row in expected
        if row["progress"] is not None
        and 20 <= row["progress"] <= 80
        and row["state"] in states
        and row["expiryDate"] is None
    ]
    assert found


def test_count_of_all_rows_is_asked_as_a_count(ask: Ask, expected: list[FlatRow]) -> None:
    page = ask(f"{RESULTS}?$count=true&$top=0", CDATA).json()
    assert (page["@odata.count"], page["value"]) == (len(expected), [])
