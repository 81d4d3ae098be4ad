"""What lies below an entity set, on the wire: properties, references, `$entity`, `/$query`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.flat import COLUMNS, FlatRow
from tests.support.live import Bridge
from tests.support.wire import WireAnswer, connected
from tests.web.conftest import Ask

TEXT = [("Content-Type", "text/plain")]


@pytest.fixture(scope="session")
def samples(live: Bridge, expected_rows: list[FlatRow]) -> list[dict[str, Any]]:
    """Rows as the feed shows them, with and without a null, plain keys and awkward ones."""
    rows = live.feed("Results")
    awkward = [row for row in rows if not row["id"].replace("-", "").isalnum()][:3]
    whole = [row for row in rows if all(row[name] is not None for name in COLUMNS)][:1]
    return [*rows[:2], *awkward, *whole]


def _entity(row: dict[str, Any]) -> str:
    return "Results('" + quote(row["id"].replace("'", "''"), safe="") + "')"


# --- properties -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COLUMNS)
def test_a_property_has_the_value_that_stands_in_the_row(
    live: Bridge, samples: list[dict[str, Any]], name: str
) -> None:
    with connected(live.root) as wire:
        for row in samples:
            answer = wire.send(f"/odata/v4/{_entity(row)}/{name}")
            if row[name] is None:
                _has_no_content(answer)
                continue
            key = row["id"].replace("'", "''")
            context = f"{live.root}$metadata#Results('{key}')/{name}"
            assert list(answer.json().items()) == [
                ("@odata.context", context),
                ("value", row[name]),
            ]


def _has_no_content(answer: WireAnswer) -> None:
    assert (answer.status, answer.body) == (204, b"")
    assert answer.every("OData-Version") == ["4.0"]
    assert answer.header("Content-Type") is None


@pytest.mark.parametrize("name", [name for name in COLUMNS if name != "groupIds"])
def test_bare_text_is_the_json_value_without_quotes(
    live: Bridge, samples: list[dict[str, Any]], name: str
) -> None:
    with connected(live.root) as wire:
        for row in samples:
            answer = wire.send(f"/odata/v4/{_entity(row)}/{name}/$value")
            if row[name] is None:
                _has_no_content(answer)
                continue
            wanted = row[name] if isinstance(row[name], str) else json.dumps(row[name])
            assert answer.text == wanted
            assert answer.header("Content-Type") == "text/plain;charset=utf-8"


def test_all_metadata_tells_the_type_of_a_value(ask: Ask, expected_key: str) -> None:
    headers = [("Accept", "application/json;metadata=full"), ("OData-MaxVersion", "4.01")]
    body = ask(f"Results('{expected_key}')/updatedAt", headers).json()
    assert list(body) == ["@context", "value@type", "value"]
    assert body["value@type"] == "DateTimeOffset"


def test_no_metadata_leaves_the_value(ask: Ask, expected_rows: list[FlatRow]) -> None:
    headers = [("Accept", "application/json;odata.metadata=none")]
    row = expected_rows[0]
    assert ask(f"{_entity(row)}/state", headers).json() == {"value": row["state"]}


def test_elements_can_be_counted_and_cut(ask: Ask, expected_rows: list[FlatRow]) -> None:
    row = next(row for row in expected_rows if len(row["groupIds"]) > 2)
    path, groups = f"{_entity(row)}/groupIds", row["groupIds"]
    number = ask(f"{path}/$count")
    assert (number.text, number.header("Content-Type")) == (str(len(groups)), "text/plain")
    assert ask(path).json()["value"] == groups
    cut = ask(f"{path}?$skip=1&$top=1&$count=true").json()
    assert (cut["@odata.count"], cut["value"]) == (len(groups), groups[1:2])
    assert ask(f"{path}?$top=0").json()["value"] == []
    assert ask(f"{path}?$skip=99").json()["value"] == []


# --- references and $entity -----------------------------------------------------------------------


def _links(live: Bridge, rows: list[FlatRow]) -> Iterator[str]:
    return (live.root + _entity(row) for row in rows)


def test_references_of_the_set_come_in_pages_that_never_leave_it(
    live: Bridge, ask: Ask, expected_rows: list[FlatRow]
) -> None:
    first = ask("Results/$ref?$count=true", [("Prefer", "maxpagesize=700")]).json()
    assert first["@odata.context"] == f"{live.root}$metadata#Collection($ref)"
    assert first["@odata.count"] == len(expected_rows)
    assert first["@odata.nextLink"].startswith(f"{live.root}Results/$ref?")
    rows = live.feed("Results/$ref", {"Prefer": "maxpagesize=700"})
    assert rows == [{"@odata.id": link} for link in _links(live, expected_rows)]


def test_references_can_be_filtered_and_sorted(
    live: Bridge, ask: Ask, expected_rows: list[FlatRow]
) -> None:
    wanted = sorted((r for r in expected_rows if r["state"] == "FAILED"), key=lambda r: r["id"])
    found = ask("Results/$ref?$filter=state%20eq%20'FAILED'&$orderby=id&$top=5").json()["value"]
    assert [row["@odata.id"] for row in found] == list(_links(live, wanted[:5]))


@pytest.mark.parametrize("level", ["none", "minimal", "full"])
def test_a_reference_is_its_id_at_every_level(
    live: Bridge, ask: Ask, expected_key: str, level: str
) -> None:
    accept = [("Accept", f"application/json;odata.metadata={level}")]
    body = ask(f"Results('{expected_key}')/$ref", accept).json()
    assert body.pop("@odata.context", None) in (None, f"{live.root}$metadata#$ref")
    assert body == {"@odata.id": f"{live.root}Results('{expected_key}')"}


def test_every_reference_leads_back_to_its_entity(
    live: Bridge, ask: Ask, samples: list[dict[str, Any]]
) -> None:
    for row in samples:
        link = ask(f"{_entity(row)}/$ref").json()["@odata.id"]
        answer = ask(f"$entity?$id={quote(link)}").json()
        assert answer.pop("@odata.context") == f"{live.root}$metadata#Results/$entity"
        assert answer == row


# --- $filter in the path --------------------------------------------------------------------------


def test_a_condition_in_the_path_filters_rows_counts_and_pages(
    live: Bridge, ask: Ask, expected_rows: list[FlatRow]
) -> None:
    path, query = "Results/$filter(@f)", "@f=state%20eq%20'FAILED'"
    wanted = [row["id"] for row in expected_rows if row["state"] == "FAILED"]
    assert ask(f"{path}/$count?{query}").text == str(len(wanted))
    first = ask(f"{path}?{query}&$select=id", [("Prefer", "maxpagesize=50")]).json()
    assert first["@odata.context"] == f"{live.root}$metadata#Results(id)"
    assert first["@odata.nextLink"].startswith(f"{live.root}Results/$filter(@f)?")
    rows = live.feed(f"{path}?{query}&$select=id", {"Prefer": "maxpagesize=50"})
    assert [row["id"] for row in rows] == wanted


# --- /$query --------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", [0, 1, 2])
def test_a_query_in_the_body_is_merged_with_that_of_the_url(ask: Ask, split: int) -> None:
    options = ["$filter=contentName%20ne%20'a%2Bb'", "$orderby=id", "$top=3&$select=id,state"]
    url, body = "&".join(options[:split]), "&".join(options[split:])
    path = "Results/$query" + (f"?{url}" if url else "")
    answer = ask(path, TEXT, method="POST", body=f"{body}\r\n".encode())
    assert answer.status == 200
    assert answer.body == ask("Results?" + "&".join(options)).body


@pytest.mark.parametrize("target", ["Results/$count", "Results/$ref", "Results/$filter(true)"])
def test_a_query_in_the_body_may_be_about_any_resource(ask: Ask, target: str) -> None:
    query = "$filter=state%20eq%20'FAILED'"
    answer = ask(f"{target}/%24query", TEXT, method="POST", body=query.encode())
    assert answer.body == ask(f"{target}?{query}").body


def test_pages_of_a_posted_query_are_followed_by_get(live: Bridge, ask: Ask) -> None:
    headers = [*TEXT, ("Prefer", "maxpagesize=2")]
    page = ask("Results/$query", headers, method="POST", body=b"$top=4&$select=id").json()
    link = page["@odata.nextLink"]
    assert link.startswith(f"{live.root}Results?")
    assert len(live.client.get(link).json()["value"]) == 2


def test_a_query_too_long_for_a_url_goes_into_the_body(ask: Ask) -> None:
    terms = "%20or%20".join(f"userName%20eq%20'nobody%20{i}'" for i in range(2_000))
    query = f"$filter=state%20eq%20'FAILED'%20or%20{terms}"
    assert len(query) > 65_536
    answer = ask("Results/$count/$query", TEXT, method="POST", body=query.encode())
    assert answer.text == ask("Results/$count?$filter=state%20eq%20'FAILED'").text


NO_QUERIES: list[tuple[list[tuple[str, str]], bytes, int, str]] = [
    ([], b"$top=1", 415, "UnsupportedMediaType"),
    ([("Content-Type", "application/json")], b"{}", 415, "UnsupportedMediaType"),
    ([*TEXT, ("Content-Encoding", "gzip")], b"x", 415, "UnsupportedMediaType"),
    (TEXT, b"$top=1&top=2", 400, "InvalidSyntax"),
    (TEXT, b"$filter=%zz", 400, "InvalidSyntax"),
    (TEXT, b"$skip=1&\xff=2", 400, "InvalidSyntax"),
    (TEXT, b"$filter=" + b"x" * 393_216, 413, "ContentTooLarge"),
    (TEXT, b"$filter=" + b"x" * 131_073, 400, "InvalidSyntax"),
]


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    NO_QUERIES,
    ids=[f"{number} {code}" for number, (_, _, _, code) in enumerate(NO_QUERIES)],
)
def test_a_body_that_is_no_query_is_refused(
    ask: Ask, headers: list[tuple[str, str]], body: bytes, status: int, code: str
) -> None:
    answer = ask("Results/$query", headers, method="POST", body=body)
    assert (answer.status, answer.json()["error"]["code"]) == (status, code)


def test_a_body_without_a_length_is_cut_off_at_the_limit(live: Bridge) -> None:
    chunks = (b"x" * 65_536 for _ in range(8))
    url, headers = f"{live.root}Results/$query", dict(TEXT)
    answer = live.client.post(url, content=chunks, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "ContentTooLarge")


# --- methods --------------------------------------------------------------------------------------

READ, POSTED = "GET, HEAD, OPTIONS", "POST, OPTIONS"
ALLOWED = [
    ("", READ),
    ("$metadata", READ),
    ("Results", READ),
    ("Results/$count", READ),
    ("Results/$ref", READ),
    ("Results('x')/state/$value", READ),
    ("Results/$query", POSTED),
    ("$batch", POSTED),
]


@pytest.mark.parametrize(("target", "allow"), ALLOWED)
def test_each_resource_tells_what_may_be_sent(ask: Ask, target: str, allow: str) -> None:
    answer = ask(target, method="OPTIONS")
    assert (answer.status, answer.header("Allow"), answer.body) == (204, allow, b"")
    for method in ("PUT", "PATCH", "DELETE", "POST" if allow == READ else "GET"):
        refused = ask(target, TEXT, method=method, body=b"" if method == "GET" else b"x")
        assert (refused.status, refused.header("Allow")) == (405, allow)


@pytest.mark.parametrize(
    "below", ["", "/state", "/state/$value", "/groupIds/$count", "/$ref", "/expiryDate", "/nosuch"]
)
def test_head_has_the_headers_of_get_and_no_body(ask: Ask, expected_key: str, below: str) -> None:
    target = f"Results('{expected_key}'){below}"
    got, head = ask(target), ask(target, method="HEAD")
    assert head.body == b""
    assert head.status == got.status
    for name in ("Content-Type", "Content-Length", "OData-Version"):
        assert head.every(name) == got.every(name)


# --- If-Match -------------------------------------------------------------------------------------


def test_a_read_may_ask_for_a_version_of_the_data(ask: Ask) -> None:
    tag = ask("Results?$select=id").header("ETag")
    assert tag is not None
    for wanted in (tag, tag.removeprefix("W/"), "*", f'"other", {tag}'):
        assert ask("Results?$select=id", [("If-Match", wanted)]).status == 200
    assert ask("Results('no_such')", [("If-Match", "*")]).status == 404


@pytest.mark.parametrize("target", ["Results?$select=id", "$metadata", "Results/$count"])
def test_a_version_that_is_no_longer_there_is_412(ask: Ask, target: str) -> None:
    answer = ask(target, [("If-Match", 'W/"of yesterday"')])
    assert (answer.status, answer.json()["error"]["code"]) == (412, "PreconditionFailed")
