"""Files of every accepted kind become claims; secrets, persons and the page's filters never do."""

from __future__ import annotations

import json
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.discovery.claims.claims import Claims, EndpointClaim, Source, names_other_host
from gateway.discovery.claims.curl import exchanges_from_curl
from gateway.discovery.claims.files import MAX_FILE_BYTES, claims_from_file
from gateway.discovery.claims.har import exchanges_from_har
from gateway.errors import ConfigurationProblem
from tests.discovery.claims.descriptions import description
from tests.discovery.claims.recorded import (
    PERSONS,
    RESPONSE,
    SECRETS,
    curl_bash,
    forms,
    har,
    request,
)

every_form = pytest.mark.parametrize("form", forms())


def claims_of(form: str) -> Claims:
    return claims_from_file(forms()[form])


def results_of(claims: Claims) -> EndpointClaim:
    assert claims.results is not None
    return claims.results


@every_form
def test_no_secret_and_no_value_of_a_person_is_in_a_claim(form: str) -> None:
    shown = repr(claims_of(form))
    for kept_out in (*SECRETS, *PERSONS, "cf-1", "Department", "1234", "2024-"):
        assert kept_out not in shown


@every_form
def test_every_form_claims_the_same_request(form: str) -> None:
    claims = claims_of(form)
    results = results_of(claims)
    assert claims.base_url == "https://api.vendor.example"
    assert names_other_host(claims, "https://customer-api.skillhabit.com")
    assert not names_other_host(claims, "https://API.vendor.example:443/v2/")
    assert results.path == "/v2/analytics/results"
    assert results.source is Source.EXAMPLE
    request = {".".join(member.path): member for member in results.request}
    assert request["filters.states.[]"].enum == ("IN_PROGRESS",)
    assert request["sort.[].field"].enum == ("updatedAt",)
    assert request["sort.[].direction"].enum == ("desc",)
    assert request["page.number"].constant == 1
    assert request["filters.updatedAt.gte"].format == "iso-milliseconds-z"
    assert request["filters.customFields.[].values.[]"].type == "string"
    assert {(".".join(c.path), c.value) for c in results.constants} == {
        ("includeArchived", False),
        ("workspaceId", "ws_1"),
        ("schema", 2),
    }
    headers = {header.name: header for header in results.headers}
    assert headers["X-Workspace"].value == "ws_1"
    assert (headers["X-Api-Key"].value, headers["X-Api-Key"].is_secret) == (None, True)
    assert set(headers) == {"X-Workspace", "X-Api-Key"}
    assert "bearer" in [scheme.kind for scheme in claims.security]


@pytest.mark.parametrize("form", [form for form in forms() if "curl" not in form])
def test_responses_are_claimed_by_their_shape(form: str) -> None:
    results = results_of(claims_of(form))
    response = {".".join(member.path): member for member in results.response}
    assert results.success == (201,)
    assert response["data.items.[].learner.email"].format == "email"
    assert response["data.items.[].learner.customFields.*"].type == "string"
    assert response["data.items.[].state"].enum == ("IN_PROGRESS", "APPROVED")
    assert response["data.items.[].course.type"].enum == ("COURSE",)
    assert response["data.items.[].course.title"].enum == ()
    assert response["data.items.[].expiryDate"].nullable
    assert response["data.items.[].id"].required
    assert not response["data.items.[].course"].required
    assert response["data.items.[].progress"].type == "number"


def test_several_entries_show_what_varies() -> None:
    other = request(limit=100, states=["APPROVED"])
    other["includeArchived"] = True
    del other["schema"]
    results = results_of(claims_from_file(json.dumps(har(request(), other)).encode()))
    found = {".".join(member.path): member for member in results.request}
    assert found["page.size"].varies
    assert found["page.size"].constant is None
    assert not found["page.number"].varies
    assert found["filters.states.[]"].enum == ("IN_PROGRESS", "APPROVED")
    assert (found["schema"].required, found["workspaceId"].required) == (False, True)
    assert [candidate.path for candidate in results.constants] == [("workspaceId",)]
    assert results.total_headers == ("X-Total-Count",)


def test_a_bare_response_and_a_bare_request_are_told_apart() -> None:
    of_response = results_of(claims_from_file(json.dumps(RESPONSE).encode()))
    of_rows = results_of(claims_from_file(json.dumps(RESPONSE["data"]["items"]).encode()))
    of_request = results_of(claims_from_file(json.dumps(request()).encode()))
    assert (of_response.request, of_response.path) == ((), "")
    assert ("[]", "learner", "email") in [member.path for member in of_rows.response]
    assert of_request.response == ()
    assert ("page", "size") in [member.path for member in of_request.request]
    assert not [secret for secret in (*SECRETS, *PERSONS) if secret in repr(of_request)]


@pytest.mark.parametrize("version", ["2.0", "3.0.3", "3.1.0"])
def test_a_description_is_recognised_in_json_and_in_its_page(version: str) -> None:
    text = json.dumps(description(version))
    page = f'<script>window.ui = SwaggerUIBundle({{ "spec": {text}, dom_id: "#a" }})</script>'
    assert claims_from_file(page.encode()) == claims_from_file(text.encode())
    assert results_of(claims_from_file(text.encode())).path == "/v1/analyse/results"


def test_a_login_in_a_recording_is_claimed_without_its_credentials() -> None:
    recorded = har(request())
    login = {"email": PERSONS[0], "password": SECRETS[3]}
    recorded["log"]["entries"].append(
        {
            "request": {
                "method": "POST",
                "url": "https://api.vendor.example/auth/login",
                "postData": {"text": json.dumps(login)},
            },
            "response": {"status": 200, "content": {"text": '{"token": "s3cr3t-k3y", "ttl": 60}'}},
        }
    )
    claims = claims_from_file(json.dumps(recorded).encode())
    assert claims.login is not None
    assert (claims.login.url, claims.login.secret_member) == ("/auth/login", ("password",))
    assert (claims.login.token_member, claims.login.lifetime_member) == (("token",), ("ttl",))
    assert not [secret for secret in (*SECRETS, *PERSONS) if secret in repr(claims)]


BODY = '{"limit": 1, "states": ["A"], "userIds": []}'
TARGET = "https://x.example/analyse/results"


@pytest.mark.parametrize(
    "command",
    [
        f"curl -X POST {TARGET} -H 'Accept: */*' -d '{BODY}'",
        f"curl -sSL -XPOST --url {TARGET} --json '{BODY}'",
        f"$ curl --request POST '{TARGET}' --header 'a: b' --data-binary '{BODY}' -o out.json",
        f"curl -u me:hunter2 {TARGET} -d'{BODY}' | jq .",
        f"curl {TARGET} --data-raw $'{BODY}\\u0020' ;\ncurl https://x.example/other -d 'a=1'",
        f"curl.exe `\n {TARGET} `\n --data-raw '{BODY}'",
        f"curl {TARGET} \\\r\n --data='{BODY}' --max-time 3 -x http://proxy:1 -k",
        f"curl --data-ascii '{BODY}' {TARGET} && rm -rf /",
    ],
)
def test_commands_in_all_usual_forms_are_read(command: str) -> None:
    claims = claims_from_file(command.encode())
    results = results_of(claims)
    assert (claims.base_url, results.path) == ("https://x.example", "/analyse/results")
    assert {member.path[0] for member in results.request} == {"limit", "states", "userIds"}
    assert "hunter2" not in repr(claims)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (f"curl {TARGET} -d @/etc/passwd", "from a file"),
        (f"curl {TARGET} --json @body.json", "from a file"),
        (f"curl {TARGET} --data-binary @-", "from a file"),
        (f"curl {TARGET} --data-urlencode a@/etc/passwd", "--data-urlencode"),
        (f"curl {TARGET} -F a=@x", "--form"),
        (f"curl {TARGET} -T file", "--upload-file"),
        ("curl -K config", "--config"),
        (f"curl {TARGET} -d '{{", "open quote"),
        (f"curl {TARGET}", "no successful POST"),
        (f"curl -G {TARGET} -d a=1", "no successful POST"),
        ("curl https://x.example/users/create -d '{\"a\": 1}'", "none of the 1 POST requests"),
    ],
)
def test_other_commands_are_refused_with_advice(command: str, says: str) -> None:
    with pytest.raises(ConfigurationProblem, match=says):
        claims_from_file(command.encode())


def test_a_command_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    mark = tmp_path / "mark"
    command = f"curl {TARGET} -d '{BODY}' -H \"a: $(touch {mark})`touch {mark}`\"; touch {mark}"
    claims_from_file(command.encode())
    assert not mark.exists()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "this kind of file is not accepted"),
        (b"\x1f\x8b\x08", "not a text file"),
        (b"PK\x03\x04\xff", "not a text file"),
        (b"<html><body>login</body></html>", "this kind of file is not accepted"),
        (b"{}", "neither like a request"),
        (b"[1, 2]", "neither like a request"),
        (b'{"log": {"entries": []}}', "no successful POST"),
        (b'{"info": {}, "item": []}', "no successful POST"),
        (b"openapi: 3.0.0", "no `paths`"),
        (b"[" * 100_000, "this kind of file is not accepted"),
    ],
)
def test_other_files_are_refused_with_what_is_accepted(data: bytes, says: str) -> None:
    with pytest.raises(ConfigurationProblem, match=says):
        claims_from_file(data)


def test_a_file_that_is_too_large_is_refused() -> None:
    with pytest.raises(ConfigurationProblem, match="larger than 50 MB"):
        claims_from_file(b" " * (MAX_FILE_BYTES + 1))


def test_a_long_recording_is_read_in_a_moment() -> None:
    rows = [{**RESPONSE["data"]["items"][0], str(n): n} for n in range(3000)]
    long = har(*[request() for _ in range(30)])
    for entry in long["log"]["entries"][3:]:
        entry["response"]["content"]["text"] = json.dumps({"results": rows, "total": 3000})
    data = json.dumps(long).encode()
    start = time.process_time()
    results = results_of(claims_from_file(data))
    assert time.process_time() - start < 20
    assert all(member.required for member in results.response if member.path == ("total",))


def test_exchanges_show_no_value() -> None:
    exchanges = [*exchanges_from_har(har(request())), *exchanges_from_curl(curl_bash())]
    assert not [secret for secret in (*SECRETS, *PERSONS) if secret in repr(exchanges)]


_NAMES = """
log entries request response method url headers name value postData text content status info item
variable key raw body mode code openapi paths data user id email states limit
"""
NAMES = st.sampled_from(_NAMES.split())
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=8), NAMES, st.just("POST"),
    st.sampled_from(["https://x.example/analyse/results", "http://[", "{{a}}", '{"limit": 1}']),
)  # fmt: skip
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=25
)


def check_total(data: bytes) -> None:
    with suppress(ConfigurationProblem):
        repr(claims_from_file(data))


@given(ANYTHING, st.sampled_from(["bare", "har", "postman"]))
def test_any_json_gives_claims_or_a_refusal(value: Any, kind: str) -> None:
    entry = {"request": {"method": "POST", "url": "https://x.example/analyse/results"}}
    shapes = {
        "bare": value,
        "har": {"log": {"entries": [value, {**entry, "response": value}, entry]}},
        "postman": {"info": {}, "item": [value, {"request": value, "response": value}]},
    }
    check_total(json.dumps(shapes[kind]).encode())


@given(st.binary(max_size=300), st.sampled_from([b"", b"curl ", b"openapi: ", b"<script>", b"{"]))
def test_any_bytes_give_claims_or_a_refusal(data: bytes, start: bytes) -> None:
    check_total(start + data)


@given(st.text("ab '\"\\^$`@;&|-dHXu{}\n\r[]:\u0000é", max_size=80))
def test_any_command_gives_claims_or_a_refusal(text: str) -> None:
    check_total(f"curl {TARGET} {text}".encode())


@given(st.text(max_size=30), st.text(max_size=20))
def test_no_text_of_a_person_survives(name: str, value: str) -> None:
    value = f"Zq{value}#"
    body = {
        "limit": 1,
        "states": ["A"],
        "userIds": [value],
        "search": value,
        "note": value,
        name: 1,
    }
    body["filters"] = {"users": {"in": [value]}, "updatedAt": {"from": value}, "tags": [value]}
    rows = [
        {"user": {"name": value, "email": value, value: 1}, "state": "A", "content": {"id": value}}
    ]
    for one in (body, rows, {"results": rows, "total": 1}):
        try:
            assert value not in repr(claims_from_file(json.dumps(one).encode()))
        except ConfigurationProblem:
            continue
