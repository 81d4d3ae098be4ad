"""`$metadata`: valid CSDL, in the one shape that every known reader accepts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from gateway.edm.capabilities import Capabilities
from gateway.edm.csdl_xml import render_csdl_xml
from gateway.edm.model import Property, Schema
from gateway.edm.types import PrimitiveType
from gateway.query.bind.apply import TRANSFORMATIONS
from tests.edm.models import (
    EDM,
    EDMX,
    EVERY_TYPE,
    EVERYTHING,
    FUNCTIONS,
    SCHEMA,
    TODAY,
    csdl_folder,
    schema_with,
)


def document(
    schema: Schema = SCHEMA, version: str = "4.0", capabilities: Capabilities = TODAY
) -> Any:
    return etree.fromstring(render_csdl_xml(schema, version, capabilities))


def csdl_validator(version: str) -> etree.XMLSchema:
    """The published schemas; those of 4.0 are stricter."""
    folder = csdl_folder() / ("v4.0" if version == "4.0" else ".")
    return etree.XMLSchema(etree.fromstring(_driver(folder.resolve())))


def _driver(folder: Path) -> str:
    """edmx.xsd of 4.0 imports edm.xsd without saying where it is; this document says it."""
    namespaces = (("edm", EDM), ("edmx", EDMX))
    imports = (
        f'<xs:import namespace="{namespace.strip("{}")}"'
        f' schemaLocation="{(folder / f"{name}.xsd").as_uri()}"/>'
        for name, namespace in namespaces
    )
    xs = "http://www.w3.org/2001/XMLSchema"
    return f'<xs:schema xmlns:xs="{xs}">{"".join(imports)}</xs:schema>'


@pytest.mark.parametrize("capabilities", [TODAY, EVERYTHING], ids=["today", "everything"])
@pytest.mark.parametrize("version", ["4.0", "4.01"])
@pytest.mark.parametrize(
    "schema", [SCHEMA, schema_with(*EVERY_TYPE)], ids=["built-in", "all types"]
)
def test_the_document_is_valid_by_the_published_schema(
    schema: Schema, version: str, capabilities: Capabilities
) -> None:
    csdl_validator(version).assertValid(document(schema, version, capabilities))


@pytest.mark.parametrize("version", ["4.0", "4.01"])
def test_the_document_has_the_version_that_was_asked_for(version: str) -> None:
    root = document(version=version)
    assert root.tag == f"{EDMX}Edmx"
    assert root.get("Version") == version


def test_the_edm_elements_stand_in_the_default_namespace() -> None:
    root = document()
    schema = root.find(f"{EDMX}DataServices/{EDM}Schema")
    assert schema.prefix is None
    assert {node.prefix for node in schema.iter(f"{EDM}*")} == {None}


def test_it_is_utf8_with_a_declaration() -> None:
    text = render_csdl_xml(schema_with(*EVERY_TYPE), "4.0", TODAY)
    assert text.startswith(b"<?xml version='1.0' encoding='utf-8'?>")
    assert "Größe &lt;&amp;&gt; 'ö'".encode() in text


def test_each_set_of_the_one_container_has_a_type_with_its_key() -> None:
    root = document()
    [container] = root.iter(f"{EDM}EntityContainer")
    assert container.get("Name") == "Analytics"
    sets = [(s.get("Name"), s.get("EntityType")) for s in container.iter(f"{EDM}EntitySet")]
    assert sets == [(s.name, f"Skillhabit.{s.entity_type.name}") for s in SCHEMA.entity_sets]
    assert sets[:2] == [("Results", "Skillhabit.Result"), ("Users", "Skillhabit.User")]
    keys = {
        node.get("Name"): tuple(key.get("Name") for key in node.iter(f"{EDM}PropertyRef"))
        for node in root.iter(f"{EDM}EntityType")
    }
    assert keys == {s.entity_type.name: s.entity_type.key for s in SCHEMA.entity_sets}
    assert keys["GroupMember"] == ("userId", "groupId")


def test_properties_keep_their_order_types_and_nullability() -> None:
    found = [
        (p.get("Name"), p.get("Type"), p.get("Nullable"))
        for p in next(document().iter(f"{EDM}EntityType")).iter(f"{EDM}Property")
    ]
    assert [name for name, _, _ in found] == list(SCHEMA.entity_sets[0].entity_type.names)
    assert found[0] == ("id", "Edm.String", "false")
    assert ("progress", "Edm.Double", None) in found
    assert ("updatedAt", "Edm.DateTimeOffset", "false") in found
    assert ("groupIds", "Collection(Edm.String)", "false") in found
    assert ("region", "Edm.String", None) in found


def test_instants_have_a_precision_and_nothing_else_does() -> None:
    for node in document(schema_with(*EVERY_TYPE)).iter(f"{EDM}Property"):
        instant = "DateTimeOffset" in node.get("Type")
        assert node.get("Precision") == ("6" if instant else None)


def test_every_term_is_qualified_and_its_vocabulary_is_referenced() -> None:
    root = document()
    included = {node.get("Namespace") for node in root.iter(f"{EDMX}Include")}
    terms = [node.get("Term") for node in root.iter(f"{EDM}Annotation")]
    assert {term.rpartition(".")[0] for term in terms} <= included
    for node in root.iter(f"{EDMX}Reference"):
        assert node.get("Uri").endswith(f"{node[0].get('Namespace')}.xml")


def test_closed_values_are_documented_and_open_ones_are_not() -> None:
    listed = Property("state", PrimitiveType.STRING, known_values=("A", "B"))
    schema = schema_with(listed, replace(listed, name="closed", allowed_values=("A", "B")))
    described = {
        node.getparent().get("Name"): [
            value.get("String") for value in node.iter(f"{EDM}PropertyValue")
        ]
        for node in next(document(schema).iter(f"{EDM}EntityType")).iter(f"{EDM}Annotation")
        if node.get("Term") == "Org.OData.Validation.V1.AllowedValues"
    }
    assert described == {"closed": ["A", "B"]}


def test_labels_are_descriptions() -> None:
    prop = Property("x", PrimitiveType.STRING, label="In words")
    found = {
        node.getparent().get("Name"): node.get("String")
        for node in document(schema_with(prop, replace(prop, name="y", label=""))).iter(
            f"{EDM}Annotation"
        )
        if node.get("Term") == "Org.OData.Core.V1.Description"
    }
    assert found == {"x": "In words"}


def test_what_the_rows_of_a_set_are_is_its_description() -> None:
    found = {
        node.getparent().get("Name"): node.get("String")
        for node in document().iterfind(f".//{EDM}EntitySet/{EDM}Annotation")
        if node.get("Term") == "Org.OData.Core.V1.Description"
    }
    assert found == {s.name: s.label for s in SCHEMA.entity_sets if s.label}
    assert found["Users"]


def test_the_functions_that_filters_may_use_are_listed() -> None:
    [node] = document().iterfind(
        f".//{EDM}Annotation[@Term='Org.OData.Capabilities.V1.FilterFunctions']"
    )
    assert tuple(text.text for text in node.iter(f"{EDM}String")) == FUNCTIONS


def test_apply_announces_exactly_what_works() -> None:
    found = document().findall(
        f".//{EDM}Annotation[@Term='Org.OData.Aggregation.V1.ApplySupported']"
    )
    assert len(found) == len(SCHEMA.entity_sets)
    for node in found:
        assert tuple(text.text for text in node.iter(f"{EDM}String")) == TRANSFORMATIONS


def test_nothing_is_announced_of_apply_when_there_is_none() -> None:
    none = replace(TODAY, transformations=())
    assert "ApplySupported" not in render_csdl_xml(SCHEMA, "4.0", none).decode()
