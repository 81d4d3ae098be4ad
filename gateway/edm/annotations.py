"""The annotations of `$metadata`, with terms of the OASIS vocabularies.

Clients refuse the whole service for one annotation of a wrong type, so a test checks each against
its term in the vocabulary: type, members, and allowed targets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from gateway.edm.capabilities import Capabilities
from gateway.edm.model import EntitySet, Property, Schema

CORE = "Org.OData.Core.V1"
CAPABILITIES = "Org.OData.Capabilities.V1"
AGGREGATION = "Org.OData.Aggregation.V1"
VALIDATION = "Org.OData.Validation.V1"
VOCABULARIES = (CORE, CAPABILITIES, AGGREGATION, VALIDATION)


@dataclass(frozen=True, slots=True)
class EnumMember:
    """A member of an enumeration type of a vocabulary; `type` is its qualified name."""

    type: str
    name: str


@dataclass(frozen=True, slots=True)
class PropertyPath:
    """The name of a property of the annotated set's entity type."""

    path: str


@dataclass(frozen=True, slots=True)
class Record:
    """An instance of a complex type: its members, in order."""

    members: tuple[tuple[str, AnnotationValue], ...]


AnnotationItem: TypeAlias = str | EnumMember | PropertyPath | Record
AnnotationValue: TypeAlias = bool | int | AnnotationItem | tuple[AnnotationItem, ...]


@dataclass(frozen=True, slots=True)
class Annotation:
    """A qualified term and its value; a tuple is a collection."""

    term: str
    value: AnnotationValue


def annotate_schema(schema: Schema) -> tuple[Annotation, ...]:
    """Return the version of a published schema."""
    return (Annotation(f"{CORE}.SchemaVersion", schema.version),) if schema.version else ()


def annotate_container(capabilities: Capabilities) -> tuple[Annotation, ...]:
    """Return the annotations of the service as a whole."""
    level = EnumMember(f"{CAPABILITIES}.ConformanceLevelType", capabilities.conformance)
    snapshot = EnumMember(f"{CAPABILITIES}.IsolationLevel", "Snapshot")
    core: dict[str, AnnotationValue] = {
        "ODataVersions": "4.0 4.01",
        "ConventionalIDs": True,
        "DereferenceableIDs": True,
    }
    supported: dict[str, AnnotationValue] = {
        "ConformanceLevel": level,
        "SupportedFormats": capabilities.formats,
        "SupportedMetadataFormats": capabilities.metadata_formats,
        "FilterFunctions": capabilities.filter_functions,
        "IsolationSupported": snapshot,
        "AsynchronousRequestsSupported": capabilities.asynchronous,
        "BatchSupported": bool(capabilities.batch_formats),
        "BatchSupport": _batch(capabilities),
        "CrossJoinSupported": capabilities.cross_join,
        "KeyAsSegmentSupported": capabilities.key_as_segment,
        "QuerySegmentSupported": capabilities.query_segment,
    }
    return (*_annotations(CORE, core), *_annotations(CAPABILITIES, supported))


def _batch(capabilities: Capabilities) -> Record:
    """Return the support of $batch; in a read-only service only `continue-on-error` matters."""
    if not capabilities.batch_formats:
        return Record((("Supported", False),))
    return Record(
        (
            ("Supported", True),
            ("ContinueOnErrorSupported", True),
            ("SupportedFormats", capabilities.batch_formats),
        )
    )


def annotate_set(entity_set: EntitySet, capabilities: Capabilities) -> tuple[Annotation, ...]:
    """Return the annotations of one entity set: its description and its capabilities."""
    lists = tuple(PropertyPath(p.name) for p in entity_set.entity_type.properties if p.collection)
    tracked = capabilities.change_tracking and entity_set.trackable
    uncounted = () if capabilities.collection_counts else lists
    supported: dict[str, AnnotationValue] = {
        "IndexableByKey": True,
        "TopSupported": True,
        "SkipSupported": True,
        "ComputeSupported": capabilities.compute,
        "SelectSupport": _selections(capabilities),
        "FilterRestrictions": Record((("Filterable", True),)),
        "SortRestrictions": _restricted("Sortable", "NonSortableProperties", lists),
        "CountRestrictions": _restricted("Countable", "NonCountableProperties", uncounted),
        "SearchRestrictions": Record((("Searchable", capabilities.search),)),
        "ExpandRestrictions": _expansions(capabilities),
        "ChangeTracking": Record((("Supported", tracked),)),
        "InsertRestrictions": Record((("Insertable", False),)),
        "UpdateRestrictions": Record((("Updatable", False),)),
        "DeleteRestrictions": Record((("Deletable", False),)),
    }
    label = _described(entity_set.label)
    return (*label, *_annotations(CAPABILITIES, supported), *_apply(capabilities))


def _described(label: str) -> tuple[Annotation, ...]:
    return (Annotation(f"{CORE}.Description", label),) if label else ()


def _selections(capabilities: Capabilities) -> Record:
    """Return the support of $select, and of options for lists in it."""
    names = ("Filterable", "Searchable", "TopSupported", "SkipSupported", "Countable", "Sortable")
    listed = ((name, True) for name in names if capabilities.collection_counts)
    return Record((("Supported", True), *listed))


def _expansions(capabilities: Capabilities) -> Record:
    if not capabilities.expand:
        return Record((("Expandable", False),))
    return Record((("Expandable", True), ("MaxLevels", capabilities.expand_levels)))


def _apply(capabilities: Capabilities) -> tuple[Annotation, ...]:
    """Return ApplySupported, which lists exactly the supported features."""
    if not capabilities.transformations:
        return ()
    rollup = EnumMember(f"{AGGREGATION}.RollupType", "MultipleHierarchies")
    supported: tuple[tuple[str, AnnotationValue], ...] = (
        ("Transformations", capabilities.transformations),
        ("Rollup", rollup),
        ("From", True),
    )
    return (Annotation(f"{AGGREGATION}.ApplySupported", Record(supported)),)


def _restricted(ability: str, exceptions: str, names: tuple[PropertyPath, ...]) -> Record:
    members: tuple[tuple[str, AnnotationValue], ...] = ((ability, True),)
    return Record((*members, (exceptions, names)) if names else members)


def annotate_property(prop: Property) -> tuple[Annotation, ...]:
    """Return a property's label, its end, and its closed values: an enum breaks some clients."""
    found = list(_described(prop.label))
    if prop.alias is not None:
        kind = EnumMember(f"{CORE}.RevisionKind", "Deprecated")
        revision = Record((("Kind", kind), ("Description", prop.alias.text)))
        found.append(Annotation(f"{CORE}.Revisions", (revision,)))
    if prop.allowed_values:
        values = tuple(Record((("Value", value),)) for value in prop.allowed_values)
        found.append(Annotation(f"{VALIDATION}.AllowedValues", values))
    return tuple(found)


def _annotations(namespace: str, values: dict[str, AnnotationValue]) -> tuple[Annotation, ...]:
    return tuple(Annotation(f"{namespace}.{term}", value) for term, value in values.items())
