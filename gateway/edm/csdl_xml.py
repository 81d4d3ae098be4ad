"""`$metadata` as CSDL XML (Protocol 11.1.2), in the shape that the picky readers accept.

Default namespace on the Edm elements and full type names: OpenUI5, SAP Cloud SDK and others fail on
prefixes and aliases. Annotations are few and typed by the published vocabularies, because one
wrong annotation makes Power Query refuse the whole feed. FilterFunctions is what makes Power Query
fold `contains` and its kin.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from gateway.edm.model import EntitySet, EntityType, Property, Schema

_EDM = "http://docs.oasis-open.org/odata/ns/edm"
_EDMX = "http://docs.oasis-open.org/odata/ns/edmx"
_VOCABULARIES = {
    "Org.OData.Core.V1": "https://oasis-tcs.github.io/odata-vocabularies/vocabularies/Org.OData.Core.V1.xml",
    "Org.OData.Capabilities.V1": "https://oasis-tcs.github.io/odata-vocabularies/vocabularies/Org.OData.Capabilities.V1.xml",
    "Org.OData.Aggregation.V1": "https://oasis-tcs.github.io/odata-vocabularies/vocabularies/Org.OData.Aggregation.V1.xml",
    "Org.OData.Validation.V1": "https://oasis-tcs.github.io/odata-vocabularies/vocabularies/Org.OData.Validation.V1.xml",
}
_CAPABILITIES = "Org.OData.Capabilities.V1"
_AGGREGATION = "Org.OData.Aggregation.V1"
_CORE = "Org.OData.Core.V1"


def render_csdl_xml(
    schema: Schema,
    version: str,
    filter_functions: tuple[str, ...],
    transformations: tuple[str, ...] = (),
) -> bytes:
    """The document for a client that negotiated `version` (`4.0` or `4.01`).

    `filter_functions` and `transformations` are what $filter and $apply can use. Excel refuses a
    4.01 document when it asked for 4.0, hence the parameter.
    """
    root = Element("edmx:Edmx", {"xmlns:edmx": _EDMX, "Version": version})
    for namespace, uri in _VOCABULARIES.items():
        reference = SubElement(root, "edmx:Reference", {"Uri": uri})
        SubElement(reference, "edmx:Include", {"Namespace": namespace})
    services = SubElement(root, "edmx:DataServices")
    body = SubElement(services, "Schema", {"xmlns": _EDM, "Namespace": schema.namespace})
    for entity_set in schema.entity_sets:
        _add_entity_type(body, entity_set.entity_type)
    container = _add_container(body, schema, filter_functions)
    for node in container.findall("EntitySet") if transformations else ():
        _add_apply(node, transformations)
    indent(root)
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _add_entity_type(parent: Element, entity_type: EntityType) -> None:
    node = SubElement(parent, "EntityType", {"Name": entity_type.name})
    SubElement(SubElement(node, "Key"), "PropertyRef", {"Name": entity_type.key})
    for prop in entity_type.properties:
        _add_property(node, prop)


def _add_property(parent: Element, prop: Property) -> None:
    type_name = f"Collection({prop.type})" if prop.collection else str(prop.type)
    attributes = {"Name": prop.name, "Type": type_name}
    if not prop.nullable:
        attributes["Nullable"] = "false"
    if prop.type == "Edm.DateTimeOffset":
        attributes["Precision"] = "6"
    node = SubElement(parent, "Property", attributes)
    if prop.label:
        _annotate(node, f"{_CORE}.Description", {"String": prop.label})
    if prop.allowed_values:
        _add_allowed_values(node, prop)


def _add_allowed_values(parent: Element, prop: Property) -> None:
    """Validation.AllowedValues documents the closed set; an enum type would break other clients."""
    annotation = _annotate(parent, "Org.OData.Validation.V1.AllowedValues", {})
    collection = SubElement(annotation, "Collection")
    for value in prop.allowed_values:
        record = SubElement(collection, "Record")
        SubElement(record, "PropertyValue", {"Property": "Value", "String": value})


def _add_container(parent: Element, schema: Schema, filter_functions: tuple[str, ...]) -> Element:
    container = SubElement(parent, "EntityContainer", {"Name": schema.container})
    for entity_set in schema.entity_sets:
        _add_entity_set(container, schema, entity_set)
    _annotate(container, f"{_CORE}.ODataVersions", {"String": "4.0 4.01"})
    conformance = _annotate(container, f"{_CAPABILITIES}.ConformanceLevel", {})
    member = SubElement(conformance, "EnumMember")
    member.text = f"{_CAPABILITIES}.ConformanceLevelType/Minimal"
    _annotate(container, f"{_CAPABILITIES}.AsynchronousRequestsSupported", {"Bool": "false"})
    for term in ("BatchSupported", "BatchContinueOnErrorSupported"):
        _annotate(container, f"{_CAPABILITIES}.{term}", {"Bool": "true"})
    _annotate(container, f"{_CAPABILITIES}.KeyAsSegmentSupported", {"Bool": "false"})
    _annotate_strings(container, f"{_CAPABILITIES}.SupportedFormats", ("application/json",))
    _annotate_strings(container, f"{_CAPABILITIES}.FilterFunctions", filter_functions)
    return container


def _add_entity_set(container: Element, schema: Schema, entity_set: EntitySet) -> None:
    type_name = f"{schema.namespace}.{entity_set.entity_type.name}"
    node = SubElement(container, "EntitySet", {"Name": entity_set.name, "EntityType": type_name})
    for term in ("TopSupported", "SkipSupported", "ComputeSupported"):
        _annotate(node, f"{_CAPABILITIES}.{term}", {"Bool": "true"})
    records = {
        "CountRestrictions": ("Countable", "true"),
        "ExpandRestrictions": ("Expandable", "false"),
        "SearchRestrictions": ("Searchable", "true"),
        "InsertRestrictions": ("Insertable", "false"),
        "UpdateRestrictions": ("Updatable", "false"),
        "DeleteRestrictions": ("Deletable", "false"),
    }
    for term, (name, value) in records.items():
        record = SubElement(_annotate(node, f"{_CAPABILITIES}.{term}", {}), "Record")
        SubElement(record, "PropertyValue", {"Property": name, "Bool": value})


def _add_apply(entity_set: Element, transformations: tuple[str, ...]) -> None:
    """ApplySupported says exactly what works: what it leaves out is not promised."""
    record = SubElement(_annotate(entity_set, f"{_AGGREGATION}.ApplySupported", {}), "Record")
    listed = SubElement(record, "PropertyValue", {"Property": "Transformations"})
    _add_strings(listed, transformations)
    rollup = SubElement(record, "PropertyValue", {"Property": "Rollup"})
    member = f"{_AGGREGATION}.RollupType/MultipleHierarchies"
    SubElement(rollup, "EnumMember").text = member
    SubElement(record, "PropertyValue", {"Property": "From", "Bool": "true"})


def _annotate(parent: Element, term: str, attributes: dict[str, str]) -> Element:
    return SubElement(parent, "Annotation", {"Term": term, **attributes})


def _annotate_strings(parent: Element, term: str, values: tuple[str, ...]) -> None:
    _add_strings(_annotate(parent, term, {}), values)


def _add_strings(parent: Element, values: tuple[str, ...]) -> None:
    collection = SubElement(parent, "Collection")
    for value in values:
        SubElement(collection, "String").text = value
