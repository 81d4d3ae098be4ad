"""A key in the URL goes on in the links of that request, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from gateway.sandbox import Dataset
from tests.support.access import Header, basic, make_key
from tests.support.live import bridge
from tests.support.wire import WireAnswer, send
from tests.web.batches import JSON, MULTIPART, Request, answers_of, as_json, as_multipart

SMALL = ("Prefer", "odata.maxpagesize=700")
TEXT = ("Content-Type", "text/plain")


@dataclass(frozen=True)
class Locked:
    """A gateway with rows that takes two keys."""

    root: str
    one: str
    two: str

    def ask(
        self, target: str, *headers: Header, method: str = "GET", body: bytes = b""
    ) -> WireAnswer:
        return send(self.root, f"/odata/v4/{target}", headers, method=method, body=body)

    def follow(self, link: str, *headers: Header) -> WireAnswer:
        parts = urlsplit(link)
        return send(self.root, f"{parts.path}?{parts.query}", headers)

    def without(self, link: str) -> str:
        return link.replace(f"&apikey={self.one}", "")


@pytest.fixture(scope="module")
def locked(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    file = tmp_path_factory.mktemp("locked") / "keys.json"
    one, two = (make_key(file)[0] for _ in range(2))
    with bridge(dataset, settings={"keys_file": str(file)}) as gateway:
        headers = {basic(one)[0]: basic(one)[1]}
        gateway.feed("Results?$select=id", headers)
        yield Locked(gateway.root, one, two)


def key_in(link: str) -> str | None:
    return dict(parse_qsl(urlsplit(link).query)).get("apikey")


@pytest.mark.parametrize(
    "target", ["/?", "/explain/Results?$top=1&", "/query?table=Users&", "/requests?", "/nowhere?"]
)
def test_no_page_repeats_it(locked: Locked, target: str) -> None:
    answer = send(locked.root, f"{target}apikey={locked.one}", [("Accept", "text/html")])
    assert answer.status == (404 if "nowhere" in target else 200)
    assert b"<!doctype html>" in answer.body
    assert locked.one.encode() not in answer.body


def test_a_feed_is_read_to_its_end_and_beyond_by_a_key_in_its_url(locked: Locked) -> None:
    track = ("Prefer", "odata.track-changes, odata.maxpagesize=700")
    answer = locked.ask(f"Results?apikey={locked.one}&$select=id", track)
    rows = len(answer.json()["value"])
    while "@odata.nextLink" in answer.json():
        assert key_in(answer.json()["@odata.nextLink"]) == locked.one
        answer = locked.follow(answer.json()["@odata.nextLink"], track)
        rows += len(answer.json()["value"])
    assert rows == 2_000
    delta = answer.json()["@odata.deltaLink"]
    assert key_in(delta) == locked.one
    changes = locked.follow(delta)
    assert (changes.status, changes.json()["value"]) == (200, [])
    assert key_in(changes.json()["@odata.deltaLink"]) == locked.one


def test_pages_are_told_apart_by_the_key_in_their_links(locked: Locked) -> None:
    found = {}
    for name, query, headers in (
        ("one", f"&apikey={locked.one}", ()),
        ("two", f"&apikey={locked.two}", ()),
        ("none", "", (basic(locked.one),)),
    ):
        answer = locked.ask(f"Results?$select=id{query}", SMALL, *headers)
        etag, link = answer.header("ETag") or "", answer.json()["@odata.nextLink"]
        found[name] = etag, key_in(link)
        again = locked.ask(f"Results?$select=id{query}", SMALL, *headers, ("If-None-Match", etag))
        assert again.status == 304
    assert [key for _, key in found.values()] == [locked.one, locked.two, None]
    assert len({etag for etag, _ in found.values()}) == 3


def test_a_link_may_be_followed_by_whoever_may_ask(locked: Locked) -> None:
    link = locked.ask(f"Results?$select=id&apikey={locked.one}", SMALL).json()["@odata.nextLink"]
    other = locked.without(link)
    assert key_in(other) is None
    page = locked.follow(other, SMALL, basic(locked.two))
    assert page.status == 200
    assert locked.one not in page.text
    assert locked.follow(other, SMALL).status == 401


@pytest.mark.parametrize("carries", [True, False])
def test_the_links_of_a_long_query_keep_no_key_of_who_asked_first(
    locked: Locked, carries: bool
) -> None:
    """The query is kept on the server; the key must not be kept with it."""
    conditions = quote(" or ".join(f"id ne '{i:05}'" for i in range(1_000)), safe="'")
    url = f"Results/$query?apikey={locked.one}"
    body = f"$filter={conditions}&$select=id".encode()
    body += f"&apikey={locked.one}".encode() if carries else b""
    first = locked.ask(url, SMALL, TEXT, method="POST", body=body)
    assert first.status == 200, first.text
    link = first.json()["@odata.nextLink"]
    assert len(link) < 1_000
    assert key_in(link) == locked.one
    assert key_in(locked.follow(link, SMALL).json()["@odata.nextLink"]) == locked.one
    second = locked.follow(locked.without(link), SMALL, basic(locked.two))
    assert second.status == 200
    assert locked.one not in second.text


@pytest.mark.parametrize("body", ["apikey={two}&$top=1", "$top=1&apikey=wrong", "apikey=#{one}"])
def test_a_body_may_hold_no_other_key(locked: Locked, body: str) -> None:
    text = body.format(one=locked.one, two=locked.two).encode()
    for url, headers in (
        (f"Results/$query?apikey={locked.one}", ()),
        ("Results/$query", (basic(locked.one),)),
    ):
        answer = locked.ask(url, TEXT, *headers, method="POST", body=text)
        assert answer.status == 401
        assert answer.json()["error"]["target"] == "apikey"
        assert "sho_" not in answer.text


@pytest.mark.parametrize("form", ["multipart", "json"])
def test_a_batch_is_admitted_as_a_whole(locked: Locked, form: str) -> None:
    """A part may have the batch's own key, as a link that is followed has, and no other."""
    requests = [
        Request("Results?$top=1&$select=id"),
        Request(f"Results?$select=id&apikey={locked.one}", {"Prefer": "odata.maxpagesize=700"}),
        Request("Results?$select=id", {"Prefer": "odata.maxpagesize=700"}),
        Request(f"Results?$top=1&apikey={locked.two}"),
        Request("Results?$top=1&apikey=wrong"),
        Request("Results?$top=1", {"X-API-Key": locked.one}),
    ]
    write, kind = (as_json, JSON) if form == "json" else (as_multipart, MULTIPART)
    going_on = ("Prefer", "odata.continue-on-error")
    answer = locked.ask(
        f"$batch?apikey={locked.one}", *kind, going_on, method="POST", body=write(requests)
    )
    parts = answers_of(answer)
    assert [part.status for part in parts] == [200, 200, 200, 401, 401, 400]
    links = [part.json().get("@odata.nextLink", "") for part in parts[1:3]]
    assert [key_in(link) for link in links] == [locked.one, None]
    assert locked.two not in answer.text
    by_header = locked.ask(
        "$batch", *kind, basic(locked.one), method="POST", body=write(requests[:2])
    )
    assert [part.status for part in answers_of(by_header)] == [200, 401]


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("Results?$filter=nonsense eq 1&{}", 400),
        ("Results?{}&$filter=%zz", 400),
        ("Results?{}&$top=many&b", 400),
        ("Results?filtr=x&{}", 400),
        ("Nothing?{}", 404),
        ("Results?$skiptoken=forged&{}", 400),
        ("Results?$deltatoken=forged&{}", 400),
        ("Results?$apply=nest(identity as n)&{}", 501),
        ("$batch?$top=1&{}", 405),
    ],
)
def test_errors_do_not_repeat_the_key(locked: Locked, target: str, status: int) -> None:
    answer = locked.ask(target.format(f"apikey={locked.one}").replace(" ", "%20"))
    assert answer.status == status
    assert "sho_" not in f"{answer.headers}{answer.text}"


def test_explanations_do_not_show_the_key(locked: Locked) -> None:
    for target in (f"/explain/Results?$top=1&apikey={locked.one}", f"/status?apikey={locked.one}"):
        answer = send(locked.root, target)
        assert answer.status == 200
        assert "sho_" not in f"{answer.headers}{answer.text}"


def test_a_deltalink_that_is_too_old_leads_back_with_the_key_that_it_had(locked: Locked) -> None:
    track = ("Prefer", "odata.track-changes")
    delta = locked.ask(f"Results?$select=id&apikey={locked.one}", track).json()["@odata.deltaLink"]
    assert key_in(delta) == locked.one
    assert locked.follow(locked.without(delta), basic(locked.two)).status == 200
    assert locked.one not in locked.follow(locked.without(delta), basic(locked.two)).text
