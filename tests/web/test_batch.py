"""`$batch` on the wire, what both formats share (Protocol 11.7)."""

from __future__ import annotations

import gzip
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from urllib.parse import quote, urlsplit

import anyio.to_thread
import httpx
import pytest
from starlette.types import Receive, Scope, Send

from gateway.web.respond import ShortOrStreamed
from tests.support.live import Bridge, bridge, running
from tests.support.wire import Headers, WireAnswer, send
from tests.web.batches import (
    JSON,
    MULTIPART,
    PartAnswer,
    Request,
    answers_of,
    as_json,
    as_multipart,
)
from tests.web.conftest import Ask

Batch = Callable[..., list[PartAnswer]]
FORMATS = [(MULTIPART, as_multipart), (JSON, as_json)]
ONE = "Results?$top=1&$select=id"


@pytest.fixture(params=FORMATS, ids=["multipart", "json"])
def batch(request: pytest.FixtureRequest, ask: Ask) -> Batch:
    """Send requests as one batch; the answers in order."""
    content_type, write = request.param

    def play(requests: Sequence[Request], headers: Headers = ()) -> list[PartAnswer]:
        given = [*content_type, *headers]
        return answers_of(ask("$batch", given, method="POST", body=write(requests)))

    return play


def test_each_request_has_its_answer_in_order(ask: Ask, batch: Batch) -> None:
    urls = [ONE, "Results/$count", "$metadata", "/odata/v4/"]
    found = batch([Request(url, id=f"c{n}") for n, url in enumerate(urls)])
    assert [part.id for part in found] == ["c0", "c1", "c2", "c3"]
    for url, part in zip(urls, found, strict=True):
        alone = ask(url.removeprefix("/odata/v4/"))
        assert (part.status, part.headers["content-type"]) == (200, alone.header("Content-Type"))
        is_json = "json" in part.headers["content-type"]
        assert part.json() == alone.json() if is_json else part.body == alone.body


def test_urls_come_in_three_forms(live: Bridge, batch: Batch) -> None:
    host = urlsplit(live.root).netloc
    requests = [
        Request(live.root + ONE),
        Request(live.root.upper().replace("/ODATA/V4/", "/odata/v4/") + ONE),
        Request(f"/odata/v4/{ONE}", {"Host": host}),
        Request(f"/odata/v4/{ONE}"),
        Request(ONE),
    ]
    bodies = [part.json() for part in batch(requests)]
    assert bodies == [bodies[0]] * 5
    assert bodies[0]["@odata.context"] == f"{live.root}$metadata#Results(id)"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://elsewhere.example/odata/v4/Results", ""),
        ("/elsewhere/Results", ""),
        ("/odata/v44/Results", ""),
        ("/odata/v4/Results", "elsewhere.example"),
    ],
)
def test_urls_that_lead_elsewhere_are_refused(batch: Batch, url: str, host: str) -> None:
    (part,) = batch([Request(url, {"Host": host} if host else {})])
    assert (part.status, part.error) == (400, "InvalidValue")
    assert "outside of this service" in part.json()["error"]["message"]


@pytest.mark.parametrize(
    "url",
    [
        "https://bi.example.com/analytics/odata/v4/Results/$count",
        "https://bi.example.com:443/analytics/odata/v4/Results/$count",
        "/analytics/odata/v4/Results/$count",
        "/odata/v4/Results/$count",
        "Results/$count",
    ],
)
def test_behind_a_proxy_the_public_url_is_the_service_s(batch: Batch, url: str) -> None:
    forwarded = [
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "bi.example.com"),
        ("X-Forwarded-Prefix", "/analytics"),
    ]
    first, second = batch([Request(url), Request(ONE)], forwarded)
    assert first.status == 200
    assert second.json()["@odata.context"].startswith("https://bi.example.com/analytics/odata/v4/")


def test_headers_of_the_batch_are_those_of_its_parts_unless_they_say_otherwise(
    batch: Batch,
) -> None:
    outer = [
        ("OData-MaxVersion", "4.01"),
        ("Prefer", "maxpagesize=3, respond-async"),
        ("Accept", "multipart/mixed, application/json;metadata=none"),
    ]
    own = {"OData-MaxVersion": "4.0", "Prefer": "odata.maxpagesize=2", "Accept": "*/*"}
    heir, other = batch([Request("Results?$select=id"), Request("Results?$select=id", own)], outer)
    assert heir.headers["content-type"] == "application/json;metadata=none"
    assert heir.headers["odata-version"] == "4.01"
    assert heir.headers["preference-applied"] == "maxpagesize=3"
    assert set(heir.json()) == {"value", "@nextLink"}
    assert len(heir.json()["value"]) == 3
    assert other.headers["content-type"] == "application/json;odata.metadata=minimal"
    assert len(other.json()["value"]) == 2


def test_no_accept_is_inherited_from_a_batch_that_wants_multipart(batch: Batch) -> None:
    (part,) = batch([Request(ONE)], [("Accept", "multipart/mixed")])
    assert part.status == 200


@pytest.mark.parametrize("name", ["Authorization", "Expect", "Range", "Cookie", "TE"])
def test_what_belongs_to_the_batch_cannot_stand_in_a_part(batch: Batch, name: str) -> None:
    (part,) = batch([Request(ONE, {name: "Basic eDp5"})])
    assert (part.status, part.error) == (400, "InvalidValue")


def test_a_batch_holds_no_batch(batch: Batch) -> None:
    inner = {"Content-Type": "application/json"}
    (part,) = batch([Request("%24batch/", inner, "POST", "{}")])
    assert part.status == 400
    assert "cannot contain a batch" in part.json()["error"]["message"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_written_in_a_batch(batch: Batch, method: str) -> None:
    (part,) = batch([Request("Results", method=method)])
    assert (part.status, part.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_head_in_a_batch_has_no_body(batch: Batch) -> None:
    (part,) = batch([Request(ONE, method="HEAD")])
    assert (part.status, part.body) == (200, b"")


def test_a_url_in_a_batch_may_be_longer_than_any_other(ask: Ask, batch: Batch) -> None:
    """Power Query sends what is too long for a URL as a batch of one."""
    names = (f"userName%20eq%20'nobody%20{i:05}'" for i in range(3_500))
    filter_ = "%20or%20".join(["state%20eq%20'FAILED'", *names])
    assert len(filter_) > 131_072
    (part,) = batch([Request(f"Results/$count?$filter={filter_}")])
    assert part.body == ask("Results/$count?$filter=state%20eq%20'FAILED'").body
    (part,) = batch([Request(f"Results/$count?$filter={'%20' * 131_072}x")])
    assert part.status == 414


def test_a_null_and_a_body_that_is_known_have_no_body(batch: Batch, live: Bridge, ask: Ask) -> None:
    key = live.get("Results?$filter=expiryDate%20eq%20null&$top=1").json()["value"][0]["id"]
    tag = ask("Results?$select=id").header("ETag") or ""
    requests = [
        Request(f"Results('{quote(key)}')/expiryDate"),
        Request("Results?$select=id", {"If-None-Match": tag}),
    ]
    found = batch(requests, [("Prefer", "continue-on-error")])
    assert [(part.status, part.body) for part in found] == [(204, b""), (304, b"")]


def test_a_large_answer_that_is_kept_compressed_comes_unpacked(ask: Ask, batch: Batch) -> None:
    alone = ask("Results?$orderby=userName").json()
    for _ in range(2):
        (part,) = batch([Request("Results?$orderby=userName", {"Accept-Encoding": "gzip"})])
        assert "content-encoding" not in part.headers
        assert part.json() == alone


@pytest.mark.parametrize(("content_type", "write"), FORMATS)
def test_the_whole_answer_is_compressed_for_who_takes_it(
    ask: Ask, content_type: Headers, write: Callable[[Sequence[Request]], bytes]
) -> None:
    body = write([Request("Results"), Request("Results/$count")])
    packed = ask("$batch", [*content_type, ("Accept-Encoding", "gzip")], method="POST", body=body)
    assert packed.header("Content-Encoding") == "gzip"
    unpacked = WireAnswer(packed.status, packed.headers, gzip.decompress(packed.body))
    assert len(packed.body) < len(unpacked.body) / 4
    plain = answers_of(ask("$batch", content_type, method="POST", body=body))
    assert [part.body for part in answers_of(unpacked)] == [part.body for part in plain]


# --- length ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("content_type", "write"), FORMATS)
@pytest.mark.parametrize("coding", [(), (("Accept-Encoding", "gzip"),)], ids=["plain", "gzip"])
def test_a_short_answer_has_a_length_and_a_long_one_is_streamed(
    ask: Ask,
    content_type: Headers,
    write: Callable[[Sequence[Request]], bytes],
    coding: Headers,
) -> None:
    short, long = ([Request(ONE)] * 2, [Request("Results")] * 8)
    given = [*content_type, *coding]
    answer = ask("$batch", given, method="POST", body=write(short))
    assert answer.header("Content-Length") == str(len(answer.body))
    assert answer.header("Transfer-Encoding") is None
    answer = ask("$batch", given, method="POST", body=write(long))
    assert len(answer.body) > 65_536
    assert answer.header("Content-Length") is None
    assert answer.header("Transfer-Encoding") == "chunked"


def test_an_answer_that_takes_its_time_is_sent_as_it_is_made() -> None:
    """The second chunk is made when the client has read the first."""
    read = threading.Event()

    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"
        await anyio.to_thread.run_sync(read.wait, 20)
        yield b"two"

    class Impatient(ShortOrStreamed):
        held_seconds = 0.0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await Impatient(chunks(), {})(scope, receive, send)

    with running(app) as base, httpx.stream("GET", base, timeout=10) as answer:
        parts = answer.iter_raw()
        assert next(parts) == b"one"
        read.set()
        assert [*parts] == [b"two"]


# --- formats --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "accept", "newer", "answered"),
    [
        (MULTIPART, None, True, "multipart/mixed"),
        (JSON, None, False, "application/json"),
        (MULTIPART, "*/*", True, "multipart/mixed"),
        (JSON, "*/*", False, "application/json"),
        (MULTIPART, "application/json", True, "application/json"),
        (MULTIPART, "application/json", False, "multipart/mixed"),
        (MULTIPART, "application/json;odata.metadata=none", False, "multipart/mixed"),
        (MULTIPART, "application/json, multipart/mixed;q=0.9", False, "multipart/mixed"),
        (MULTIPART, "application/json, multipart/mixed;q=0", False, "application/json"),
        (JSON, "multipart/mixed", False, "multipart/mixed"),
        (MULTIPART, "application/json, multipart/mixed", True, "multipart/mixed"),
        (MULTIPART, "application/json, multipart/mixed;q=0.9", True, "application/json"),
        (JSON, "application/json;odata.metadata=none", False, "application/json"),
    ],
)
@pytest.mark.parametrize("said", [True, False])
def test_accept_chooses_the_format_of_the_answer(
    ask: Ask,
    sent: list[tuple[str, str]],
    accept: str | None,
    newer: bool,
    answered: str,
    said: bool,
) -> None:
    """Clients of 4.0, whether they say so or not, read multipart where they sent multipart."""
    write = as_multipart if sent is MULTIPART else as_json
    headers = [*sent, *([("Accept", accept)] if accept else [])]
    if newer or said:
        headers.append(("OData-MaxVersion", "4.01" if newer else "4.0"))
    body = write([Request("Results/$count", id="a")])
    answer = ask("$batch", headers, method="POST", body=body)
    assert (answer.header("Content-Type") or "").startswith(answered)
    (part,) = answers_of(answer)
    assert (part.status, part.id, part.body) == (200, "a", ask("Results/$count").body)


# --- refusals of the whole ------------------------------------------------------------------------

CLOSED = as_multipart([Request(ONE)])
REFUSED = [
    ([], b"x", 415, "UnsupportedMediaType"),
    ([("Content-Type", "text/plain")], b"x", 415, "UnsupportedMediaType"),
    ([("Content-Type", "multipart/mixed")], CLOSED, 400, "InvalidValue"),
    (MULTIPART, b"", 400, "InvalidSyntax"),
    (MULTIPART, b"--other--", 400, "InvalidSyntax"),
    (MULTIPART, CLOSED[: CLOSED.rindex(b"--batch") + 10], 400, "InvalidSyntax"),
    (MULTIPART, as_multipart([Request("x")] * 1_001), 400, "LimitExceeded"),
    (JSON, b"", 400, "InvalidSyntax"),
    (JSON, b"[]", 400, "InvalidSyntax"),
    (JSON, b'{"requests":', 400, "InvalidSyntax"),
    (JSON, b'{"requests":[{"id":"1","method":"get"}]}', 400, "InvalidSyntax"),
    (JSON, b'{"requests":[{"id":"1","method":"get","url":"x","x":' + b"[" * 9_999, 400,
     "InvalidSyntax"),
    (JSON, as_json([Request("x")] * 1_001), 400, "LimitExceeded"),
    (JSON, b" " * 4_194_305, 413, "ContentTooLarge"),
    ([*JSON, ("Content-Encoding", "gzip")], gzip.compress(b"{}"), 415, "UnsupportedMediaType"),
    ([*JSON, ("If-Match", "*")], b"{}", 400, "InvalidValue"),
    ([*JSON, ("If-None-Match", "*")], b"{}", 400, "InvalidValue"),
    ([*JSON, ("OData-MaxVersion", "3.0")], b"{}", 400, "UnsupportedVersion"),
    ([*JSON, ("Isolation", "other")], b"{}", 412, "PreconditionFailed"),
    ([*JSON, ("Accept", "application/xml")], b"{}", 406, "NotAcceptable"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    REFUSED,
    ids=[f"{number} {code}" for number, (_, _, _, code) in enumerate(REFUSED)],
)
def test_a_batch_that_cannot_be_read_is_refused_as_a_whole(
    ask: Ask, headers: list[tuple[str, str]], body: bytes, status: int, code: str
) -> None:
    answer = ask("$batch", headers, method="POST", body=body)
    assert (answer.status, answer.json()["error"]["code"]) == (status, code)


def test_options_stand_inside(ask: Ask) -> None:
    answer = ask("$batch?$top=1", JSON, method="POST", body=as_json([]))
    assert answer.json()["error"]["code"] == "OptionNotAllowed"
    assert ask("$batch?code=x", JSON, method="POST", body=as_json([])).status == 200


def test_an_empty_batch_has_an_empty_answer(ask: Ask) -> None:
    assert answers_of(ask("$batch", JSON, method="POST", body=as_json([]))) == []


def test_the_key_that_opens_the_batch_opens_its_parts(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    key_file = tmp_path_factory.mktemp("key") / "key"
    key_file.write_text("sesame", "utf-8")
    with bridge([], settings={"access_key_file": str(key_file)}) as locked:
        body = as_json([Request("Results/$count")])
        refused = send(locked.root, "/odata/v4/$batch", JSON, method="POST", body=body)
        assert refused.status == 401
        headers = [*JSON, ("Authorization", "Basic eDpzZXNhbWU=")]
        answer = send(locked.root, "/odata/v4/$batch", headers, method="POST", body=body)
        assert [part.body for part in answers_of(answer)] == [b"0"]


# --- ids and URLs of parts ------------------------------------------------------------------------


def test_each_answer_in_json_has_an_id_of_its_own(ask: Ask) -> None:
    """Also where multipart was sent without Content-ID; given ids are kept."""
    requests = [Request(ONE), Request(ONE, id="1"), Request("nosuch"), Request(ONE, id="x")]
    headers = [
        *MULTIPART,
        ("Accept", "application/json"),
        ("OData-MaxVersion", "4.01"),
        ("Prefer", "continue-on-error"),
    ]
    answer = ask("$batch", headers, method="POST", body=as_multipart(requests))
    ids = [item["id"] for item in answer.json()["responses"]]
    assert (ids[1], ids[3]) == ("1", "x")
    assert len(set(ids)) == 4
    assert all(ids)


NAMED = (
    "Results?$select=id&$top=2&$filter=userName ne 'Zoë Müller' or contains(contentName,'日本 語')"
)


@pytest.mark.parametrize(
    "url",
    [
        NAMED,
        NAMED.replace(" ", "%20"),
        NAMED.replace("ë", "%C3%AB").replace("日", "%E6%97%A5"),
        NAMED.replace(" ", "\t"),
        f"/odata/v4/{NAMED}",
        f"  {NAMED} ",
        "Results?$top=1&$filter=contentName ne 'a HTTP/1.1' and contentName ne 'b'",
        "Results?$apply=filter(state eq 'FAILED') / groupby ( (state) )",
        "Users('Jürgen von X')/name",
    ],
)
def test_urls_of_parts_may_be_written_as_people_read_them(ask: Ask, batch: Batch, url: str) -> None:
    alone = ask(quote(url.strip().removeprefix("/odata/v4/"), safe="$=&,()?/%'"))
    (part,) = batch([Request(url)])
    assert part.status == alone.status in (200, 404)
    assert part.json() == alone.json()


def test_a_url_with_control_characters_is_refused_by_its_part(batch: Batch) -> None:
    bad, good = batch([Request("Results\x01"), Request(ONE)], [("Prefer", "continue-on-error")])
    assert (bad.status, bad.error, good.status) == (400, "InvalidSyntax", 200)
