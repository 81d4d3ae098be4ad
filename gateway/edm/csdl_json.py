"""`$metadata` as CSDL JSON (CSDL JSON 4.01): the same model as the XML, member for member.

JSON's defaults differ from XML's: a missing type is Edm.String, and a property without `$Nullable`
is not nullable.
"""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.edm.annotations import (
    VOCABULARIES,
    Annotation,
    AnnotationValue,
    EnumMember,
    PropertyPath,
    Record,
    annotate_container,
    annotate_property,
    annotate_schema,
    annotate_set,
)
from gateway.edm.capabilities import Capabilities
from gateway.edm.model import EntityType, NavigationProperty, Property, Schema
from gateway.edm.types import PrimitiveType

_HOME = "https://oasis-tcs.github.io/odata-vocabularies/vocabularies"


def render_csdl_json(schema: Schema, version: str, capabilities: Capabilities) -> bytes:
    """Return the document for a client that negotiated `version` (`4.0` or `4.01`)."""
    types = {s.entity_type.name: _entity_type(schema, s.entity_type) for s in schema.entity_sets}
    container = {schema.container: _container(schema, capabilities)}
    document = {
        "$Version": version,
        "$EntityContainer": f"{schema.namespace}.{schema.container}",
        "$Reference": {
            f"{_HOME}/{namespace}.json": {"$Include": [{"$Namespace": namespace}]}
            for namespace in VOCABULARIES
        },
        schema.namespace: {**types, **container, **_annotated(annotate_schema(schema))},
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def _entity_type(schema: Schema, entity_type: EntityType) -> dict[str, Any]:
    properties = {prop.name: _property(prop) for prop in entity_type.properties}
    navigation = {item.name: _navigation(schema, item) for item in entity_type.navigation}
    return {"$Kind": "EntityType", "$Key": list(entity_type.key), **properties, **navigation}


def _navigation(schema: Schema, navigation: NavigationProperty) -> dict[str, Any]:
    found: dict[str, Any] = {"$Kind": "NavigationProperty", "$Type": schema.type_behind(navigation)}
    if navigation.collection:
        found["$Collection"] = True
    if navigation.nullable:
        found["$Nullable"] = True
    if navigation.partner:
        found["$Partner"] = navigation.partner
    if navigation.constrained:
        found["$ReferentialConstraint"] = dict(navigation.on)
    return found


def _property(prop: Property) -> dict[str, Any]:
    facets: dict[str, Any] = {}
    if prop.collection:
        facets["$Collection"] = True
    if prop.type is not PrimitiveType.STRING:
        facets["$Type"] = prop.type.value
    if prop.nullable:
        facets["$Nullable"] = True
    if prop.type is PrimitiveType.DATE_TIME_OFFSET:
        facets["$Precision"] = 6
    return facets | _annotated(annotate_property(prop))


def _container(schema: Schema, capabilities: Capabilities) -> dict[str, Any]:
    sets = {
        entity_set.name: {
            "$Collection": True,
            "$Type": f"{schema.namespace}.{entity_set.entity_type.name}",
            **_bindings(entity_set.entity_type),
            **_annotated(annotate_set(entity_set, capabilities)),
        }
        for entity_set in schema.entity_sets
    }
    annotations = _annotated(annotate_container(capabilities))
    return {"$Kind": "EntityContainer", **sets, **annotations}


def _bindings(entity_type: EntityType) -> dict[str, Any]:
    found = {item.name: item.target for item in entity_type.navigation}
    return {"$NavigationPropertyBinding": found} if found else {}


def _annotated(annotations: tuple[Annotation, ...]) -> dict[str, Any]:
    return {f"@{item.term}": _value(item.value) for item in annotations}


def _value(value: AnnotationValue) -> object:
    """Return a value as JSON; enumeration members and paths are texts, typed by their term."""
    match value:
        case bool() | int() | str():
            return value
        case EnumMember(_, name):
            return name
        case PropertyPath(path):
            return path
        case Record(members):
            return {name: _value(member) for name, member in members}
        case tuple():
            return [_value(item) for item in value]
