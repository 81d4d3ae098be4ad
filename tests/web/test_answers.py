"""What every answer must look like: bodies and headers that BI clients were seen to fail on."""

from __future__ import annotations

import gzip
import json
from itertools import pairwise
from urllib.parse import urlsplit

import pytest

from tests.support.flat import COLUMNS, FlatRow, with_instants
from tests.support.live import Bridge
from tests.support.wire import connected, send
from tests.web.conftest import Ask

SUCCESSES = ("", "$metadata", "Results", "Results?$top=0", "Results/$count")
FAILURES = ("NoSuch", "Results?$foo=1", "Results?$apply=identity", "Results?$format=atom")


# --- bodies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "fragment"),
    [
        ("", ""),
        ("Results", "#Results"),
        ("Results?$top=0", "#Results"),
        ("Results?$select=id,progress&$top=1", "#Results(id,progress)"),
        ("Results?$select=progress,id,progress&$top=1", "#Results(progress,id)"),
        ("Results('{key}')", "#Results/$entity"),
        ("Results('{key}')?$select=progress", "#Results(progress)/$entity"),
        ("Results?$filter=state%20eq%20'FAILED'&$orderby=id&$count=true&$top=1", "#Results"),
    ],
)
def test_the_context_is_absolute_and_names_what_is_there(
    live: Bridge, ask: Ask, expected_key: str, target: str, fragment: str
) -> None:
    body = ask(target.format(key=expected_key)).json()
    assert next(iter(body)) == "@odata.context"
    assert body["@odata.context"] == f"{live.root}$metadata{fragment}"


@pytest.mark.parametrize(
    "target",
    [
        "Results?$top=0",
        "Results?$skip=100000",
        "Results?$filter=userName%20eq%20'nobody%20at%20all'",
        "Results?$filter=state%20eq%20'FAILED'%20and%20state%20eq%20'EXPIRED'",
        "Results?$filter=updatedAt%20gt%202999-01-01T00:00:00Z&$top=5",
    ],
)
def test_an_empty_answer_still_has_its_value(ask: Ask, target: str) -> None:
    body = ask(target).json()
    assert list(body) == ["@odata.context", "value"]
    assert body["value"] == []


def test_an_empty_answer_is_counted_when_asked(ask: Ask) -> None:
    body = ask("Results?$filter=userName%20eq%20'nobody%20at%20all'&$count=true").json()
    assert (body["@odata.count"], body["value"]) == (0, [])


def test_every_column_stands_in_every_row_in_the_order_of_the_model(
    ask: Ask, expected_rows: list[FlatRow]
) -> None:
    rows = ask("Results").json()["value"]
    assert all(tuple(row) == COLUMNS for row in rows)
    assert with_instants(rows) == expected_rows


def test_chosen_columns_come_in_the_order_of_the_choice(ask: Ask) -> None:
    rows = ask("Results?$select=state,id,region").json()["value"]
    assert all(list(row) == ["state", "id", "region"] for row in rows)


def test_a_row_that_does_not_exist_is_404(ask: Ask) -> None:
    answer = ask("Results('no_such_key')")
    assert answer.status == 404
    assert answer.json()["error"]["message"]


def test_every_key_opens_its_row(live: Bridge, ask: Ask, expected_rows: list[FlatRow]) -> None:
    """Keys with quotes, slashes, percent signs and letters of other alphabets among them."""
    awkward = [row["id"] for row in expected_rows if not row["id"].replace("-", "").isalnum()]
    odd = [key for key in awkward if not key.replace("-", "").replace("_", "").isalnum()]
    assert len(odd) > 20
    rows = ask("Results?$select=progress").json()["value"]
    links = [row["@odata.id"].removeprefix(live.root) for row in rows]
    keys = [row["id"] for row in expected_rows]
    assert len(set(links)) == len(keys)
    for key, link in zip(keys, links, strict=True):
        if key in odd[:40]:
            assert ask(link).json()["id"] == key


# --- next links -----------------------------------------------------------------------------------


def test_next_links_are_absolute_and_keep_the_question(live: Bridge, ask: Ask) -> None:
    target = "Results?$filter=state%20eq%20'APPROVED'&$orderby=id%20desc&$select=id&$count=true"
    first = ask(target, [("Prefer", "maxpagesize=50")]).json()
    link = first["@odata.nextLink"]
    assert link.startswith(f"{live.root}Results?")
    assert " " not in link
    second = send(live.root, link.removeprefix(live.root.removesuffix("/odata/v4/"))).json()
    keys = [row["id"] for page in (first, second) for row in page["value"]]
    assert list(second["value"][0]) == ["id"]
    assert all(left > right for left, right in pairwise(keys))
    assert len(keys) == first["@odata.count"]


def test_custom_options_return_in_the_link(ask: Ask) -> None:
    """A key that stands in the URL must come back with the next page."""
    link = ask("Results?code=a%26b%2Bc&$select=id", [("Prefer", "maxpagesize=50")]).json()
    assert "code=a%26b%2Bc" in urlsplit(link["@odata.nextLink"]).query


@pytest.mark.parametrize(("top", "pages"), [(10, [4, 4, 2]), (8, [4, 4]), (4, [4]), (3, [3])])
def test_a_client_s_top_is_served_in_pages_and_ends_without_a_link(
    live: Bridge, expected_rows: list[FlatRow], top: int, pages: list[int]
) -> None:
    url: str | None = f"{live.root}Results?$top={top}&$skip=2&$select=id"
    sizes, keys = [], []
    while url is not None:
        page = live.client.get(url, headers={"Prefer": "maxpagesize=4"}).json()
        sizes.append(len(page["value"]))
        keys += [row["id"] for row in page["value"]]
        url = page.get("@odata.nextLink")
    assert sizes == pages
    assert keys == [row["id"] for row in expected_rows[2 : 2 + top]]


def test_the_page_size_may_change_on_the_way(live: Bridge, expected_rows: list[FlatRow]) -> None:
    first = live.client.get(f"{live.root}Results?$select=id", headers={"Prefer": "maxpagesize=5"})
    second = live.client.get(first.json()["@odata.nextLink"], headers={"Prefer": "maxpagesize=7"})
    keys = [row["id"] for answer in (first, second) for row in answer.json()["value"]]
    assert keys == [row["id"] for row in expected_rows[:12]]


def test_a_feed_that_fills_its_last_page_ends_there(ask: Ask) -> None:
    assert "@odata.nextLink" not in ask("Results", [("Prefer", "maxpagesize=2000")]).json()
    assert "@odata.nextLink" in ask("Results", [("Prefer", "maxpagesize=1999")]).json()


# --- headers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [*SUCCESSES, *FAILURES])
def test_each_header_comes_once_and_caches_are_told_what_varies(ask: Ask, target: str) -> None:
    answer = ask(target)
    for name in ("OData-Version", "Content-Type", "Content-Length", "Vary", "Cache-Control"):
        assert len(answer.every(name)) == 1, name
    varies = {name.strip().lower() for name in (answer.header("Vary") or "").split(",")}
    assert varies >= {"accept", "accept-encoding", "odata-maxversion", "prefer"}
    assert "public" not in (answer.header("Cache-Control") or "")


@pytest.mark.parametrize("target", [*SUCCESSES, *FAILURES])
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_head_has_the_headers_of_get_and_no_body(ask: Ask, target: str, encoding: str) -> None:
    headers = [("Accept-Encoding", encoding)]
    get, head = (ask(target, headers, method=method) for method in ("GET", "HEAD"))
    assert head.body == b""
    assert head.status == get.status
    assert _of_the_answer(head.headers) == _of_the_answer(get.headers)


def _of_the_answer(headers: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    """The others tell one request from another."""
    each = ("date", "x-request-id", "server-timing")
    return [(name, value) for name, value in headers if name.lower() not in each]


@pytest.mark.parametrize("target", ["", "$metadata", "Results", "Results/$count", "NoSuch"])
def test_options_tells_the_methods_without_a_body(ask: Ask, target: str) -> None:
    answer = ask(target, method="OPTIONS")
    assert (answer.status, answer.body) == (204, b"")
    assert answer.header("Allow") == "GET, HEAD, OPTIONS"
    assert answer.header("Content-Length") is None


# --- compression ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("deflate, gzip;q=0.5", True),
        ("*", True),
        ("*;q=0, gzip", True),
        ("gzip;q=0, *", False),
        ("gzip;q=0", False),
        ("gzip;q=0.0", False),
        ("identity", False),
        ("br, deflate", False),
        ("", False),
    ],
)
def test_answers_are_gzipped_only_for_who_takes_it(ask: Ask, accepted: str, packed: bool) -> None:
    plain = ask("Results?$top=20")
    answer = ask("Results?$top=20", [("Accept-Encoding", accepted)])
    assert (answer.header("Content-Encoding") == "gzip") is packed
    assert answer.header("Content-Length") == str(len(answer.body))
    assert (gzip.decompress(answer.body) if packed else answer.body) == plain.body


def test_large_and_small_answers_alike(ask: Ask) -> None:
    """The large one is packed in a thread, the smallest not at all."""
    headers = [("Accept-Encoding", "gzip")]
    whole = ask("Results", headers)
    assert gzip.decompress(whole.body) == ask("Results").body
    assert len(whole.body) < 500_000
    assert ask("Results?$top=0", headers).header("Content-Encoding") is None


# --- connections ----------------------------------------------------------------------------------


def test_one_connection_carries_many_requests(live: Bridge, expected_rows: list[FlatRow]) -> None:
    """Errors, refused bodies, HEAD and 204 in between leave it usable."""
    with connected(live.root) as wire:
        for _ in range(20):
            assert wire.send("/odata/v4/Results?$top=1&$select=id").status == 200
        assert wire.send("/odata/v4/NoSuch").status == 404
        assert wire.send("/odata/v4/Results", method="POST", body=b"{}" * 5_000).status == 405
        assert wire.send("/odata/v4/Results", method="HEAD").status == 200
        assert wire.send("/odata/v4/Results", method="OPTIONS").status == 204
        last = wire.send("/odata/v4/Results?$top=1&$select=id", [("Accept-Encoding", "gzip")])
    assert json.loads(last.body)["value"] == [{"id": expected_rows[0]["id"]}]


def test_a_client_may_ask_to_close(live: Bridge) -> None:
    with connected(live.root) as wire:
        answer = wire.send("/odata/v4/", [("Connection", "close")])
    assert (answer.header("Connection") or "").lower() == "close"


def test_a_long_choice_of_columns_is_served_and_a_longer_url_refused(ask: Ask) -> None:
    """I14: 7 KiB pass; beyond 16 KiB the status says why, and is not 401."""
    names = ",".join(COLUMNS)
    long = ask(f"Results?$top=1&$select={names}&padding={'x' * 7_000}")
    assert long.status == 200
    assert ask(f"Results?$top=1&padding={'x' * 16_000}").status == 200
    for size in (16_400, 60_000):
        refused = ask(f"Results?$top=1&padding={'x' * size}")
        assert refused.status == 414
        assert refused.json()["error"]["code"] == "UriTooLong"
