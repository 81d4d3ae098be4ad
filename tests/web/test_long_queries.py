"""Feeds of queries that no URL can hold: every page is reached, by links that anyone follows."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from gateway.errors import FeedGone
from gateway.service.long_queries import LongQueries
from tests.support.flat import FlatRow
from tests.support.live import Bridge
from tests.support.wire import Headers, WireAnswer, send
from tests.web.batches import MULTIPART, Request, answers_of, as_multipart
from tests.web.conftest import Ask

TEXT = [("Content-Type", "text/plain")]


@pytest.fixture(scope="session")
def long_query(expected_rows: list[FlatRow]) -> str:
    """All rows of the first thousand by their keys, and a proxy's own option."""
    keys = (row["id"].replace("'", "''") for row in expected_rows[:1_000])
    condition = quote(" or ".join(f"id eq '{key}'" for key in keys), safe="'")
    return f"$filter={condition}&$select=id&code=a%26b&@x='y'"


def _pages(live: Bridge, first: WireAnswer, headers: Headers = ()) -> Iterator[list[str]]:
    body = first.json()
    while True:
        yield [row["id"] for row in body["value"]]
        if "@odata.nextLink" not in body:
            return
        link = body["@odata.nextLink"]
        assert len(link) < 1_000
        assert "code=a%26b" in link
        target = link.removeprefix(live.root.removesuffix("/odata/v4/"))
        body = send(live.root, target, headers).json()


def test_a_posted_query_is_paged_to_its_end(
    live: Bridge, ask: Ask, long_query: str, expected_rows: list[FlatRow]
) -> None:
    assert len(long_query) > 16_384
    headers = [*TEXT, ("Prefer", "maxpagesize=400")]
    first = ask("Results/$query", headers, method="POST", body=long_query.encode())
    found = list(_pages(live, first, [("Prefer", "maxpagesize=400")]))
    assert [len(page) for page in found] == [400, 400, 200]
    assert [key for page in found for key in page] == [row["id"] for row in expected_rows[:1_000]]


def test_a_long_url_in_a_batch_is_paged_by_get(
    live: Bridge, ask: Ask, long_query: str, expected_rows: list[FlatRow]
) -> None:
    request = Request(f"Results/$filter(true)?{long_query}&$top=900", {"Prefer": "maxpagesize=500"})
    (part,) = answers_of(ask("$batch", MULTIPART, method="POST", body=as_multipart([request])))
    link = part.json()["@odata.nextLink"]
    assert link.startswith(f"{live.root}Results/$filter(true)?")
    rest = live.client.get(link).json()
    assert [row["id"] for row in rest["value"]] == [row["id"] for row in expected_rows[500:900]]
    assert "@odata.nextLink" not in rest


def test_a_short_query_keeps_its_own_text_in_its_links(ask: Ask) -> None:
    link = ask("Results?$select=id&$top=5", [("Prefer", "maxpagesize=2")]).json()["@odata.nextLink"]
    assert "$select=id&$top=5" in link


@pytest.mark.parametrize(
    ("token", "status"), [("~nosuch.token", 410), ("~", 410), ("nosuch.token", 400)]
)
def test_a_link_to_a_query_that_is_not_kept_is_gone(ask: Ask, token: str, status: int) -> None:
    answer = ask(f"Results?$skiptoken={token}")
    assert answer.status == status
    assert answer.json()["error"]["target"] == "$skiptoken"


def test_a_link_cannot_be_turned_to_another_position_or_path(
    live: Bridge, ask: Ask, long_query: str
) -> None:
    headers = [*TEXT, ("Prefer", "maxpagesize=10")]
    first = ask("Results/$query", headers, method="POST", body=long_query.encode())
    link = first.json()["@odata.nextLink"]
    for changed in (f"{link}x", link.replace("Results?", "Results/$filter(true)?")):
        assert live.client.get(changed).json()["error"]["code"] == "InvalidSkipToken"


def test_the_memory_is_bounded_and_forgets_the_oldest() -> None:
    memory = LongQueries(100)
    tokens = [memory.keep((("$filter", f"{letter * 40}"),), "t") for letter in "abc"]
    with pytest.raises(FeedGone):
        memory.recall(tokens[0])
    assert memory.recall(tokens[2]) == b"$filter=" + b"c" * 40 + b"&$skiptoken=t"
    assert memory.recall("t") is None


def test_a_query_may_be_laid_out_on_several_lines(ask: Ask) -> None:
    """As the sample pages of Azure DevOps' feed for Power BI do, and as people paste it."""
    plain = "$apply=filter(state eq 'FAILED')/groupby((state),aggregate($count as n))&$top=5"
    expected = ask(quote(f"Results?{plain}", safe="$=&,()?/")).json()
    for text in (
        "$apply=filter(state eq 'FAILED') /groupby( (state), aggregate( $count as n ) )&$top=5",
        "$apply=filter(state eq 'FAILED') / groupby ( (state) , aggregate ($count as n) )"
        " & $top= 5 ",
        "\r\n$apply=filter (\r\n\tstate eq 'FAILED'\r\n)\r\n/groupby(\r\n\t(state),\r\n"
        "\taggregate($count\r\n as\tn)\r\n)\r\n&\r\n$top=5\r\n&\r\n",
    ):
        url = ask(quote(f"Results?{text}", safe="$=&,()?/"))
        posted = ask("Results/$query", TEXT, method="POST", body=text.encode())
        for answer in (url, posted):
            assert answer.status == 200, answer.text
            assert answer.json()["value"] == expected["value"]
