"""Qlik: its OData connector lists and reads tables as JSON, its REST connector follows links."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.clients.conftest import Ask, keys_of_feed
from tests.clients.header_blocks import QLIK
from tests.support.flat import FlatRow
from tests.support.live import Bridge

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"


def test_its_check_of_the_response_type_passes(ask: Ask) -> None:
    for target in ("/odata/v4/", "/odata/v4/Results?$top=1"):
        answer = ask(target, QLIK)
        assert answer.status == 200
        assert answer.header("Content-Type") == "application/json;odata.metadata=minimal"


def test_each_resource_that_is_listed_is_a_table_of_the_model(ask: Ask) -> None:
    """JsonV4ListResources, then JsonV4GetData of each."""
    listed = ask("/odata/v4/", QLIK).json()["value"]
    accept_xml = (("Accept", "application/xml"),)
    model = ElementTree.fromstring(ask("/odata/v4/$metadata", accept_xml).text)
    assert [item["name"] for item in listed] == [
        node.attrib["Name"] for node in model.iter(f"{EDM}EntitySet")
    ]
    for item in listed:
        assert ask(f"/odata/v4/{item['url']}?$top=1", QLIK).json()["value"]


def test_the_next_url_is_asked_as_it_stands_in_the_answer(
    live: Bridge, expected: list[FlatRow]
) -> None:
    """No part of it is joined to the first URL, so it must be whole."""
    url: str | None = f"{live.root}Results?$select=id"
    headers = {**dict(QLIK), "Prefer": "maxpagesize=800"}
    keys: list[str] = []
    while url is not None:
        page = live.client.get(url, headers=headers).json()
        keys += [row["id"] for row in page["value"]]
        url = page.get("@odata.nextLink")
        assert url is None or url.startswith(live.root)
    assert keys == [row["id"] for row in expected]


@pytest.mark.parametrize("accept", ["application/atom+xml", "application/xml"])
def test_the_older_tables_of_xml_are_refused_and_not_sent_as_something_else(
    ask: Ask, accept: str
) -> None:
    answer = ask("/odata/v4/Results", (("Accept", accept),))
    assert answer.status == 406
    assert "application/json" in answer.json()["error"]["message"]


def test_a_reload_of_what_has_changed_filters_by_an_instant(
    ask: Ask, expected: list[FlatRow]
) -> None:
    since = expected[len(expected) // 2]["updatedAt"]
    text = since.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    found = keys_of_feed(ask, f"/odata/v4/Results?$filter=updatedAt%20ge%20{text}", QLIK)
    assert found == [row["id"] for row in expected if row["updatedAt"] >= since]
