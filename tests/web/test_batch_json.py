"""`$batch` as JSON (JSON Format 19): dependencies, groups, references, bodies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.web.batches import JSON, answers_of
from tests.web.conftest import Ask

COUNT = {"method": "get", "url": "Results/$count"}
WRONG = {"method": "get", "url": "NoSuch"}
WRITE = {"method": "post", "url": "Results", "body": {"id": "x"}}


def _sent(ask: Ask, *requests: dict[str, Any], **headers: str) -> list[tuple[str, int]]:
    body = json.dumps({"requests": requests, "@odata.note": "ignored"}).encode()
    answer = ask("$batch", [*JSON, *headers.items()], method="POST", body=body)
    return [(part.id, part.status) for part in answers_of(answer)]


def test_all_requests_are_answered_unless_an_error_is_to_end_them(ask: Ask) -> None:
    requests = [{"id": "1"} | COUNT, {"id": "2"} | WRONG, {"id": "3"} | COUNT]
    whole = [("1", 200), ("2", 404), ("3", 200)]
    assert _sent(ask, *requests) == whole
    assert _sent(ask, *requests, Prefer="continue-on-error=true") == whole
    assert _sent(ask, *requests, Prefer="continue-on-error=false") == whole[:2]


def test_what_depends_on_a_failure_is_not_tried(ask: Ask) -> None:
    found = _sent(
        ask,
        {"id": "1"} | COUNT,
        {"id": "2"} | WRONG,
        {"id": "3", "dependsOn": ["1"]} | COUNT,
        {"id": "4", "dependsOn": ["1", "2"]} | COUNT,
        {"id": "5", "dependsOn": ["4"]} | COUNT,
    )
    assert found == [("1", 200), ("2", 404), ("3", 200), ("4", 424), ("5", 424)]


def test_a_group_that_writes_fails_as_a_whole(ask: Ask) -> None:
    found = _sent(
        ask,
        {"id": "1", "atomicityGroup": "g"} | COUNT,
        {"id": "2", "atomicityGroup": "g"} | WRITE,
        {"id": "3", "dependsOn": ["g"]} | COUNT,
        {"id": "4"} | COUNT,
    )
    assert found == [("1", 424), ("2", 405), ("3", 424), ("4", 200)]


def test_a_group_that_reads_is_answered_and_echoed(ask: Ask) -> None:
    requests = [{"id": "1", "atomicityGroup": "g"} | COUNT, {"id": "2", "dependsOn": ["g"]} | COUNT]
    body = json.dumps({"requests": requests}).encode()
    first, second = ask("$batch", JSON, method="POST", body=body).json()["responses"]
    assert (first["status"], first["atomicityGroup"]) == (200, "g")
    assert "atomicityGroup" not in second


def test_a_url_may_begin_with_the_entity_of_a_request_before(ask: Ask, expected_key: str) -> None:
    entity = {"id": "e1", "method": "get", "url": f"/odata/v4/Results('{expected_key}')?$select=id"}
    state = {"id": "2", "method": "GET", "url": "$e1/state/$value", "dependsOn": ["e1"]}
    body = json.dumps({"requests": [entity, state]}).encode()
    _, second = answers_of(ask("$batch", JSON, method="POST", body=body))
    assert second.body == ask(f"Results('{expected_key}')/state/$value").body


@pytest.mark.parametrize(
    ("url", "status"), [("$1/state", 400), ("$9/state", 400), ("$metadata", 200)]
)
def test_a_reference_needs_its_dependency_and_never_hides_a_resource(
    ask: Ask, url: str, status: int
) -> None:
    found = _sent(
        ask,
        {"id": "1"} | COUNT,
        {"id": "metadata"} | COUNT,
        {"id": "3", "method": "get", "url": url},
    )
    assert found[-1] == ("3", status)


def test_bodies_come_inline_as_text_and_as_base64url(ask: Ask) -> None:
    urls = ["Results?$top=1&$select=id", "Results/$count", "$metadata"]
    requests = [{"id": url, "method": "get", "url": url} for url in urls]
    body = json.dumps({"requests": requests}).encode()
    rows, count, model = ask("$batch", JSON, method="POST", body=body).json()["responses"]
    assert isinstance(rows["body"], dict)
    assert count["body"] == ask(urls[1]).text
    assert isinstance(model["body"], str)
    assert not set(model["body"]) & set("+/<")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"method": "get", "url": "Results/$count", "body": None, "headers": None,
          "dependsOn": None, "atomicityGroup": None, "if": None}, 200),
        ({"method": "GeT", "url": "Results/$count", "headers": {"Accept": "*/*"}}, 200),
        ({"method": "post", "url": "Results/$count/$query", "body": "$top=1",
          "headers": {"content-type": "text/plain"}}, 200),
        ({"method": "post", "url": "Results/$count/$query", "body": {"$top": 1},
          "headers": {"content-type": "text/plain"}}, 400),
        ({"method": "post", "url": "Results/$query", "body": {"$top": 1},
          "headers": {"content-type": "application/json"}}, 415),
        ({"method": "get", "url": "Results/$count", "body": "x"}, 400),
        ({"method": "get", "url": "Results/$count", "if": "true"}, 501),
        ({"method": "get", "url": "Results?$filter=state eq 'x'"}, 200),
        ({"method": "get", "url": "Results?$filter=userName eq 'é'"}, 200),
        ({"method": "get", "url": "Results\r\nX: y"}, 400),
        ({"method": "get", "url": "Results", "headers": {"x\r\ny": "z"}}, 400),
        ({"method": "get", "url": "Results", "headers": {"x": "ü"}}, 400),
        ({"method": "shout", "url": "Results"}, 405),
    ],
)  # fmt: skip
def test_each_request_is_judged_on_its_own(ask: Ask, request_: dict[str, Any], status: int) -> None:
    assert _sent(ask, {"id": "1"} | request_, {"id": "2"} | COUNT) == [("1", status), ("2", 200)]


@pytest.mark.parametrize(
    ("requests", "words"),
    [
        ([{"id": "1"} | COUNT, {"id": "1"} | COUNT], "its id"),
        ([{"id": ""} | COUNT], "its id"),
        ([{"id": "a b"} | COUNT], "its id"),
        ([{"id": "1", "atomicityGroup": "1"} | COUNT], "not the id of a request"),
        ([{"id": "1", "atomicityGroup": "2"} | COUNT, {"id": "2"} | COUNT], "id of a request"),
        ([{"id": "1", "dependsOn": ["1"]} | COUNT], "may only name earlier"),
        ([{"id": "1", "dependsOn": ["2"]} | COUNT, {"id": "2"} | COUNT], "may only name earlier"),
        (
            [{"id": "1", "atomicityGroup": "g"} | COUNT, {"id": "2"} | COUNT,
             {"id": "3", "atomicityGroup": "g"} | COUNT],
            "must be adjacent",
        ),
    ],
)  # fmt: skip
def test_names_that_cannot_be_followed_refuse_the_batch(
    ask: Ask, requests: list[dict[str, Any]], words: str
) -> None:
    body = json.dumps({"requests": requests}).encode()
    answer = ask("$batch", JSON, method="POST", body=body)
    assert (answer.status, answer.json()["error"]["code"]) == (400, "InvalidSyntax")
    assert words in answer.json()["error"]["message"]
