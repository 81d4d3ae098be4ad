"""Schemas to render, and a reader of CSDL XML that yields what CSDL JSON says of the same model.

Written apart from the gateway, from CSDL XML 4.01 and CSDL JSON 4.01.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from gateway.contract.loader import built_in_contract, load_contract
from gateway.edm.capabilities import CAPABILITIES
from gateway.edm.model import Alias, EntitySet, EntityType, Property, Schema
from gateway.edm.types import PrimitiveType
from gateway.query.bind.apply import TRANSFORMATIONS
from tests.support.live import FIELDS, shared_folder

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
EDMX = "{http://docs.oasis-open.org/odata/ns/edmx}"
SCHEMA = load_contract(built_in_contract(), FIELDS).schema
FUNCTIONS = ("contains", "endswith", "startswith")
TODAY = replace(CAPABILITIES, filter_functions=FUNCTIONS, transformations=TRANSFORMATIONS)
EVERYTHING = replace(
    TODAY,
    batch_formats=("multipart/mixed", "application/json"),
    asynchronous=True,
    change_tracking=True,
    collection_counts=True,
    compute=True,
    cross_join=True,
    expand=True,
    key_as_segment=True,
    query_segment=True,
    search=True,
)
EVERY_TYPE = tuple(
    Property(
        f"p{n}",
        type_,
        nullable=n % 2 == 0,
        collection=collection,
        label="Größe <&> 'ö'",
        alias=Alias("p0", date(2030, 1, 31)) if n % 3 == 0 else None,
    )
    for n, (type_, collection) in enumerate(
        (type_, collection)
        for collection in (False, True)
        for type_ in (*list(PrimitiveType)[:5], PrimitiveType.DATE_TIME_OFFSET, PrimitiveType.GUID)
    )
)


def schema_with(*properties: Property) -> Schema:
    key = Property("id", PrimitiveType.STRING, nullable=False)
    entity_type = EntityType("Thing", ("id",), (key, *properties))
    return Schema("Some.Name.Space", "Box", (EntitySet("Things", entity_type),), "v1 <&>")


def csdl_folder() -> Path:
    """The published schemas and vocabularies, which are not part of a newcomer's clone."""
    shared = shared_folder()
    if shared is None:
        pytest.skip("the CSDL schemas and vocabularies are not beside this checkout")
    return shared / "data" / "csdl"


def read_xml(document: bytes) -> dict[str, Any]:
    """What a CSDL XML document says, in the words of CSDL JSON."""
    root: Any = etree.fromstring(document)
    [schema] = root.iter(f"{EDM}Schema")
    namespace = schema.get("Namespace")
    [container] = schema.iter(f"{EDM}EntityContainer")
    types = {node.get("Name"): _entity_type(node) for node in schema.iter(f"{EDM}EntityType")}
    sets = {
        node.get("Name"): {
            "$Collection": True,
            "$Type": node.get("EntityType"),
            **_bindings(node),
            **_annotated(node),
        }
        for node in container.iter(f"{EDM}EntitySet")
    }
    described = {"$Kind": "EntityContainer", **sets, **_annotated(container)}
    return {
        "$Version": root.get("Version"),
        "$EntityContainer": f"{namespace}.{container.get('Name')}",
        "$Reference": dict(_reference(node) for node in root.iter(f"{EDMX}Reference")),
        namespace: {**types, container.get("Name"): described, **_annotated(schema)},
    }


def _bindings(node: Any) -> dict[str, Any]:
    found = {b.get("Path"): b.get("Target") for b in node.iter(f"{EDM}NavigationPropertyBinding")}
    return {"$NavigationPropertyBinding": found} if found else {}


def _reference(node: Any) -> tuple[str, Any]:
    included = [{"$Namespace": child.get("Namespace")} for child in node.iter(f"{EDMX}Include")]
    return node.get("Uri").removesuffix(".xml") + ".json", {"$Include": included}


def _entity_type(node: Any) -> dict[str, Any]:
    keys = [ref.get("Name") for ref in node.iter(f"{EDM}PropertyRef")]
    properties = {p.get("Name"): _property(p) for p in node.iter(f"{EDM}Property")}
    ways = {p.get("Name"): _navigation(p) for p in node.iter(f"{EDM}NavigationProperty")}
    return {"$Kind": "EntityType", "$Key": keys, **properties, **ways}


def _navigation(node: Any) -> dict[str, Any]:
    type_name = node.get("Type")
    found: dict[str, Any] = {"$Kind": "NavigationProperty"}
    if type_name.startswith("Collection("):
        found["$Collection"] = True
        type_name = type_name.removeprefix("Collection(").removesuffix(")")
    else:
        assert node.get("Nullable") in (None, "false")
        if node.get("Nullable") is None:
            found["$Nullable"] = True
    constraints = {
        c.get("Property"): c.get("ReferencedProperty")
        for c in node.iter(f"{EDM}ReferentialConstraint")
    }
    found["$Type"] = type_name
    if "Partner" in node.attrib:
        found["$Partner"] = node.get("Partner")
    return found | ({"$ReferentialConstraint": constraints} if constraints else {})


def _property(node: Any) -> dict[str, Any]:
    """Nullable is the default in XML and not in JSON; Edm.String is the default in JSON."""
    type_name = node.get("Type")
    found: dict[str, Any] = {}
    if type_name.startswith("Collection("):
        found["$Collection"] = True
        type_name = type_name.removeprefix("Collection(").removesuffix(")")
    if type_name != "Edm.String":
        found["$Type"] = type_name
    if node.get("Nullable", "true") == "true":
        found["$Nullable"] = True
    if node.get("Precision"):
        found["$Precision"] = int(node.get("Precision"))
    return found | _annotated(node)


def _annotated(node: Any) -> dict[str, Any]:
    return {f"@{child.get('Term')}": _value(child) for child in node.findall(f"{EDM}Annotation")}


def _value(node: Any) -> Any:
    """The value of an annotation or of a record's member: an attribute or the one child."""
    if node.get("Bool"):
        return {"true": True, "false": False}[node.get("Bool")]
    if node.get("Int"):
        return int(node.get("Int"))
    if node.get("String") is not None:
        return node.get("String")
    [child] = node
    return _expression(child)


def _expression(node: Any) -> Any:
    match etree.QName(node).localname:
        case "Record":
            return {member.get("Property"): _value(member) for member in node}
        case "Collection":
            return [_expression(item) for item in node]
        case "EnumMember":
            return node.text.rpartition("/")[2]
        case "String" | "PropertyPath":
            return node.text
    raise AssertionError(f"no reader knows {node.tag}")
