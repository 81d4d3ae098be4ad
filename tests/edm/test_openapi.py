"""`/openapi.json`: valid OpenAPI 3.1 that says of the rows what the schema says."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from gateway.edm.model import Property, Schema
from gateway.edm.openapi import render_openapi
from gateway.edm.types import PrimitiveType
from tests.edm.models import EVERY_TYPE, SCHEMA, schema_with

CLOSED = Property("c", PrimitiveType.STRING, allowed_values=("A", "B"))


def accepts(value: object, prop: Property) -> bool:
    """Whether the description lets a row have this value."""
    entity = render_openapi(schema_with(prop))["components"]["schemas"]["Thing"]
    return bool(Draft202012Validator(entity["properties"][prop.name]).is_valid(value))


@pytest.mark.parametrize(
    "schema", [SCHEMA, schema_with(*EVERY_TYPE)], ids=["built-in", "all types"]
)
def test_the_document_is_valid_openapi(schema: Schema) -> None:
    OPENAPI_31_VALIDATOR.validate(render_openapi(schema))


def test_every_reference_leads_somewhere() -> None:
    document = render_openapi(SCHEMA)

    def check(node: Any) -> None:
        if isinstance(node, dict) and "$ref" in node:
            target: Any = document
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
        for child in node.values() if isinstance(node, dict) else node:
            if isinstance(child, dict | list):
                check(child)

    check(document)


@pytest.mark.parametrize(
    ("prop", "good", "bad"),
    [
        (Property("s", PrimitiveType.STRING), ["", None], [5, []]),
        (Property("s", PrimitiveType.STRING, nullable=False), ["x"], [None]),
        (Property("n", PrimitiveType.DOUBLE), [1, 1.5, None], ["1"]),
        (Property("n", PrimitiveType.INT64), [1, None], [1.5]),
        (Property("n", PrimitiveType.INT32, nullable=False), [1], [1.5, None]),
        (Property("b", PrimitiveType.BOOLEAN), [True, None], [1]),
        (Property("d", PrimitiveType.DATE_TIME_OFFSET), ["2024-01-01T00:00:00Z"], [5]),
        (CLOSED, ["A", "B", None], ["C", ""]),
        (Property("l", PrimitiveType.STRING, nullable=False, collection=True), [[], ["a"]],
         [None, "a", [5]]),
    ],
    ids=lambda value: f"{value.type} {value.nullable}" if isinstance(value, Property) else "",
)  # fmt: skip
def test_a_row_is_described_as_it_is(prop: Property, good: list[Any], bad: list[Any]) -> None:
    assert all(accepts(value, prop) for value in good)
    assert not any(accepts(value, prop) for value in bad)


def test_labels_are_descriptions() -> None:
    entity = render_openapi(SCHEMA)["components"]["schemas"]["Result"]
    assert entity["properties"]["userName"]["description"] == "User name"
