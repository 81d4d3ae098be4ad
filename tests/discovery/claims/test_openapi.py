"""Descriptions of all versions become the same claims; hostile ones end, and fetch nothing."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.discovery.claims.claims import Claims, EndpointClaim, SecurityClaim, origin_of
from gateway.discovery.claims.document import MAX_DOCUMENT_BYTES
from gateway.discovery.claims.openapi import claims_from_openapi
from gateway.errors import ConfigurationProblem
from tests.discovery.claims.descriptions import STATES, description

VERSIONS = ["2.0", "3.0.3", "3.1.0"]
every_version = pytest.mark.parametrize("version", VERSIONS)


def results_of(claims: Claims) -> EndpointClaim:
    assert claims.results is not None
    return claims.results


def claims_of(request: Any, response: Any = None, **more: Any) -> EndpointClaim:
    """Return the claims on one operation with these schemas."""
    document = {
        "openapi": "3.1.0",
        "paths": {
            "/analyse/results": {
                "post": {
                    "requestBody": {"content": {"application/json": {"schema": request}}},
                    "responses": {"200": {"content": {"*/*": {"schema": response}}}},
                }
            }
        },
        **more,
    }
    return results_of(claims_from_openapi(json.dumps(document)))


@every_version
def test_each_version_claims_the_same(version: str) -> None:
    claims = claims_from_openapi(json.dumps(description(version)))
    first = claims_from_openapi(json.dumps(description("3.1.0")))
    assert replace(claims, sources=(), security=()) == replace(first, sources=(), security=())
    assert claims == claims_from_openapi(yaml.safe_dump(description(version), sort_keys=False))
    assert claims.sources == (f"OpenAPI {version}, 6 operations",)


def test_the_claims_are_what_the_description_says() -> None:
    claims = claims_from_openapi(json.dumps(description("3.0.3")))
    results = results_of(claims)
    assert claims.base_url == "https://api.example.com"
    assert (results.path, results.success) == ("/v1/analyse/results", (201,))
    assert claims.statistics is not None
    assert claims.statistics.path == "/v1/analyse/statistics"
    request = {".".join(member.path): member for member in results.request}
    assert request["page"].required
    assert request["page.size"].maximum == 200
    assert (request["page.size"].default, request["page.size"].required) == (50, True)
    assert request["filters.states.[]"].enum == tuple(STATES)
    assert request["filters.states"].most_values == 100
    assert request["filters.view"].constant == "current"
    assert request["filters.updatedAt.gte"].format == "date-time"
    response = {".".join(member.path): member for member in results.response}
    assert response["items.[].learner.id"].required
    assert response["items.[].attributes.*"].type == "string"
    assert json.loads(results.body_example)["page"] == {"size": "integer", "number": "integer"}
    headers = {header.name: header for header in results.headers}
    assert headers["X-Workspace"].required
    assert headers["X-Api-Version"].value == "2"
    assert headers["X-Api-Key"].is_secret
    assert "k-123" not in repr(claims)


def test_a_login_is_recognised_by_its_members() -> None:
    login = claims_from_openapi(json.dumps(description("3.0.3"))).login
    assert login is not None
    assert (login.url, login.kind) == ("/v1/auth/login", "password")
    assert (login.name_member, login.secret_member) == (("clientId",), ("clientSecret",))
    assert (login.token_member, login.lifetime_member) == (("accessToken",), ("expiresIn",))


@pytest.mark.parametrize(
    ("token_url", "claimed"),
    [
        ("/oauth/token", "/oauth/token"),
        ("https://id.example.org/token?x=1", "https://id.example.org/token"),
    ],
)
def test_client_credentials_are_a_login(token_url: str, claimed: str) -> None:
    flows = {"clientCredentials": {"tokenUrl": token_url, "scopes": {"read": "all"}}}
    document = {
        "openapi": "3.0.0",
        "paths": {},
        "components": {"securitySchemes": {"o": {"type": "oauth2", "flows": flows}}},
    }
    claims = claims_from_openapi(json.dumps(document), "https://api.example.com/openapi.json")
    assert claims.login is not None
    assert (claims.login.url, claims.login.scopes) == (claimed, ("read",))
    assert claims.security == (SecurityClaim("oauth2", "Authorization"),)


@pytest.mark.parametrize(
    "path", ["/results", "/results/import", "/v2/results/bulk", "/result/create"]
)
def test_an_operation_that_may_write_is_never_chosen(path: str) -> None:
    document = description("3.0.3")
    document["paths"] = {path: document["paths"]["/results"]}
    claims = claims_from_openapi(json.dumps(document))
    assert claims.results is None
    assert claims.statistics is None
    assert claims.notes == ("the description has no operation that lists results",)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v2/analytics/results",
        "/reports/learning-results/search",
        "/analytics/completions/query",
    ],
)
def test_other_names_of_results_are_found(path: str) -> None:
    document = description("3.0.3")
    document["paths"] = {path: document["paths"]["/analyse/results"], "/users/search": {"post": {}}}
    assert results_of(claims_from_openapi(json.dumps(document))).path == f"/v1{path}"


@pytest.mark.parametrize(
    "operation_id",
    ["AnalyseController_create", "getResultSet", "searchAnalyticsResults_1", "Analyse.POST", ""],
)
@pytest.mark.parametrize("path", ["/analyse/results", "/analytics/results"])
def test_names_that_frameworks_invent_do_not_hide_the_results(path: str, operation_id: str) -> None:
    document = description("3.0.3")
    document["paths"] = {path: document["paths"]["/analyse/results"]}
    document["paths"][path]["post"]["operationId"] = operation_id
    found = claims_from_openapi(json.dumps(document)).results
    may_write = operation_id.endswith("create") and path != "/analyse/results"
    assert (found is None) == may_write


def test_alternatives_are_merged_and_null_is_no_type() -> None:
    one = {"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "integer"}}}
    two = {"type": "object", "required": ["a"], "properties": {"b": {"type": ["string", "null"]}}}
    claim = claims_of({"oneOf": [one, two]}, {"anyOf": [{"type": "null"}, one]})
    found = {member.path[0]: member for member in claim.request}
    assert (found["a"].type, found["a"].required) == ("integer", True)
    assert (found["b"].type, found["b"].nullable, found["b"].required) == ("string", True, False)
    assert [member.path for member in claim.response] == [("a",)]


def test_a_recursive_schema_ends() -> None:
    node = {
        "type": "object",
        "properties": {"and": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}}},
        "allOf": [{"$ref": "#/components/schemas/Node"}],
        "additionalProperties": {"$ref": "#/components/schemas/Node"},
    }
    claim = claims_of({"$ref": "#/components/schemas/Node"}, components={"schemas": {"Node": node}})
    assert ("and",) in [member.path for member in claim.request]


@pytest.mark.parametrize(
    "ref",
    [
        "https://evil.example/x.json",
        "other.yaml#/a",
        "file:///etc/passwd",
        "#/nope",
        "#x",
        "#/paths/x/1",
        "#/%zz",
        "",
        5,
        None,
    ],
)
def test_references_to_elsewhere_are_not_followed(ref: object) -> None:
    claim = claims_of({"type": "object", "properties": {"a": {"$ref": ref}, "b": {}}})
    assert {("a",), ("b",)} <= {member.path for member in claim.request}


def test_a_bomb_of_references_ends_soon() -> None:
    schemas: dict[str, Any] = {"S0": {"type": "object", "properties": {"x": {"type": "string"}}}}
    for level in range(1, 40):
        below = {"$ref": f"#/components/schemas/S{level - 1}"}
        properties = {f"p{one}": below for one in range(10)}
        schemas[f"S{level}"] = {
            "allOf": [below] * 60,
            "oneOf": [below] * 60,
            "properties": properties,
        }
    start = time.process_time()
    claim = claims_of({"$ref": "#/components/schemas/S39"}, components={"schemas": schemas})
    assert len(claim.request) <= 2000
    assert time.process_time() - start < 20


def test_yaml_aliases_do_not_multiply() -> None:
    lines = ["openapi: 3.0.0", "a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 60)]
    lines += ["loop: &loop [*loop]", "merged: {<<: *a0}", "paths: {}", "date: 2020-01-01"]
    assert claims_from_openapi("\n".join(lines)).is_empty


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no `paths`"),
        ("<html>Swagger UI</html>", "no `paths`"),
        ('{"openapi": "4.0.0", "paths": {}}', "convert it"),
        ('{"paths": {}}', "convert it"),
        ("openapi: 3.0.0\npaths: {]", "line 2, column"),
        ("openapi: !!python/object/apply:os.system ['true']", "neither JSON nor YAML"),
        ("[" * 100_000, "nested too deeply"),
        ("a: " + "9" * 5000, "neither JSON nor YAML"),
        (" " * (MAX_DOCUMENT_BYTES + 1), "larger than 5 MB"),
        ("a: " + "b" * 3_000_000, "save it as JSON"),
    ],
)
def test_other_texts_are_refused_with_advice(text: str, says: str) -> None:
    with pytest.raises(ConfigurationProblem, match=says):
        claims_from_openapi(text)


_WORDS = """
type properties $ref #/paths allOf oneOf items object array required enum post requestBody content
application/json schema responses 200 parameters in body header name default null servers url
flows http://[ additionalProperties nullable headers components
"""
WORDS = st.sampled_from(_WORDS.split())
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), FLOATS, WORDS, st.text(max_size=5))
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(WORDS, inner), max_leaves=30
)


@given(ANYTHING, ANYTHING, ANYTHING, st.sampled_from(["swagger", "openapi"]))
def test_any_description_gives_claims_or_a_refusal(
    operation: Any, schemas: Any, servers: Any, word: str
) -> None:
    document = {
        word: "2.0" if word == "swagger" else "3.0.0",
        "paths": {"/analyse/results": {"post": operation}, "/auth/login": operation},
        "components": schemas,
        "servers": servers,
        "host": servers,
        "securityDefinitions": schemas,
    }
    if isinstance(operation, dict):
        operation.setdefault("requestBody", {"content": {"a/json": {"schema": schemas}}})
    repr(claims_from_openapi(json.dumps(document), "https://x.example/openapi.json"))


@given(st.binary(max_size=200))
def test_any_text_gives_claims_or_a_refusal(data: bytes) -> None:
    try:
        claims_from_openapi(data.decode("latin-1"))
    except ConfigurationProblem:
        return


@given(st.text(max_size=40))
def test_the_origin_of_any_text_is_an_origin(text: str) -> None:
    for url in (text, f"https://{text}", f"http://h:{text}"):
        assert origin_of(origin_of(url)) == origin_of(url)
