"""Dataverse's virtual tables: pages by $skip and $top, few types, a key in the query if need be.

The key of a table must be a Guid, which `ResultRows` has.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from gateway.contract.loader import built_in_contract
from gateway.sandbox import generate
from tests.clients.conftest import Ask
from tests.clients.header_blocks import DATAVERSE
from tests.support.flat import FlatRow, with_instants
from tests.support.live import bridge
from tests.support.wire import WireAnswer

RESULTS = "/odata/v4/Results"
ROWS = "/odata/v4/ResultRows"
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


def test_a_table_of_rows_has_one_guid_for_a_key(ask: Ask) -> None:
    model = ElementTree.fromstring(
        ask("/odata/v4/$metadata", (("Accept", "application/xml"),)).text
    )
    [entity] = [n for n in model.iter(f"{EDM}EntityType") if n.attrib["Name"] == "ResultRow"]
    properties = {node.attrib["Name"]: node.attrib for node in entity.iter(f"{EDM}Property")}
    [key] = [node.attrib["Name"] for node in entity.iter(f"{EDM}PropertyRef")]
    assert (properties[key]["Type"], properties[key]["Nullable"]) == ("Edm.Guid", "false")


def rows_of(answer: WireAnswer) -> list[FlatRow]:
    assert answer.status == 200, answer.text
    return list(answer.json()["value"])


def test_a_form_opens_one_row_by_its_key(ask: Ask, expected: list[FlatRow]) -> None:
    [row] = rows_of(ask(f"{ROWS}?$filter=id%20eq%20'{expected[0]['id']}'", DATAVERSE))
    opened = ask(f"{ROWS}({row['rowId']})", DATAVERSE).json()
    assert opened.pop("@odata.context").endswith("$metadata#ResultRows/$entity")
    assert opened == row
    [plain] = with_instants([opened])
    assert {name: plain[name] for name in expected[0]} == expected[0]


@pytest.mark.parametrize("form", ["{}", "guid'{}'"])
def test_rows_are_looked_up_by_their_key_in_a_filter(ask: Ask, form: str) -> None:
    keys = [row["rowId"] for row in rows_of(ask(f"{ROWS}?$select=rowId&$top=3", DATAVERSE))]
    either = "%20or%20".join(f"rowId%20eq%20{form.format(key)}" for key in keys)
    found = rows_of(ask(f"{ROWS}?$select=rowId&$filter={either}", DATAVERSE))
    assert [row["rowId"] for row in found] == keys


def test_a_key_that_is_nobodys_is_not_found_and_no_guid_is_refused(ask: Ask) -> None:
    assert ask(f"{ROWS}(00000000-0000-0000-0000-000000000000)", DATAVERSE).status == 404
    refused = ask(f"{ROWS}('usr-1')", DATAVERSE)
    assert (refused.status, refused.json()["error"]["target"]) == (400, "ResultRows")


def test_a_contract_file_may_leave_out_what_tables_do_not_need(tmp_path: Path) -> None:
    """Then nothing is made of the results at all."""
    text, path = built_in_contract(), tmp_path / "contract.toml"
    start = text.index('    { name = "partitionDay"')
    path.write_text(text[:start] + text[text.index("]", text.index("partitionDigest", start)) :])
    with bridge(generate(50), settings={"contract": str(path)}) as gateway:
        rows = gateway.feed("ResultRows")
        assert [row["id"] for row in rows] == [row["id"] for row in gateway.feed("Results")]
        assert list(rows[0])[:2] == ["rowId", "id"]
        opened = gateway.get(f"ResultRows({rows[7]['rowId']})").json()
        assert opened["id"] == rows[7]["id"]
