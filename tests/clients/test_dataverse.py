"""Dataverse's virtual tables: pages by $skip and $top, few types, a key in the query if need be."""

from __future__ import annotations

from xml.etree import ElementTree

from tests.clients.conftest import Ask
from tests.clients.header_blocks import DATAVERSE
from tests.support.flat import FlatRow

RESULTS = "/odata/v4/Results"
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
UNSUPPORTED = {"Binary", "TimeOfDay", "Single", "Int16", "Byte", "SByte"}


def test_a_view_is_paged_by_skip_and_top_without_a_count(ask: Ask, expected: list[FlatRow]) -> None:
    options = "$select=id,userName,state&$orderby=userName%20asc,id&$count=false"
    rows = []
    for skip in range(0, 150, 50):
        page = ask(f"{RESULTS}?{options}&$top=50&$skip={skip}", DATAVERSE).json()
        assert list(page) == ["@odata.context", "value"]
        rows += page["value"]
    ordered = sorted(expected, key=lambda row: (row["userName"] or "", row["id"]))
    named = [row for row in ordered if row["userName"] is not None]
    nameless = [row for row in ordered if row["userName"] is None]
    assert [row["id"] for row in rows] == [row["id"] for row in [*nameless, *named]][:150]


def test_the_model_has_no_type_that_it_does_not_map(ask: Ask) -> None:
    model = ElementTree.fromstring(
        ask("/odata/v4/$metadata", (("Accept", "application/xml"),)).text
    )
    types = {node.attrib["Type"].removeprefix("Edm.") for node in model.iter(f"{EDM}Property")}
    assert types & UNSUPPORTED == set()


def test_parameters_of_the_query_that_carry_a_key_are_let_through(ask: Ask) -> None:
    plain = ask(f"{RESULTS}?$top=5&$select=id", DATAVERSE)
    keyed = ask(f"{RESULTS}?$top=5&$select=id&x-functions-key=abc&tenant=7", DATAVERSE)
    assert (keyed.status, keyed.body) == (200, plain.body)
