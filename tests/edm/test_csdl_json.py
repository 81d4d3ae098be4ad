"""`$metadata` as CSDL JSON: valid, and the same model as the XML."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema_rs
import pytest

from gateway.edm.capabilities import Capabilities
from gateway.edm.csdl_json import render_csdl_json
from gateway.edm.csdl_xml import render_csdl_xml
from gateway.edm.model import Schema
from tests.edm.models import (
    EVERY_TYPE,
    EVERYTHING,
    SCHEMA,
    TODAY,
    csdl_folder,
    read_xml,
    schema_with,
)

CASES = [
    pytest.param(schema, capabilities, version, id=f"{name}, {extent}, {version}")
    for name, schema in (("built-in", SCHEMA), ("all types", schema_with(*EVERY_TYPE)))
    for extent, capabilities in (("today", TODAY), ("everything", EVERYTHING))
    for version in ("4.0", "4.01")
]


def document(schema: Schema, capabilities: Capabilities, version: str) -> Any:
    return json.loads(render_csdl_json(schema, version, capabilities))


def csdl_validator() -> Any:
    """The published schema; its classes of letters are too large for the validator as they stand.

    `(_|\\p{L}){0,127}` becomes `[_\\p{L}]*`, which says the same but for the length of names.
    """
    text = (csdl_folder() / "csdl.schema.json").read_text("utf-8")
    classes = r"\(((?:_|\\\\p\{\w+\}|\|)+)\)"
    smaller = re.sub(classes, lambda found: f"[{found[1].replace('|', '')}]", text)
    return jsonschema_rs.validator_for(json.loads(smaller.replace("{0,127}", "*")))


@pytest.mark.parametrize(("schema", "capabilities", "version"), CASES)
def test_the_document_is_valid_by_the_published_schema(
    schema: Schema, capabilities: Capabilities, version: str
) -> None:
    csdl_validator().validate(document(schema, capabilities, version))


def test_the_published_schema_would_find_a_mistake() -> None:
    broken = document(SCHEMA, TODAY, "4.01")
    broken["Skillhabit"]["Result"]["id"]["$Nulable"] = True
    assert not csdl_validator().is_valid(broken)


@pytest.mark.parametrize(("schema", "capabilities", "version"), CASES)
def test_it_says_what_the_xml_says(
    schema: Schema, capabilities: Capabilities, version: str
) -> None:
    as_xml = read_xml(render_csdl_xml(schema, version, capabilities))
    assert document(schema, capabilities, version) == as_xml


def test_the_order_of_the_columns_is_that_of_the_rows() -> None:
    found = document(SCHEMA, TODAY, "4.01")["Skillhabit"]["Result"]
    names = [n for n, m in found.items() if not n.startswith("$") and "$Kind" not in m]
    assert tuple(names) == SCHEMA.entity_sets[0].entity_type.names
