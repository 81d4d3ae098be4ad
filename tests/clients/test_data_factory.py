"""Azure Data Factory, Synapse and Fabric: a URL and options as the author typed them."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.clients.conftest import Ask, keys_of_feed
from tests.clients.header_blocks import DATA_FACTORY
from tests.support.flat import FlatRow

RESULTS = "/odata/v4/Results"
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
IN_ITS_TABLE = {
    *("String", "Boolean", "Int32", "Int64", "Double", "Decimal", "DateTimeOffset", "Guid"),
}


def test_v23_options_are_sent_with_raw_commas(ask: Ask, expected: list[FlatRow]) -> None:
    answer = ask(f"{RESULTS}?$select=userName,contentName&$top=5", DATA_FACTORY)
    rows = answer.json()["value"]
    names = ("userName", "contentName")
    assert [{n: row[n] for n in names} for row in rows] == [
        {n: row[n] for n in names} for row in expected[:5]
    ]
    assert answer.json()["@odata.context"].endswith("$metadata#Results(userName,contentName)")


def test_its_model_has_only_types_that_it_knows(ask: Ask) -> None:
    """Enumerations are dropped and complex types refused, with all of the table."""
    answer = ask("/odata/v4/$metadata", DATA_FACTORY)
    assert answer.header("Content-Type") == "application/xml"
    model = ElementTree.fromstring(answer.text)
    assert not list(model.iter(f"{EDM}EnumType")) + list(model.iter(f"{EDM}ComplexType"))
    for node in model.iter(f"{EDM}Property"):
        type_name = node.attrib["Type"].removeprefix("Collection(").removesuffix(")")
        assert type_name.removeprefix("Edm.") in IN_ITS_TABLE
        assert ("Precision" in node.attrib) is (type_name == "Edm.DateTimeOffset")


def test_a_linked_url_may_end_in_a_slash_of_its_own(ask: Ask, expected: list[FlatRow]) -> None:
    """The URL that is asked is the linked one, a slash, the path, and the query as it was typed."""
    found = keys_of_feed(ask, "/odata/v4//Results?$filter=state eq 'FAILED'".replace(" ", "%20"))
    assert found == [row["id"] for row in expected if row["state"] == "FAILED"]


@pytest.mark.parametrize("size", ["700", "5000"])
def test_a_copy_reads_all_pages(ask: Ask, expected: list[FlatRow], size: str) -> None:
    block = (*DATA_FACTORY, ("Prefer", f"odata.maxpagesize={size}"))
    assert keys_of_feed(ask, f"{RESULTS}?$select=id", block) == [row["id"] for row in expected]
