"""Hints in the errors of common validators, in the default wordings of their libraries."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.discovery.claims.hint_table import HintKind
from gateway.discovery.claims.hints import Hint, read_hints


def shown(hint: Hint) -> str:
    """Return a hint as one line: kind, path, and what else it has."""
    words = [hint.kind.value, ".".join(hint.path).replace(".[]", "[]"), hint.type]
    words += [",".join(hint.values), "" if hint.number is None else f"{hint.number:g}"]
    return " ".join(word for word in words if word)


def nest(*messages: str) -> dict[str, Any]:
    return {"statusCode": 400, "message": list(messages), "error": "Bad Request"}


def pydantic(kind: str, loc: list[str | int], msg: str, **ctx: Any) -> dict[str, Any]:
    error = {"type": kind, "loc": loc, "msg": msg, "input": "Anna Smith", "ctx": ctx}
    return {"detail": [error]}


def joi(kind: str, path: list[str | int], message: str, **context: Any) -> dict[str, Any]:
    return {"details": [{"message": message, "path": path, "type": kind, "context": context}]}


def ajv(keyword: str, place: str, message: str, **params: Any) -> dict[str, Any]:
    error = {"instancePath": place, "schemaPath": "#/x", "keyword": keyword, "params": params}
    return {"errors": [{**error, "message": message}]}


def zod(code: str, path: list[str | int], message: str, **more: Any) -> dict[str, Any]:
    issue = {"code": code, "path": path, "message": message, **more}
    return {"success": False, "error": {"issues": [issue], "name": "ZodError"}}


def aspnet(**errors: str) -> dict[str, Any]:
    return {
        "type": "https://tools.ietf.org/html/rfc9110#section-15.5.1",
        "title": "One or more validation errors occurred.",
        "status": 400,
        "errors": {name: [text] for name, text in errors.items()},
        "traceId": "00-f2-85-00",
    }


def spring(field: str, text: str, code: str = "X") -> dict[str, Any]:
    one = {"field": field, "defaultMessage": text, "code": code, "rejectedValue": "Anna Smith"}
    return {"timestamp": "2024-01-01", "status": 400, "error": "Bad Request", "errors": [one]}


CASES: list[tuple[str, Any, list[str]]] = [
    # ---------------------------------------------------------------- class-validator, NestJS
    ("nest", nest("property bait should not exist"), ["unknown bait"]),
    ("nest", nest("options.property bait should not exist"), ["unknown options.bait"]),
    ("nest", nest("limit must not be greater than 100"), ["maximum limit 100"]),
    ("nest", nest("options.limit must not be less than 1"), ["minimum options.limit 1"]),
    ("nest", nest("limit must be an integer number"), ["type limit integer"]),
    ("nest", nest("limit must be a number conforming to the specified constraints"),
     ["type limit number"]),
    ("nest", nest("each value in states must be one of the following values: A, B_C, IN_PROGRESS"),
     ["enum states[] A,B_C,IN_PROGRESS"]),
    ("nest", nest("order must be one of the following values: asc, desc"), ["enum order asc,desc"]),
    ("nest", nest("states must be an array", "each value in states must be a string"),
     ["type states array", "type states[] string"]),
    ("nest", nest("updatedAt.from must be a valid ISO 8601 date string"),
     ["format updatedAt.from date-time"]),
    ("nest", nest("updatedAtDateRange.start must be a Date instance"),
     ["format updatedAtDateRange.start date-time"]),
    ("nest", nest("workspaceId should not be empty"), ["required workspaceId"]),
    ("nest", nest("page should not be null or undefined"), ["required page"]),
    ("nest", nest("userIds must contain no more than 100 elements"), ["most_values userIds 100"]),
    ("nest", nest("each value in userIds must be a UUID"), ["format userIds[] uuid"]),
    ("nest", nest("nested property filters must be either object or array"),
     ["type filters object"]),
    ("nest", nest("limit must be a positive number"), ["minimum limit"]),
    ("nest", {"message": [{"property": "options", "children": [
        {"property": "limit", "constraints": {"max": "limit must not be greater than 200"}}]}]},
     ["maximum options.limit 200"]),
    # ---------------------------------------------------------------- Joi, celebrate
    ("joi", joi("object.unknown", ["options", "bait"], '"options.bait" is not allowed'),
     ["unknown options.bait"]),
    ("joi", joi("any.required", ["limit"], '"limit" is required', label="limit"),
     ["required limit"]),
    ("joi", joi("number.max", ["limit"], '"limit" must be less than or equal to 100', limit=100),
     ["maximum limit 100"]),
    ("joi", joi("any.only", ["states", 0], '"states[0]" must be one of [A, B]', valids=["A", "B"]),
     ["enum states[] A,B"]),
    ("joi", {"message": '"limit" must be less than or equal to 100'}, ["maximum limit 100"]),
    ("joi", {"message": '"order" must be one of [ASC, DESC]'}, ["enum order ASC,DESC"]),
    ("joi", {"message": '"bait" is not allowed'}, ["unknown bait"]),
    ("joi", {"message": '"updatedAt.from" must be in ISO 8601 date format'},
     ["format updatedAt.from date-time"]),
    ("joi", {"message": '"states" must be an array'}, ["type states array"]),
    ("joi", {"message": '"userIds" must contain less than or equal to 50 items'},
     ["most_values userIds 50"]),
    ("joi", {"message": '"limit" must be less than 101'}, ["maximum limit 100"]),
    ("celebrate", {"validation": {"body": {"source": "body", "keys": ["limit"],
                                           "message": '"limit" must be a number'}}},
     ["type limit number"]),
    # ---------------------------------------------------------------- Ajv, Fastify
    ("ajv", ajv("additionalProperties", "/options", "must NOT have additional properties",
                additionalProperty="bait"), ["unknown options.bait"]),
    ("ajv", ajv("required", "/options", "must have required property 'limit'",
                missingProperty="limit"), ["required options.limit"]),
    ("ajv", ajv("maximum", "/options/limit", "must be <= 100", comparison="<=", limit=100),
     ["maximum options.limit 100"]),
    ("ajv", ajv("enum", "/states/0", "must be equal to one of the allowed values",
                allowedValues=["A", "B"]), ["enum states[] A,B"]),
    ("ajv", ajv("type", "/limit", "must be integer", type="integer"), ["type limit integer"]),
    ("ajv", ajv("format", "/from", 'must match format "date-time"', format="date-time"),
     ["format from date-time"]),
    ("ajv", ajv("maxItems", "/userIds", "must NOT have more than 100 items", limit=100),
     ["most_values userIds 100"]),
    ("fastify", {"statusCode": 400, "code": "FST_ERR_VALIDATION", "error": "Bad Request",
                 "message": "body/options/limit must be <= 100"}, ["maximum options.limit 100"]),
    ("fastify", {"message": "body must have required property 'limit'"}, ["required limit"]),
    ("fastify", {"message": "body/limit must be integer"}, ["type limit integer"]),
    ("ajv text", "data/limit must be <= 100, data/from must match format \"date\"",
     ["maximum limit 100", "format from date"]),
    # ---------------------------------------------------------------- Zod 3 and 4
    ("zod3", zod("unrecognized_keys", ["options"], "Unrecognized key(s) in object: 'bait', 'x'",
                 keys=["bait", "x"]), ["unknown options.bait", "unknown options.x"]),
    ("zod3", zod("invalid_type", ["limit"], "Required", expected="number", received="undefined"),
     ["required limit number"]),
    ("zod3", zod("invalid_type", ["states"], "Expected array, received string", expected="array",
                 received="string"), ["type states array"]),
    ("zod3", zod("too_big", ["limit"], "Number must be less than or equal to 100", maximum=100),
     ["maximum limit 100"]),
    ("zod3", zod("too_big", ["userIds"], "Array must contain at most 20 element(s)", maximum=20),
     ["most_values userIds 20"]),
    ("zod3", zod("invalid_enum_value", ["states", 0], "Invalid enum value. Expected 'A' | 'B',"
                 " received 'Anna'", options=["A", "B"], received="Anna"), ["enum states[] A,B"]),
    ("zod3", zod("invalid_string", ["from"], "Invalid datetime", validation="datetime"),
     ["format from date-time"]),
    ("zod4", zod("invalid_type", ["limit"], "Invalid input: expected number, received undefined",
                 expected="number"), ["type limit number"]),
    ("zod4", zod("too_big", ["limit"], "Too big: expected number to be <=100", maximum=100),
     ["maximum limit 100"]),
    ("zod4", zod("invalid_value", ["order"], 'Invalid option: expected one of "asc"|"desc"',
                 values=["asc", "desc"]), ["enum order asc,desc"]),
    ("zod4", zod("unrecognized_keys", [], 'Unrecognized key: "bait"', keys=["bait"]),
     ["unknown bait"]),
    ("zod text", "Unrecognized key(s) in object: 'bait'", ["unknown bait"]),
    # ---------------------------------------------------------------- Pydantic, FastAPI
    ("pydantic", pydantic("extra_forbidden", ["body", "options", "bait"],
                          "Extra inputs are not permitted"), ["unknown options.bait"]),
    ("pydantic", pydantic("missing", ["body", "options", "limit"], "Field required"),
     ["required options.limit"]),
    ("pydantic", pydantic("missing", ["header", "x-workspace"], "Field required"),
     ["header x-workspace"]),
    ("pydantic", pydantic("less_than_equal", ["body", "limit"],
                          "Input should be less than or equal to 100", le=100),
     ["maximum limit 100"]),
    ("pydantic", pydantic("enum", ["body", "states", 0], "Input should be 'A', 'B' or 'C'",
                          expected="'A', 'B' or 'C'"), ["enum states[] A,B,C"]),
    ("pydantic", pydantic("literal_error", ["body", "order"], "Input should be 'asc' or 'desc'"),
     ["enum order asc,desc"]),
    ("pydantic", pydantic("int_parsing", ["body", "limit"], "Input should be a valid integer,"
                          " unable to parse string as an integer"), ["type limit integer"]),
    ("pydantic", pydantic("datetime_from_date_parsing", ["body", "from"], "Input should be a valid"
                          " datetime or date, invalid character in year"),
     ["format from date-time"]),
    ("pydantic", pydantic("list_type", ["body", "states"], "Input should be a valid list"),
     ["type states array"]),
    ("pydantic", pydantic("too_long", ["body", "userIds"], "List should have at most 100 items"
                          " after"
                          " validation, not 200", max_length=100), ["most_values userIds 100"]),
    ("pydantic1", pydantic("value_error.extra", ["body", "bait"], "extra fields not permitted"),
     ["unknown bait"]),
    ("pydantic1", pydantic("value_error.missing", ["body", "limit"], "field required"),
     ["required limit"]),
    ("pydantic1", pydantic("type_error.enum", ["body", "state"], "value is not a valid enumeration"
                           " member; permitted: 'A', 'B'"), ["enum state A,B"]),
    # ---------------------------------------------------------------- ASP.NET, FluentValidation
    ("fluent", aspnet(**{"Page.Size": "'Page Size' must be less than or equal to '100'."}),
     ["maximum Page.Size 100"]),
    ("fluent", aspnet(Limit="'Limit' must be between 1 and 100. You entered 5000."),
     ["maximum Limit 100", "minimum Limit 1"]),
    ("fluent", aspnet(WorkspaceId="'Workspace Id' must not be empty."), ["required WorkspaceId"]),
    ("aspnet", aspnet(Limit="The field Limit must be between 1 and 100."),
     ["maximum Limit 100", "minimum Limit 1"]),
    ("aspnet", aspnet(WorkspaceId="The WorkspaceId field is required."), ["required WorkspaceId"]),
    ("aspnet", aspnet(**{"$.limit": "The JSON value could not be converted to System.Int32. Path:"
                         " $.limit | LineNumber: 0 | BytePositionInLine: 20."}),
     ["type limit integer"]),
    ("aspnet", aspnet(**{"$.from": "The JSON value could not be converted to System.DateTimeOffset."
                         " Path: $.from | LineNumber: 0 | BytePositionInLine: 9."}),
     ["format from date-time"]),
    ("aspnet", aspnet(**{"$": "The JSON property 'bait' could not be mapped to any .NET member"
                         " contained in type 'Request'."}), ["unknown bait"]),
    ("aspnet", aspnet(**{"$": "JSON deserialization for type 'Request' was missing required"
                         " properties including: 'limit'."}), ["required limit"]),
    ("newtonsoft", aspnet(bait="Could not find member 'bait' on object of type 'Request'. Path"
                          " 'bait', line 1, position 10."), ["unknown bait"]),
    ("aspnet", aspnet(**{"X-Workspace": "The X-Workspace header is required."}),
     ["header X-Workspace"]),
    # ---------------------------------------------------------------- Bean Validation, Spring
    ("bean", spring("options.limit", "must be less than or equal to 100"),
     ["maximum options.limit 100"]),
    ("bean", spring("workspaceId", "must not be null", "NotNull"), ["required workspaceId"]),
    ("bean", spring("userIds", "size must be between 0 and 100"), ["most_values userIds 100"]),
    ("problem", {"type": "about:blank", "title": "Constraint Violation", "violations": [
        {"field": "limit", "message": "must be less than or equal to 100"}]},
     ["maximum limit 100"]),
    ("jackson", {"message": 'JSON parse error: Unrecognized field "bait" (class com.x.Request), not'
                 ' marked as ignorable (2 known properties: "limit", "skip"])'},
     ["unknown bait limit,skip"]),
    ("jackson", {"message": "JSON parse error: Cannot deserialize value of type `com.x.State` from"
                 ' String "Anna": not one of the values accepted for Enum class: [A, B] (through'
                 ' reference chain: com.x.Request["states"]->java.util.ArrayList[0])'},
     ["enum states A,B"]),
    ("jackson", {"message": "Cannot deserialize value of type `java.time.Instant` from String"
                 ' "2024": Failed (through reference chain: com.x.Request["range"]->x.R["from"])'},
     ["format range.from date-time"]),
    ("spring", {"message": "Required request header 'X-Workspace' for method parameter type String"
                " is not present"}, ["header X-Workspace"]),
    ("spring", {"detail": "Required header 'X-Api-Version' is not present."},
     ["header X-Api-Version"]),
    # ---------------------------------------------------------------- problem+json, JSON:API
    ("rfc7807", {"type": "https://x/validation-error", "title": "Your request parameters didn't"
                 " validate.", "invalid-params": [
                     {"name": "limit", "reason": "must be at most 100"}]},
     ["maximum limit 100"]),
    ("rfc9457", {"title": "invalid", "errors": [
        {"detail": "must be a positive integer", "pointer": "#/options/limit"}]},
     ["minimum options.limit"]),
    ("jsonapi", {"errors": [{"status": "422", "source": {"pointer": "/data/limit"},
                             "title": "Invalid", "detail": "must be less than or equal to 50"}]},
     ["maximum data.limit 50"]),
    # ---------------------------------------------------------------- Go, Rust, Python, PHP
    ("go", {"error": "Key: 'Request.Options.Limit' Error:Field validation for 'Limit' failed on the"
            " 'max' tag\nKey: 'Request.WorkspaceID' Error:Field validation for 'WorkspaceID' failed"
            " on the 'required' tag"}, ["maximum Options.Limit", "required WorkspaceID"]),
    ("go", {"error": 'json: unknown field "bait"'}, ["unknown bait"]),
    ("go", {"error": "json: cannot unmarshal string into Go struct field Request.options.limit of"
            " type int"}, ["type options.limit integer"]),
    ("go", {"error": "json: cannot unmarshal string into Go struct field Request.states of type"
            " []string"}, ["type states array"]),
    ("serde", "unknown field `bait`, expected one of `limit`, `skip`", ["unknown bait limit,skip"]),
    ("serde", "missing field `limit`", ["required limit"]),
    ("serde", "unknown variant `Anna`, expected one of `A`, `B`", ["enum A,B"]),
    ("msgspec", "Object contains unknown field `bait` - at `$.options`", ["unknown options.bait"]),
    ("msgspec", "Object missing required field `limit` - at `$.options`",
     ["required options.limit"]),
    ("msgspec", "Expected `int`, got `str` - at `$.options.limit`", ["type options.limit integer"]),
    ("msgspec", "Expected `int` <= 100 - at `$.limit`", ["maximum limit 100"]),
    ("jsonschema", {"message": "Additional properties are not allowed ('bait' was unexpected)"},
     ["unknown bait"]),
    ("jsonschema", {"path": ["limit"], "message": "5000 is greater than the maximum of 100"},
     ["maximum limit 100"]),
    ("jsonschema", {"message": "'limit' is a required property"}, ["required limit"]),
    ("laravel", {"message": "The limit field is required.", "errors": {
        "limit": ["The limit field is required."]}}, ["required limit"]),
    ("laravel", {"errors": {"limit": ["The limit must not be greater than 100."]}},
     ["maximum limit 100"]),
    ("django", {"limit": ["Ensure this value is less than or equal to 100."]},
     ["maximum limit 100"]),
    ("django", {"workspace": ["This field is required."]}, ["required workspace"]),
    # ---------------------------------------------------------------- by hand
    ("plain", {"message": "Maximum limit is 500"}, ["maximum limit 500"]),
    ("plain", {"error": {"message": "limit cannot exceed 250"}}, ["maximum limit 250"]),
    ("plain", {"message": "Missing required header X-Workspace"}, ["header X-Workspace"]),
    ("plain", {"message": "Missing required parameter: workspaceId"}, ["required workspaceId"]),
    ("plain", {"message": "Invalid state. Allowed values: A, B, C"}, ["enum A,B,C"]),
    ("none", {"message": "Anna Smith (anna@example.com) was not found"}, []),
    ("none", {"message": "Unauthorized"}, []),
    ("none", "<html><body>502 Bad Gateway</body></html>", []),
    ("none", None, []),
]  # fmt: skip


@pytest.mark.parametrize(("library", "body", "hints"), CASES, ids=lambda v: str(v)[:60])
def test_the_default_wordings_are_understood(library: str, body: Any, hints: list[str]) -> None:
    assert [shown(hint) for hint in read_hints(body)] == hints, library


@pytest.mark.parametrize(("library", "body", "hints"), CASES, ids=lambda v: str(v)[:60])
def test_no_hint_holds_a_value_of_the_request(library: str, body: Any, hints: list[str]) -> None:
    assert "Anna" not in repr(read_hints(body)), library


_WORDS = """
must be one of [A, B]|unknown field `x`|path|loc|message|errors|limit|required|$.a[0]|/a/0|body
code|enum|unrecognized_keys|keys|params|ctx|type|maximum|header|children|constraints|source|pointer
must not be greater than 5|Key: 'A.B' Error:|reference chain: (|is required|:|"|'|[|]|valids
"""
WORDS = st.sampled_from([word for line in _WORDS.split("\n") for word in line.split("|")])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), WORDS, st.text(max_size=10))
BODIES = st.recursive(
    SCALARS | st.lists(WORDS).map(" ".join),
    lambda inner: st.lists(inner) | st.dictionaries(WORDS, inner),
    max_leaves=20,
)


@given(BODIES)
def test_any_body_gives_hints_or_none(body: Any) -> None:
    for hint in read_hints(body):
        assert isinstance(hint.kind, HintKind)
        assert all(isinstance(step, str) for step in hint.path)


@pytest.mark.parametrize(
    "unit", ["must be ", "a.", "[", "'a', ", "expected ", "x must not ", "the "]
)
def test_long_texts_take_no_time(unit: str) -> None:
    start = time.process_time()
    read_hints({"message": [unit * 5000] * 20})
    read_hints(unit * 100_000)
    assert time.process_time() - start < 10


def test_deep_bodies_end() -> None:
    body: Any = "limit is required"
    for _ in range(2000):
        body = {"errors": [body]}
    assert read_hints(body) == ()
