"""Oracle Analytics: flat types only, and a $top above the server's page must not be an error."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.clients.conftest import Ask, keys_of_feed, read_feed
from tests.clients.header_blocks import ORACLE_ANALYTICS
from tests.support.flat import FlatRow

RESULTS = "/odata/v4/Results"
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"


def test_the_model_has_no_complex_types_enumerations_or_functions(ask: Ask) -> None:
    model = ElementTree.fromstring(ask("/odata/v4/$metadata", ORACLE_ANALYTICS).text)
    names = ("ComplexType", "EnumType", "TypeDefinition", "Function", "FunctionImport", "Action")
    assert [node.tag for name in names for node in model.iter(f"{EDM}{name}")] == []


@pytest.mark.parametrize("top", ["20001", "1000000", "2147483647"])
def test_a_top_above_the_page_is_served_in_pages(
    ask: Ask, expected: list[FlatRow], top: str
) -> None:
    block = (*ORACLE_ANALYTICS, ("Prefer", "odata.maxpagesize=1500"))
    pages = read_feed(ask, f"{RESULTS}?$select=id&$top={top}", block)
    assert [len(page) for page in pages] == [1500, 500]
    assert [row["id"] for page in pages for row in page] == [row["id"] for row in expected]


def test_a_top_below_all_rows_ends_where_it_says(ask: Ask, expected: list[FlatRow]) -> None:
    block = (*ORACLE_ANALYTICS, ("Prefer", "odata.maxpagesize=700"))
    found = keys_of_feed(ask, f"{RESULTS}?$select=id&$top=1000", block)
    assert found == [row["id"] for row in expected[:1000]]
