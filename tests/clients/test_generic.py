"""Clients without a file of their own: what any of them may send."""

from __future__ import annotations

import gzip

import pytest

from tests.clients.conftest import Ask
from tests.clients.header_blocks import SALESFORCE, SCRIPT, Block
from tests.support.flat import FlatRow, with_instants
from tests.support.live import Bridge
from tests.support.wire import connected, send

RESULTS = "/odata/v4/Results"


def test_i9_a_client_pages_by_skip_and_top_through_a_stable_order(
    ask: Ask, expected: list[FlatRow]
) -> None:
    pages = [ask(f"{RESULTS}?$skip={skip}&$top=10", SALESFORCE).json() for skip in (0, 10, 20)]
    rows = [row for page in pages for row in page["value"]]
    assert with_instants(rows) == expected[:30]
    assert all("@odata.nextLink" not in page for page in pages)


def test_i9_the_last_page_is_short_and_the_one_behind_it_empty(
    ask: Ask, expected: list[FlatRow]
) -> None:
    last = ask(f"{RESULTS}?$skip={len(expected) - 3}&$top=10", SALESFORCE).json()["value"]
    behind = ask(f"{RESULTS}?$skip={len(expected)}&$top=10", SALESFORCE).json()["value"]
    assert [row["id"] for row in last] == [row["id"] for row in expected[-3:]]
    assert behind == []


def test_i10_the_number_of_rows_is_plain_digits_without_a_byte_order_mark(
    ask: Ask, expected: list[FlatRow]
) -> None:
    answer = ask(f"{RESULTS}/$count", SCRIPT)
    assert answer.header("Content-Type") == "text/plain"
    assert answer.body == str(len(expected)).encode()


@pytest.mark.parametrize(
    ("encoded", "column", "value"),
    [
        ("state%20eq%20%27FAILED%27", "state", "FAILED"),
        ("userName%20eq%20%27%27%27%27", "userName", "'"),
        ("state%20eq%20%27NO_SUCH_STATE%27", "state", "NO_SUCH_STATE"),
    ],
)
def test_i10_the_number_of_matching_rows(
    ask: Ask, expected: list[FlatRow], encoded: str, column: str, value: str
) -> None:
    answer = ask(f"{RESULTS}/$count?$filter={encoded}", SCRIPT)
    assert answer.body == str(sum(row[column] == value for row in expected)).encode()


def test_v22_the_count_is_that_of_the_filter_and_not_of_the_page(
    ask: Ask, expected: list[FlatRow]
) -> None:
    page = ask(f"{RESULTS}?$select=id&$count=true&$top=26", SALESFORCE).json()
    assert list(page) == ["@odata.context", "@odata.count", "value"]
    assert page["@odata.count"] == len(expected)
    assert len(page["value"]) == 26


def test_a_count_without_rows(ask: Ask, expected: list[FlatRow]) -> None:
    page = ask(f"{RESULTS}?$count=true&$top=0", SALESFORCE).json()
    assert (page["@odata.count"], page["value"]) == (len(expected), [])


def test_i19_an_unknown_system_option_is_refused_by_name(ask: Ask) -> None:
    answer = ask(f"{RESULTS}?$foo=1", SALESFORCE)
    assert answer.status == 400
    assert answer.json()["error"]["target"] == "$foo"


def test_v12_i19_a_custom_option_is_ignored(ask: Ask) -> None:
    """Proxies and keys add their own."""
    plain = ask(f"{RESULTS}?$top=3", SALESFORCE)
    keyed = ask(f"{RESULTS}?foo=1&subscription-key=abc&$top=3", SALESFORCE)
    assert keyed.status == 200
    assert keyed.body == plain.body


@pytest.mark.parametrize(
    "block",
    [SCRIPT, (("Accept", "*/*"),), (("Accept", ""),)],
    ids=["none", "any", "empty"],
)
@pytest.mark.parametrize("target", ["/odata/v4/", f"{RESULTS}?$top=1"])
def test_i22_who_asks_for_no_format_gets_json_of_version_40(
    ask: Ask, target: str, block: Block
) -> None:
    answer = ask(target, block)
    assert answer.status == 200
    assert answer.header("Content-Type") == "application/json;odata.metadata=minimal"
    assert answer.header("OData-Version") == "4.0"


def test_i22_a_browser_gets_rows_as_json(ask: Ask) -> None:
    """At the service root it gets a page: see tests/pages."""
    answer = ask(f"{RESULTS}?$top=1", (("Accept", "text/html, */*;q=0.1"),))
    assert answer.status == 200
    assert answer.header("Content-Type") == "application/json;odata.metadata=minimal"


@pytest.mark.parametrize("target", ["/odata/v4/?$format=json", f"{RESULTS}?$format=json&$top=1"])
def test_i23_the_format_option_beats_accept(ask: Ask, target: str) -> None:
    answer = ask(target, (("Accept", "application/xml"),))
    assert answer.status == 200
    assert answer.header("Content-Type") == "application/json;odata.metadata=minimal"


@pytest.mark.parametrize("target", ["/odata/v4", "/odata/v4/"])
def test_i24_head_and_options_on_the_root(live: Bridge, target: str) -> None:
    head, options = (send(live.root, target, method=method) for method in ("HEAD", "OPTIONS"))
    assert (head.status, head.body) == (200, b"")
    assert options.status == 204
    assert options.header("Allow") == "GET, HEAD, OPTIONS"


def test_i25_gzip_when_it_is_accepted(live: Bridge) -> None:
    """The length is that of what is sent, so that the next answer on the connection is found."""
    with connected(live.root) as wire:
        packed = wire.send(f"{RESULTS}?$top=50", (("Accept-Encoding", "gzip, deflate"),))
        plain = wire.send(f"{RESULTS}?$top=50")
    assert packed.header("Content-Encoding") == "gzip"
    assert packed.header("Content-Length") == str(len(packed.body))
    assert gzip.decompress(packed.body) == plain.body
    assert plain.header("Content-Encoding") is None
    assert plain.header("Content-Length") == str(len(plain.body))


def test_v25_metadata_for_a_client_of_version_40(ask: Ask) -> None:
    answer = ask("/odata/v4/$metadata", (("OData-MaxVersion", "4.0"),))
    assert answer.every("OData-Version") == ["4.0"]
    assert answer.header("Content-Type") == "application/xml"
    assert 'Version="4.0"' in answer.text.replace("'", '"').partition("<Schema")[0] + answer.text
    assert "4.01" not in answer.text.partition("Schema")[0]


@pytest.mark.parametrize("column", ["expiryDate", "userEmail"])
def test_v26_the_literal_may_come_first(ask: Ask, column: str) -> None:
    first = ask(f"{RESULTS}?$filter=null%20eq%20{column}&$select=id", SCRIPT)
    last = ask(f"{RESULTS}?$filter={column}%20eq%20null&$select=id", SCRIPT)
    assert first.status == 200
    assert first.json()["value"] == last.json()["value"] != []


def test_v26_the_instant_may_come_first(ask: Ask, expected: list[FlatRow]) -> None:
    at = expected[10]["updatedAt"].isoformat(timespec="milliseconds").replace("+00:00", "Z")
    page = ask(f"{RESULTS}?$filter={at}%20lt%20updatedAt&$select=id", SCRIPT).json()
    assert [row["id"] for row in page["value"]] == [
        row["id"] for row in expected if row["updatedAt"] > expected[10]["updatedAt"]
    ]


@pytest.mark.parametrize("target", ["/odata/v4", "/odata/v4/"])
def test_v27_the_root_answers_with_and_without_its_slash(
    live: Bridge, ask: Ask, target: str
) -> None:
    answer = ask(target, SCRIPT)
    assert answer.status == 200
    assert answer.json()["@odata.context"] == f"{live.root}$metadata"


@pytest.mark.parametrize(
    "target",
    [
        f"{RESULTS}/?$filter=(state%20eq%20%27FAILED%27%20)&$select=id",
        f"{RESULTS}?$filter=state+eq+%27FAILED%27&$select=id",
        f"{RESULTS}?%24filter=state%20eq%20'FAILED'&%24select=id",
        f"{RESULTS}?filter=state%20eq%20'FAILED'&select=id",
        f"{RESULTS}?$filter=%20state%20%20eq%20'FAILED'&$select=%20id%20",
        f"{RESULTS}?$select=id&$filter='FAILED'%20eq%20state&",
    ],
    ids=["slash and blank", "plus", "encoded dollar", "no dollar", "blanks", "trailing &"],
)
def test_spellings_of_one_question_have_one_answer(
    ask: Ask, expected: list[FlatRow], target: str
) -> None:
    answer = ask(target, SALESFORCE)
    assert answer.status == 200, answer.text
    failed = [row["id"] for row in expected if row["state"] == "FAILED"]
    assert [row["id"] for row in answer.json()["value"]] == failed


@pytest.mark.parametrize("spelling", ["Results('{}')", "Results(id='{}')", "Results(%27{}%27)"])
def test_one_row_by_its_key(live: Bridge, ask: Ask, expected: list[FlatRow], spelling: str) -> None:
    row = expected[7]
    answer = ask(f"/odata/v4/{spelling.format(row['id'])}", SCRIPT)
    assert answer.status == 200, answer.text
    body = answer.json()
    assert body.pop("@odata.context") == f"{live.root}$metadata#Results/$entity"
    assert with_instants([body]) == [row]
