"""Refusals: status, form and the way out, for whoever reads them in a BI tool's dialog."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.live import Bridge
from tests.support.wire import WireAnswer, send
from tests.web.conftest import Ask


def error_of(answer: WireAnswer) -> dict[str, Any]:
    """The error, after its form was checked (JSON Format 21)."""
    assert answer.header("Content-Type") == "application/json"
    assert answer.header("Content-Language") == "en"
    assert answer.every("OData-Version") == ["4.0"]
    assert answer.header("Cache-Control") == "no-store"
    body = answer.json()
    assert list(body) == ["error"]
    error: dict[str, Any] = body["error"]
    assert set(error) <= {"code", "message", "target", "details"}
    assert error["code"]
    assert error["message"]
    assert all(detail["code"] and detail["message"] for detail in error.get("details", ()))
    assert "Traceback" not in answer.text
    return error


REFUSED = [
    # what is written wrongly
    ("Results?$filter=state%20eq", 400, "InvalidSyntax"),
    ("Results?$filter=state%20=%20'FAILED'", 400, "InvalidSyntax"),
    ("Results?$filter=", 400, "InvalidSyntax"),
    ("Results?$filter=%zz", 400, "InvalidSyntax"),
    ("Results?$filter=state%20eq%20'%ff'", 400, "InvalidSyntax"),
    ("Results?$orderby=id%20upwards", 400, "InvalidSyntax"),
    ("Results?$top=-1", 400, "InvalidSyntax"),
    ("Results?$top=1.5", 400, "InvalidSyntax"),
    ("Results?$top=", 400, "InvalidSyntax"),
    ("Results?$skip=abc", 400, "InvalidSyntax"),
    ("Results?$count=maybe", 400, "InvalidSyntax"),
    ("Results?$top=1&$top=2", 400, "InvalidSyntax"),
    ("Results?$top=1&top=2", 400, "InvalidSyntax"),
    ("Results(", 400, "InvalidSyntax"),
    # what does not exist
    ("Results?$foo=1", 400, "UnknownOption"),
    ("Results?$filtre=true", 400, "UnknownOption"),
    ("Results?$select=nosuch", 400, "UnknownName"),
    ("Results?$orderby=nosuch", 400, "UnknownName"),
    ("Results?$filter=nosuch%20eq%201", 400, "UnknownName"),
    ("NoSuch", 404, "NotFound"),
    ("results", 404, "NotFound"),
    ("Results('nope')", 404, "NotFound"),
    ("Results('a%0Ab')", 404, "NotFound"),
    ("Results('a%2Fb')", 404, "NotFound"),
    ("Results/nosuch", 404, "NotFound"),
    ("Results('x')/nosuch", 404, "NotFound"),
    ("Results('nope')/progress", 404, "NotFound"),
    ("Results('nope')/progress/$value", 404, "NotFound"),
    ("Results('nope')/groupIds/$count", 404, "NotFound"),
    ("Results('nope')/$ref", 404, "NotFound"),
    ("$entity?$id=Results('nope')", 404, "NotFound"),
    ("$entity?$id=http://elsewhere.example/odata/v4/Results('x')", 404, "NotFound"),
    # what does not fit together
    ("Results?$filter=progress%20eq%20'half'", 400, "TypeMismatch"),
    ("Results?$filter=progress", 400, "TypeMismatch"),
    ("Results?$orderby=groupIds", 400, "TypeMismatch"),
    ("Results(5)", 400, "InvalidValue"),
    ("Results('x')?$filter=true", 400, "OptionNotAllowed"),
    ("?$top=1", 400, "OptionNotAllowed"),
    ("Results('x')/$value", 400, "InvalidValue"),
    ("$entity", 400, "InvalidSyntax"),
    ("$metadata?$select=id", 400, "OptionNotAllowed"),
    ("Results?$skiptoken=forged", 400, "InvalidSkipToken"),
    # what OData knows and this service does not do
    ("Results?$apply=nest(identity%20as%20n)", 501, "NotImplemented"),
    ("Results?$compute=progress%20as%20PROGRESS", 501, "NotImplemented"),
    ("$all", 501, "NotImplemented"),
    ("$crossjoin(Results)", 501, "NotImplemented"),
    ("Results('x')/groupIds?$orderby=$it", 501, "NotImplemented"),
    # what has no such form
    ("Results?$format=atom", 406, "NotAcceptable"),
    ("$batch", 405, "MethodNotAllowed"),
    ("Results/$query", 405, "MethodNotAllowed"),
]


@pytest.mark.parametrize(("target", "status", "code"), REFUSED, ids=[r[0] or "/" for r in REFUSED])
def test_a_refusal_says_what_and_why(ask: Ask, target: str, status: int, code: str) -> None:
    answer = ask(target)
    assert (answer.status, error_of(answer)["code"]) == (status, code)


@pytest.mark.parametrize("target", ["Results?$filter=stat%20eq%20'FAILED'", "Result"])
def test_a_slip_of_the_pen_is_answered_with_the_name_that_was_meant(ask: Ask, target: str) -> None:
    message = error_of(ask(target))["message"]
    assert "state" in message or "Results" in message


def test_a_syntax_error_names_the_option_and_shows_the_place(ask: Ask) -> None:
    error = error_of(ask("Results?$filter=state%20eq%20'FAILED'%20andd%20true"))
    assert error["target"] == "$filter"
    text, caret = error["details"][0]["message"].splitlines()
    assert text[caret.index("^") :].startswith("andd true")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "MERGE"])
@pytest.mark.parametrize("target", ["", "Results", "Results('x')", "NoSuch"])
def test_nothing_can_be_written(ask: Ask, method: str, target: str) -> None:
    answer = ask(target, [("Content-Type", "application/json")], method=method, body=b"{}")
    assert answer.status == 405
    assert error_of(answer)["code"] == "MethodNotAllowed"
    assert answer.header("Allow") == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("path", ["/nothing", "/odata", "/odata/v3/", "/odata/v4x", "//odata/v4/"])
def test_a_path_outside_the_service_is_told_where_the_service_is(live: Bridge, path: str) -> None:
    answer = send(live.root, path)
    assert answer.status == 404
    assert "/odata/v4/" in error_of(answer)["message"]


def test_other_documents_are_read_only_too(live: Bridge) -> None:
    answer = send(live.root, "/openapi.json", method="POST", body=b"{}")
    assert answer.status == 405
    assert answer.header("Allow")
    assert error_of(answer)["code"] == "MethodNotAllowed"


def test_the_front_door_leads_to_the_service_root(live: Bridge) -> None:
    answer = live.client.get(live.root.removesuffix("odata/v4/"), follow_redirects=True)
    assert str(answer.url) == live.root
    assert answer.status_code == 200


def test_errors_are_json_of_the_asked_version_and_never_atom(ask: Ask) -> None:
    headers = [("Accept", "application/atom+xml"), ("OData-MaxVersion", "4.01")]
    answer = ask("NoSuch", headers)
    assert answer.header("OData-Version") == "4.01"
    assert json.loads(answer.body)["error"]["code"] == "NotFound"


def test_an_error_does_not_quote_what_breaks_json_or_headers(ask: Ask) -> None:
    answer = ask("Results?$filter=%22%0D%0ASet-Cookie:%20a%3Db%22%20eq%201")
    assert answer.status == 400
    assert error_of(answer)
    assert answer.header("Set-Cookie") is None


@pytest.mark.parametrize(
    ("filter_", "cause"),
    [
        ("matchespattern(userName,concat('(',''))", "only evaluated as a literal"),
        ("1%20div%20(length(userName)%20sub%20length(userName))%20eq%201", "division by zero"),
    ],
)
def test_what_fails_on_the_data_is_told_without_the_data(
    live: Bridge, filter_: str, cause: str
) -> None:
    answer = live.get(f"Results?$filter={filter_}")
    assert answer.status_code == 400
    message = answer.json()["error"]["message"]
    assert cause in message
    assert "Error:" not in message
