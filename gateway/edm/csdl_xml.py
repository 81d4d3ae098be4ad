"""`$metadata` as CSDL XML (CSDL XML 4.01), in the one shape that every known reader accepts.

The edm elements are in the default namespace and names are written in full: prefixes and aliases
break SAP Cloud SDK, odata2ts, Breeze and others.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from gateway.edm.annotations import (
    VOCABULARIES,
    Annotation,
    AnnotationItem,
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
from gateway.edm.model import EntitySet, EntityType, NavigationProperty, Property, Schema
from gateway.edm.types import PrimitiveType

_EDM = "http://docs.oasis-open.org/odata/ns/edm"
_EDMX = "http://docs.oasis-open.org/odata/ns/edmx"
_HOME = "https://oasis-tcs.github.io/odata-vocabularies/vocabularies"


def render_csdl_xml(schema: Schema, version: str, capabilities: Capabilities) -> bytes:
    """Return the document for a client that negotiated `version` (`4.0` or `4.01`).

    Excel refuses a 4.01 document if it requested 4.0.
    """
    root = Element("edmx:Edmx", {"xmlns:edmx": _EDMX, "Version": version})
    for namespace in VOCABULARIES:
        reference = SubElement(root, "edmx:Reference", {"Uri": f"{_HOME}/{namespace}.xml"})
        SubElement(reference, "edmx:Include", {"Namespace": namespace})
    services = SubElement(root, "edmx:DataServices")
    body = SubElement(services, "Schema", {"xmlns": _EDM, "Namespace": schema.namespace})
    for entity_set in schema.entity_sets:
        _add_entity_type(body, schema, entity_set.entity_type)
    container = SubElement(body, "EntityContainer", {"Name": schema.container})
    for entity_set in schema.entity_sets:
        _add_entity_set(container, schema, entity_set, capabilities)
    _annotate(container, annotate_container(capabilities))
    _annotate(body, annotate_schema(schema))
    indent(root)
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _add_entity_type(parent: Element, schema: Schema, entity_type: EntityType) -> None:
    node = SubElement(parent, "EntityType", {"Name": entity_type.name})
    key = SubElement(node, "Key")
    for name in entity_type.key:
        SubElement(key, "PropertyRef", {"Name": name})
    for prop in entity_type.properties:
        _add_property(node, prop)
    for navigation in entity_type.navigation:
        _add_navigation(node, schema, navigation)


def _add_navigation(parent: Element, schema: Schema, navigation: NavigationProperty) -> None:
    """Add a navigation property; BI tools derive relationships from partner and constraint."""
    target = schema.type_behind(navigation)
    type_name = f"Collection({target})" if navigation.collection else target
    attributes = {"Name": navigation.name, "Type": type_name}
    if not (navigation.collection or navigation.nullable):
        attributes["Nullable"] = "false"
    if navigation.partner:
        attributes["Partner"] = navigation.partner
    node = SubElement(parent, "NavigationProperty", attributes)
    for own, other in navigation.on if navigation.constrained else ():
        names = {"Property": own, "ReferencedProperty": other}
        SubElement(node, "ReferentialConstraint", names)


def _add_property(parent: Element, prop: Property) -> None:
    type_name = f"Collection({prop.type})" if prop.collection else str(prop.type)
    attributes = {"Name": prop.name, "Type": type_name}
    if not prop.nullable:
        attributes["Nullable"] = "false"
    if prop.type is PrimitiveType.DATE_TIME_OFFSET:
        attributes["Precision"] = "6"
    _annotate(SubElement(parent, "Property", attributes), annotate_property(prop))


def _add_entity_set(
    container: Element, schema: Schema, entity_set: EntitySet, capabilities: Capabilities
) -> None:
    type_name = f"{schema.namespace}.{entity_set.entity_type.name}"
    node = SubElement(container, "EntitySet", {"Name": entity_set.name, "EntityType": type_name})
    for navigation in entity_set.entity_type.navigation:
        binding = {"Path": navigation.name, "Target": navigation.target}
        SubElement(node, "NavigationPropertyBinding", binding)
    _annotate(node, annotate_set(entity_set, capabilities))


def _annotate(parent: Element, annotations: tuple[Annotation, ...]) -> None:
    for annotation in annotations:
        _put(parent, "Annotation", {"Term": annotation.term}, annotation.value)


def _put(parent: Element, tag: str, names: dict[str, str], value: AnnotationValue) -> None:
    """Add an element with a value: plain ones as an attribute, others as its child."""
    match value:
        case bool():
            SubElement(parent, tag, {**names, "Bool": str(value).lower()})
        case int():
            SubElement(parent, tag, {**names, "Int": str(value)})
        case str():
            SubElement(parent, tag, {**names, "String": value})
        case tuple():
            collection = SubElement(SubElement(parent, tag, names), "Collection")
            for item in value:
                _add_item(collection, item)
        case _:
            _add_item(SubElement(parent, tag, names), value)


def _add_item(parent: Element, item: AnnotationItem) -> None:
    match item:
        case str():
            SubElement(parent, "String").text = item
        case EnumMember(type_name, name):
            SubElement(parent, "EnumMember").text = f"{type_name}/{name}"
        case PropertyPath(path):
            SubElement(parent, "PropertyPath").text = path
        case Record(members):
            node = SubElement(parent, "Record")
            for name, member in members:
                _put(node, "PropertyValue", {"Property": name}, member)
