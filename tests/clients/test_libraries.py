"""Standard client libraries: what one or another was seen to break on, and how they spell."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest

from tests.clients.conftest import Ask
from tests.clients.header_blocks import ANGULAR, OPEN_UI5
from tests.support.flat import FlatRow
from tests.support.live import Bridge
from tests.support.wire import send
from tests.web.batches import MULTIPART, Request, answers_of, as_multipart

RESULTS = "/odata/v4/Results"
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z")


def test_openui5_gets_version_40_in_every_place(ask: Ask) -> None:
    for target in ("/odata/v4/", "/odata/v4/$metadata", f"{RESULTS}?$top=1", f"{RESULTS}/$count"):
        assert ask(target, OPEN_UI5).every("OData-Version") == ["4.0"]
    page = ask(f"{RESULTS}?$top=1&$count=true", OPEN_UI5)
    assert page.json()["@odata.count"] == "2000"
    assert "IEEE754Compatible=true" in (page.header("Content-Type") or "")
    root = ElementTree.fromstring(ask("/odata/v4/$metadata", OPEN_UI5).text)
    assert root.attrib["Version"] == "4.0"


def test_metadata_is_plain_for_readers_by_name(ask: Ask) -> None:
    """SAP Cloud SDK, odata2ts, Breeze, odatajs: default namespace, full names, application/xml."""
    answer = ask("/odata/v4/$metadata", OPEN_UI5)
    assert answer.header("Content-Type") == "application/xml"
    assert "<Schema xmlns=" in answer.text
    assert "Alias=" not in answer.text
    assert "EnumType" not in answer.text


@pytest.mark.parametrize("block", [OPEN_UI5, ANGULAR], ids=["OpenUI5", "Angular"])
def test_a_count_is_a_bare_number(ask: Ask, block: tuple[tuple[str, str], ...]) -> None:
    answer = ask(f"{RESULTS}/$count?$orderby=id", block)
    assert answer.header("Content-Type") == "text/plain"
    assert answer.body == b"2000"


def test_links_and_contexts_are_absolute(live: Bridge, ask: Ask) -> None:
    page = ask(f"{RESULTS}?$select=id", (*ANGULAR, ("Prefer", "maxpagesize=5"))).json()
    assert page["@odata.context"].startswith(live.root)
    assert page["@odata.nextLink"].startswith(live.root)


@pytest.mark.parametrize("block", [OPEN_UI5, ANGULAR], ids=["OpenUI5", "Angular"])
def test_control_information_of_version_40_has_its_prefix(
    ask: Ask, block: tuple[tuple[str, str], ...]
) -> None:
    """Without it all libraries break; without a context odata2ts, odatajs and converters."""
    for target in ("/odata/v4/", f"{RESULTS}?$count=true&$top=3&$select=state"):
        body = ask(target, (*block, ("Prefer", "maxpagesize=2"))).json()
        members = {*body, *(name for row in body["value"] for name in row)}
        control = {name for name in members if "@" in name}
        assert "@odata.context" in control
        assert all("@odata." in name for name in control)


def test_the_number_of_rows_is_a_number_unless_a_text_is_asked_for(ask: Ask) -> None:
    """python-odata, o.js and SAP's Python client count with it; UI5 asks for no rows with it."""
    target = f"{RESULTS}?$count=true&$top=0"
    assert ask(target, ANGULAR).json()["@odata.count"] == 2000
    assert ask(target, OPEN_UI5).json()["@odata.count"] == "2000"


def test_openui5_batches_with_an_epilogue_and_reads_lines_that_end_in_crlf(
    live: Bridge, ask: Ask
) -> None:
    """Its URLs are relative, SAP Cloud SDK's absolute; both come through."""
    urls = ["Results?$top=1&$select=id", f"{live.root}Results/$count"]
    headers = [line for line in OPEN_UI5 if line[0] != "Content-Type"]
    headers = [(n, "multipart/mixed" if n == "Accept" else v) for n, v in headers] + MULTIPART
    body = as_multipart([Request(url, {"Accept": OPEN_UI5[0][1]}) for url in urls])
    answer = send(live.root, "/odata/v4/$batch", headers, method="POST", body=body)
    rows, number = answers_of(answer)
    assert len(rows.json()["value"]) == 1
    assert number.body == b"2000"
    assert b"\n" not in answer.body.replace(b"\r\n", b"")


def test_an_entity_is_read_by_a_named_key(ask: Ask, expected: list[FlatRow]) -> None:
    key = expected[3]["id"]
    assert ask(f"/odata/v4/Results(id='{key}')", OPEN_UI5).json()["id"] == key


def test_instants_have_few_digits_and_a_z(ask: Ask) -> None:
    for row in ask(f"{RESULTS}?$select=updatedAt,expiryDate&$top=200", ANGULAR).json()["value"]:
        for name in ("updatedAt", "expiryDate"):
            assert row[name] is None or INSTANT.fullmatch(row[name])


@pytest.mark.parametrize(
    "options",
    [
        "$filter=startsWith(id,'usr')+and+state+eq+'FAILED'",
        "%24filter=state%20eq%20'FAILED'",
        "$format=json&$filter=state eq 'FAILED'",
        "$filter=state eq 'FAILED' and updatedAt gt 2001-01-01T00:00:00%2B00:00",
    ],
)
def test_their_spellings_are_understood(ask: Ask, expected: list[FlatRow], options: str) -> None:
    page = ask(f"{RESULTS}/?{options.replace(' ', '%20')}", ANGULAR).json()
    assert [r["id"] for r in page["value"]] == [r["id"] for r in expected if r["state"] == "FAILED"]


def test_a_head_request_for_a_token_is_answered(live: Bridge) -> None:
    answer = send(live.root, "/odata/v4/", OPEN_UI5, method="HEAD")
    assert (answer.status, answer.body) == (200, b"")


def test_converters_can_read_the_model_as_json(ask: Ask) -> None:
    answer = ask("/odata/v4/$metadata?$format=json", ANGULAR)
    assert json.loads(answer.text)["$EntityContainer"] == "Skillhabit.Analytics"
