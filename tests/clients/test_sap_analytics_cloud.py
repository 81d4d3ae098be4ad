"""SAP Analytics Cloud: writes numbers with the letters of OData 2, and functions in camel case."""

from __future__ import annotations

import pytest

from tests.clients.conftest import Ask
from tests.clients.header_blocks import SAP_ANALYTICS_CLOUD
from tests.support.flat import FlatRow

RESULTS = "/odata/v4/Results"


@pytest.mark.parametrize("literal", ["50d", "50m", "50L", "50f", "50.0D", "5.0e1d", "50"])
def test_i20_numbers_with_a_letter_are_numbers(
    ask: Ask, expected: list[FlatRow], literal: str
) -> None:
    answer = ask(f"{RESULTS}?$filter=progress%20ge%20{literal}&$select=id", SAP_ANALYTICS_CLOUD)
    assert answer.status == 200, answer.text
    wanted = [row["id"] for row in expected if (row["progress"] or 0) >= 50]
    assert [row["id"] for row in answer.json()["value"]] == wanted != []


def test_i20_functions_in_camel_case(ask: Ask, expected: list[FlatRow]) -> None:
    target = f"{RESULTS}?$filter=toLower(state)%20eq%20'failed'%20and%20startsWith(id,'usr')"
    rows = ask(target, SAP_ANALYTICS_CLOUD).json()["value"]
    assert [row["id"] for row in rows] == [r["id"] for r in expected if r["state"] == "FAILED"]


def test_a_guid_of_odata_2_is_understood_and_refused_for_its_type(ask: Ask) -> None:
    """A text is no Guid; it is no fault of its form."""
    guid = "guid'a1b2c3d4-0000-0000-0000-00000000000f'"
    answer = ask(f"{RESULTS}?$filter=id%20eq%20{guid}", SAP_ANALYTICS_CLOUD)
    assert (answer.status, answer.json()["error"]["code"]) == (400, "TypeMismatch")


def test_v15_an_instant_of_odata_2_is_refused_with_the_form_of_4(ask: Ask) -> None:
    """It has no offset, and which one was meant is anyone's guess."""
    target = f"{RESULTS}/?$filter=(updatedAt%20gt%20datetime%272019-01-01T00:00:00%27)"
    answer = ask(target, SAP_ANALYTICS_CLOUD)
    assert answer.status == 400
    assert "2019-01-01T00:00:00Z" in answer.json()["error"]["message"]


def test_pages_are_followed_by_their_links(ask: Ask, expected: list[FlatRow]) -> None:
    block = (*SAP_ANALYTICS_CLOUD, ("Prefer", "odata.maxpagesize=1500"))
    first = ask(f"{RESULTS}?$select=id&$format=json", block).json()
    link = first["@odata.nextLink"]
    second = ask(link[link.index("/odata/") :], block).json()
    keys = [row["id"] for page in (first, second) for row in page["value"]]
    assert keys == [row["id"] for row in expected]
