"""`$batch` as multipart/mixed (Protocol 11.7.7): order, errors, change sets, and odd writing."""

from __future__ import annotations

import re

import pytest

from tests.web.batches import BOUNDARY, MULTIPART, PartAnswer, Request, answers_of, as_multipart
from tests.web.conftest import Ask

ONE, BAD = Request("Results/$count"), Request("NoSuch", id="bad")


def _sent(ask: Ask, body: bytes, *headers: tuple[str, str]) -> list[PartAnswer]:
    return answers_of(ask("$batch", [*MULTIPART, *headers], method="POST", body=body))


def _http(text: str, fields: str = "Content-Type: application/http") -> bytes:
    """One part with exactly this text in it."""
    return f"--{BOUNDARY}\r\n{fields}\r\n\r\n{text}\r\n--{BOUNDARY}--".encode("latin-1")


@pytest.mark.parametrize(
    ("prefer", "statuses", "applied"),
    [
        ("", [200, 404], None),
        ("continue-on-error=false", [200, 404], "odata.continue-on-error=false"),
        ("odata.continue-on-error", [200, 404, 200], "odata.continue-on-error=true"),
        ("continue-on-error=true", [200, 404, 200], "odata.continue-on-error=true"),
    ],
)
def test_the_first_error_ends_a_batch_unless_it_is_to_go_on(
    ask: Ask, prefer: str, statuses: list[int], applied: str | None
) -> None:
    headers = [*MULTIPART, *([("Prefer", prefer)] if prefer else [])]
    answer = ask("$batch", headers, method="POST", body=as_multipart([ONE, BAD, ONE]))
    assert [part.status for part in answers_of(answer)] == statuses
    assert answer.header("Preference-Applied") == applied


CHANGE_SET = f"""--{BOUNDARY}
Content-Type: multipart/mixed; boundary=changeset_77

--changeset_77
Content-Type: application/http
Content-ID: first

POST Results HTTP/1.1
Content-Type: application/json

{{"id":"x"}}
--changeset_77
Content-Type: application/http
Content-ID: second

DELETE $first HTTP/1.1

--changeset_77--
--{BOUNDARY}
Content-Type: application/http

GET Results/$count HTTP/1.1


--{BOUNDARY}--"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_change_set_has_one_answer_which_is_an_error(ask: Ask, newline: str) -> None:
    body = CHANGE_SET.replace("\n", newline).encode()
    refused, counted = _sent(ask, body, ("Prefer", "continue-on-error"))
    assert (refused.status, refused.error, refused.id) == (405, "MethodNotAllowed", "first")
    assert refused.headers["allow"] == "GET, HEAD, OPTIONS"
    assert counted.status == 200
    assert len(_sent(ask, body)) == 1


def test_a_change_set_answered_in_json_is_a_group(ask: Ask) -> None:
    headers = [*MULTIPART, ("Accept", "application/json"), ("OData-MaxVersion", "4.01")]
    body = CHANGE_SET.replace("\n", "\r\n").encode()
    (only,) = ask("$batch", headers, method="POST", body=body).json()["responses"]
    assert (only["status"], only["id"], only["atomicityGroup"]) == (405, "first", "changeset1")


def test_lines_of_the_answer_end_in_crlf(ask: Ask) -> None:
    answer = ask("$batch", MULTIPART, method="POST", body=as_multipart([ONE, ONE]))
    assert b"\n" not in answer.body.replace(b"\r\n", b"")
    boundary = re.search("boundary=(.*)", answer.header("Content-Type") or "")
    assert boundary is not None
    assert answer.body.endswith(f"\r\n--{boundary[1]}--\r\n".encode())


@pytest.mark.parametrize(
    "text",
    [
        "GET Results/$count HTTP/1.1\r\n\r\n",
        "GET Results/$count HTTP/1.1\r\n",
        "GET Results/$count HTTP/1.1",
        "GET Results/$count HTTP/1.0\r\nAccept: */*",
        "GET Results/$count HTTP/2\r\n\r\n\r\n",
        "GET Results/$count\r\nHost: {host}\r\n\r\n",
        "\r\nGET Results/$count HTTP/1.1\r\nAccept: text/plain,\r\n  */*\r\n\r\n",
        "GET Results/$count HTTP/1.1\nAccept: */*\n\n",
        "GET  Results/$count  HTTP/1.1 \r\nAccept:\r\nAccept:*/*\r\n\r\nbody of a GET",
    ],
)
def test_a_request_is_read_as_clients_write_it(ask: Ask, live_host: str, text: str) -> None:
    (part,) = _sent(ask, _http(text.replace("{host}", live_host)))
    assert (part.status, part.body) == (200, ask("Results/$count").body)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ("content-type:application/http;msgtype=request\r\nContent-Transfer-Encoding: Binary", 200),
        ("Content-Type: application/http\r\nX-Other: a\r\nContent-Transfer-Encoding: 8bit", 200),
        ("Content-Type: application/http\r\nContent-Transfer-Encoding: base64", 415),
        ("Content-Type: text/plain", 415),
        ("X-Other: a", 415),
        ("no header at all", 400),
        ("Content Type: application/http", 400),
        ("Content-Type: multipart/mixed", 400),
        ("Content-Type: multipart/mixed; boundary=never", 400),
    ],
)
def test_the_head_of_a_part_says_what_it_is(ask: Ask, fields: str, status: int) -> None:
    (part,) = _sent(ask, _http("GET Results/$count HTTP/1.1\r\n\r\n", fields))
    assert part.status == status


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Results",
        "GET",
        "GET HTTP/1.1",
        "GET Results\x00 HTTP/1.1",
        "GET Results?$filter=userName%20eq%20'\xe9' HTTP/1.1",
        "GET Results HTTP/1.1\r\nno header\r\n\r\n",
        "GET Results HTTP/1.1\r\nAccept: \x00\r\n\r\n",
        "GET Results HTTP/1.1\r\nAccept: a\rb\r\n\r\n",
        "GET Results HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_a_part_that_is_no_request_is_an_error_of_its_own(ask: Ask, text: str) -> None:
    body = _http(text).removesuffix(b"--") + as_multipart([ONE]).removeprefix(
        f"to be ignored\r\n--{BOUNDARY}".encode()
    )
    wrong, right = _sent(ask, body, ("Prefer", "continue-on-error"))
    assert wrong.status == 400
    assert right.status == 200


def test_an_id_inside_the_request_is_echoed_too(ask: Ask) -> None:
    (part,) = _sent(ask, _http("GET Results/$count HTTP/1.1\r\nContent-ID: i7\r\n\r\n"))
    assert (part.id, part.status) == ("i7", 200)


def test_a_quoted_boundary_may_hold_what_patterns_use(ask: Ask) -> None:
    boundary = "a+b (c).*?=/x"
    headers = [("Content-Type", f'multipart/mixed; charset=utf-8; boundary="{boundary}"')]
    body = as_multipart([ONE, ONE], boundary)
    answer = ask("$batch", headers, method="POST", body=body)
    assert [part.status for part in answers_of(answer)] == [200, 200]


def test_a_longer_boundary_inside_a_part_divides_nothing(ask: Ask) -> None:
    query = {"Content-Type": "text/plain"}
    text = f"$select=id&x=1\r\n--{BOUNDARY}y&$top=1"
    (part,) = _sent(ask, as_multipart([Request("Results/$query", query, "POST", text)]))
    assert len(part.json()["value"]) == 1


def test_a_query_in_a_body_works_inside_a_batch(ask: Ask) -> None:
    query = {"Content-Type": "text/plain", "Content-Length": "20"}
    request = Request("Results/$query?$select=id", query, "POST", "$top=2&$orderby=id")
    (part,) = _sent(ask, as_multipart([request]))
    assert part.body == ask("Results?$select=id&$top=2&$orderby=id").body
