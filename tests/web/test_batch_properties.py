"""`$batch` against all comers: the same answers as alone, and no bytes that break it."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, note
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.live import Bridge
from tests.support.wire import Headers, WireAnswer, connected
from tests.web.batches import (
    BOUNDARY,
    JSON,
    MULTIPART,
    PartAnswer,
    Request,
    answers_of,
    as_json,
    as_multipart,
)

TARGETS = (
    "Results?$top=2&$select=id,userName",
    "Results?$orderby=userName&$count=true",
    "Results?$filter=state%20eq%20'FAILED'&$orderby=id",
    "Results/$filter(@f)?@f=progress%20gt%2050&$select=id",
    "Results/$count",
    "Results/$ref?$top=3",
    "Results('{key}')",
    "Results('{key}')/userName",
    "Results('{key}')/userName/$value",
    "Results('{key}')/expiryDate",
    "Results('{key}')/groupIds/$count",
    "$entity?$id=Results('{key}')",
    "$metadata",
    "NoSuch",
    "Results('nope')",
    "Results?$filter=",
    "Results?$filter=geo.length(x)%20gt%201",
    "Results?$format=atom",
    "Results/$query",
)
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"Accept": "application/json;odata.metadata=none"},
    {"Accept": "application/json;metadata=full", "OData-MaxVersion": "4.01"},
    {"Accept": "application/xml"},
    {"Prefer": "odata.maxpagesize=3"},
    {"OData-MaxVersion": "3.0"},
    {"If-Match": '"of yesterday"'},
    {"Isolation": "none"},
)
METHODS = ("GET", "GET", "GET", "POST", "DELETE", "OPTIONS")
SAME = ("content-type", "odata-version", "allow", "etag", "preference-applied", "vary")

forms = st.sampled_from(("{root}{target}", "/odata/v4/{target}", "{target}"))
requests = st.builds(Request, st.sampled_from(TARGETS), st.sampled_from(HEADERS),
                     st.sampled_from(METHODS))  # fmt: skip
quietly = examples(80, repeatable=True, suppress=[HealthCheck.function_scoped_fixture])


def _alone(live: Bridge, request: Request) -> WireAnswer:
    with connected(live.root) as wire:
        headers = [*request.headers.items()]
        return wire.send(f"/odata/v4/{request.url}", headers, method=request.method)


def _sent(live: Bridge, headers: Headers, body: bytes) -> WireAnswer:
    with connected(live.root) as wire:
        return wire.send("/odata/v4/$batch", headers, method="POST", body=body)


@pytest.mark.parametrize("written", ["multipart", "json"])
@quietly
@given(asked=st.lists(st.tuples(requests, forms), min_size=1, max_size=5))
def test_a_request_in_a_batch_is_answered_as_if_it_were_sent_alone(
    live: Bridge, expected_key: str, written: str, asked: Sequence[tuple[Request, str]]
) -> None:
    """Bodies byte for byte (multipart), the headers that speak of them, and the status."""
    plain = [
        Request(request.url.format(key=expected_key), request.headers, request.method)
        for request, _ in asked
    ]
    inside = [
        Request(form.format(root=live.root, target=request.url), request.headers, request.method)
        for request, (_, form) in zip(plain, asked, strict=True)
    ]
    note(str(inside))
    write, headers = (as_multipart, MULTIPART) if written == "multipart" else (as_json, JSON)
    given_headers = [*headers, ("Prefer", "continue-on-error")]
    answers = answers_of(_sent(live, given_headers, write(inside)))
    for request, part in zip(plain, answers, strict=True):
        _is_same(part, _alone(live, request), exactly=written == "multipart")


def _is_same(part: PartAnswer, alone: WireAnswer, *, exactly: bool) -> None:
    assert part.status == alone.status
    for name in SAME:
        assert part.headers.get(name) == alone.header(name), name
    if exactly or not alone.body.startswith(b"{"):
        assert part.body == alone.body
    else:
        assert part.json() == alone.json()


# --- any bytes ------------------------------------------------------------------------------------

GOOD = (
    as_multipart([Request("Results/$count", id="1"), Request("Results('x')/state")]),
    as_json([Request("Results/$count"), Request("Results('x')/state", {"accept": "*/*"})]),
)
# fmt: off
PIECES = (
    b"--" + BOUNDARY.encode(), b"--", b"\r\n", b"\n", b"\r", b" ", b":", b"GET ", b" HTTP/1.1",
    b"Content-Type: application/http", b"Content-Type: multipart/mixed; boundary=", b"\0",
    b'{"requests":[', b'"id":', b'"1"', b"[", b"{", b"]}", b",", b'"url":', b"null", b"\xff",
    b'"headers":{"', b'"dependsOn":["1"]', b'"atomicityGroup":"g"', b"$1/", b"%", b"'", b"(",
)
# fmt: on
pieces = st.sampled_from(PIECES)
splices = st.tuples(st.integers(0, 400), st.integers(0, 12), st.lists(pieces, max_size=4))


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A batch that was right, with pieces cut out and others put in."""
    body = draw(st.sampled_from(GOOD))
    for place, length, inserted in draw(st.lists(splices, min_size=1, max_size=4)):
        body = body[:place] + b"".join(inserted) + body[place + length :]
    return body


bodies = st.one_of(st.binary(max_size=300), st.lists(pieces, max_size=30).map(b"".join), spoilt())
types = st.one_of(
    st.sampled_from((MULTIPART[0][1], JSON[0][1])),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20).map(
        lambda text: f"multipart/mixed; boundary={text}"
    ),
)


@examples(400, repeatable=True, suppress=[HealthCheck.function_scoped_fixture])
@given(content_type=types, body=bodies)
def test_whatever_comes_is_answered_or_refused(
    live: Bridge, content_type: str, body: bytes
) -> None:
    """Never a 500, neither of the whole nor of a part; and the answer can be read."""
    answer = _sent(live, [("Content-Type", content_type)], body)
    if answer.status != 200:
        assert answer.status in (400, 413, 415)
        assert answer.json()["error"]["message"]
        return
    for part in answers_of(answer):
        assert part.status < 500 or part.status == 501


def test_the_host_of_a_batch_may_be_written_badly(live: Bridge) -> None:
    headers = [*JSON, ("Host", "[x"), ("X-Forwarded-Host", urlsplit(live.root).netloc)]
    answer = _sent(live, headers, as_json([Request(f"{live.root}Results/$count")]))
    assert answer.status in (200, 400)
