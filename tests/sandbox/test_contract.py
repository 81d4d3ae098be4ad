"""The sandbox against the OpenAPI text that lies beside it."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib.resources import files
from typing import Any, get_args

import httpx
import jsonschema_rs
import msgspec
import pytest
from starlette.applications import Starlette

import gateway.sandbox
from gateway.sandbox import create_sandbox, generate
from gateway.sandbox.payloads import (
    CustomFieldFilter,
    DateRange,
    EnrollmentType,
    Filters,
    Options,
    State,
)

Connect = Callable[[Starlette], AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture(scope="module")
def contract() -> Any:
    text = files(gateway.sandbox).joinpath("analytics-api.openapi.yaml").read_bytes()
    return msgspec.yaml.decode(text)


def names(kind: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(kind)}


def test_the_sandbox_reads_the_members_of_the_contract_and_no_others(contract: Any) -> None:
    schemas = contract["components"]["schemas"]
    for kind in (Filters, Options, DateRange, CustomFieldFilter):
        assert names(kind) == set(schemas[kind.__name__]["properties"])


def test_the_sandbox_knows_the_states_and_enrollment_types_of_the_contract(contract: Any) -> None:
    schemas = contract["components"]["schemas"]
    assert list(get_args(State)) == schemas["State"]["enum"]
    assert list(get_args(EnrollmentType)) == schemas["EnrollmentType"]["enum"]


def test_every_path_operation_and_filter_says_where_it_is_known_from(contract: Any) -> None:
    operations = [path["post"] for path in contract["paths"].values()]
    members = contract["components"]["schemas"]["Filters"]["properties"].values()
    sources = {stated["x-source"] for stated in [*operations, *members]}
    assert sources == {"documented", "assumed"}


@pytest.mark.parametrize(
    ("path", "body", "status", "schema"),
    [
        ("/analyse/results", {"options": {"limit": 1000}}, 200, "ResultsPage"),
        ("/analyse/statistics", {}, 200, "Statistics"),
        ("/analyse/results", {"options": {"limit": 0}}, 400, "Error"),
        ("/analyse/statistics", {"states": []}, 400, "Error"),
    ],
)
def test_answers_have_the_members_and_types_of_the_contract(
    connect: Connect, secret: str, contract: Any, path: str, body: object, status: int, schema: str
) -> None:
    async def asked() -> httpx.Response:
        async with connect(create_sandbox(generate(1000), secret=secret)) as client:
            return await client.post(path, json=body)

    answer = asyncio.run(asked())
    assert answer.status_code == status
    strict = closed(contract["components"]["schemas"])
    jsonschema_rs.validate(
        {"$ref": f"#/components/schemas/{schema}", "components": {"schemas": strict}},
        answer.json(),
        validate_formats=True,
    )


def closed(schema: Any) -> Any:
    """Return the schema with every named member required and no other allowed."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {name: closed(part) for name, part in schema.items()}
    if isinstance(schema.get("properties"), dict):
        parts |= {"required": list(schema["properties"]), "additionalProperties": False}
    return parts
