"""SSIS's OData Source: a collection or a resource path, with query options typed by the author."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.clients.conftest import Ask, keys_of_feed
from tests.clients.header_blocks import SSIS
from tests.support.flat import FlatRow

RESULTS = "/odata/v4/Results"
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"


def test_it_previews_twenty_rows(ask: Ask, expected: list[FlatRow]) -> None:
    page = ask(f"{RESULTS}?$top=20", SSIS).json()
    assert [row["id"] for row in page["value"]] == [row["id"] for row in expected[:20]]


def test_its_columns_are_of_simple_types_that_are_not_cut(ask: Ask) -> None:
    """Decimals without Precision and Scale lose their fractions; complex types are not read."""
    answer = ask("/odata/v4/$metadata", SSIS)
    assert answer.header("Content-Type") == "application/xml"
    model = ElementTree.fromstring(answer.text)
    assert not list(model.iter(f"{EDM}ComplexType")) + list(model.iter(f"{EDM}EnumType"))
    for node in model.iter(f"{EDM}Property"):
        if node.attrib["Type"] == "Edm.Decimal":
            assert {"Precision", "Scale"} <= node.attrib.keys()


@pytest.mark.parametrize(
    ("resource_path", "options"),
    [
        ("Results", "$filter=state eq 'EXPIRED'&$orderby=id"),
        ("Results/", "$orderby=id&$filter=(state eq 'EXPIRED')"),
        ("Results/$filter(state eq 'EXPIRED')", "$orderby=id"),
    ],
)
def test_a_resource_path_and_options_as_they_were_typed(
    ask: Ask, expected: list[FlatRow], resource_path: str, options: str
) -> None:
    target = f"/odata/v4/{resource_path}?{options}".replace(" ", "%20")
    wanted = sorted(row["id"] for row in expected if row["state"] == "EXPIRED")
    assert keys_of_feed(ask, target, SSIS) == wanted != []


def test_all_pages_are_read(ask: Ask, expected: list[FlatRow]) -> None:
    block = (*SSIS, ("Prefer", "odata.maxpagesize=1200"))
    assert keys_of_feed(ask, RESULTS, block) == [row["id"] for row in expected]
