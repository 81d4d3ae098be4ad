"""Salesforce Connect: pages by itself, counts always, one request for each list and record."""

from __future__ import annotations

import pytest

from tests.clients.conftest import Ask
from tests.clients.header_blocks import SALESFORCE, Block
from tests.support.flat import FlatRow

RESULTS = "/odata/v4/Results"
OF_401: Block = (("OData-MaxVersion", "4.01"), ("Accept", "application/json"))


@pytest.mark.parametrize("count", ["true", "false"])
def test_a_list_is_paged_by_the_client_and_counted_when_asked(
    ask: Ask, expected: list[FlatRow], count: str
) -> None:
    options = f"$select=id,userName&$count={count}&$orderby=userName%20asc&$skip=25&$top=26"
    page = ask(f"{RESULTS}?{options}", SALESFORCE).json()
    assert page.get("@odata.count") == (len(expected) if count == "true" else None)
    assert len(page["value"]) == 26
    assert "@odata.nextLink" not in page


def test_a_client_of_401_gets_names_without_prefix(ask: Ask, expected: list[FlatRow]) -> None:
    page = ask(f"{RESULTS}?$select=id&$count=true&$top=26", OF_401).json()
    assert list(page) == ["@context", "@count", "value"]
    assert page["@count"] == len(expected)


def test_a_filter_compares_the_result_of_a_function_with_true(
    ask: Ask, expected: list[FlatRow]
) -> None:
    target = f"{RESULTS}?$filter=contains(contentName,%27Cyber%27)%20eq%20true&$select=id"
    wanted = [row["id"] for row in expected if "Cyber" in (row["contentName"] or "")]
    assert [row["id"] for row in ask(target, SALESFORCE).json()["value"]] == wanted != []


def test_a_record_is_read_by_its_key(ask: Ask, expected: list[FlatRow]) -> None:
    key = expected[3]["id"]
    target = f"{RESULTS}?$filter=id%20eq%20%27{key}%27&$top=1&$count=false"
    assert [row["id"] for row in ask(target, SALESFORCE).json()["value"]] == [key]


@pytest.mark.parametrize("block", [SALESFORCE, OF_401], ids=["4.0", "4.01"])
def test_a_search_is_a_phrase_with_the_options_of_a_list(
    ask: Ask, expected: list[FlatRow], block: Block
) -> None:
    options = "$select=id,contentName&$orderby=id&$count=true&$skip=0&$top=26"
    page = ask(f"{RESULTS}?$search=%22first+aid%22&{options}", block).json()
    texts = ("id", "userId", "userName", "userEmail", "userAvatar", "contentId", "contentName")
    more = ("contentType", "state", "enrollmentType", "department", "region", "jobTitle")
    wanted = sorted(
        row["id"]
        for row in expected
        if any("first aid" in (row[name] or "").lower() for name in (*texts, *more))
    )
    assert [row["id"] for row in page["value"]] == wanted[:26] != []
    assert page["@odata.count" if block is SALESFORCE else "@count"] == len(wanted)
