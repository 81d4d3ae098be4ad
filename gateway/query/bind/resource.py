"""Resource paths -> the resources that they address (URL Conventions 4).

Paths that OData defines and this service does not serve are refused by name (501); paths that do
not exist are 404.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from gateway.edm.model import EntitySet, NavigationProperty, Property, Schema
from gateway.errors import InvalidValue, MethodNotAllowed, NotSupported, ResourceNotFound
from gateway.query.bind.keys import key_example, read_key
from gateway.query.bind.suggest import nearest
from gateway.query.request import encoding_hint
from gateway.query.tree.expressions import Constant
from gateway.query.tree.queries import PropertyPart
from grammar import Expr, ResourcePath, Segment, unparse


@dataclass(frozen=True, slots=True)
class ServiceDocument:
    """The service root."""


@dataclass(frozen=True, slots=True)
class MetadataDocument:
    """`$metadata`."""


@dataclass(frozen=True, slots=True)
class NavigationSource:
    """The entity and the navigation property that a resource is reached through."""

    source: EntityResource
    navigation: NavigationProperty


@dataclass(frozen=True, slots=True)
class CollectionResource:
    """An entity set, or its rows that pass all `/$filter(...)` segments.

    With `within`, only the rows that an entity is related to.
    """

    entity_set: EntitySet
    filters: tuple[Expr, ...] = ()
    within: NavigationSource | None = None


@dataclass(frozen=True, slots=True)
class CountResource:
    """`/$count` of a collection."""

    of: CollectionResource


@dataclass(frozen=True, slots=True)
class ReferencesResource:
    """`/$ref` of a collection: the URLs of its entities."""

    of: CollectionResource


@dataclass(frozen=True, slots=True)
class EntityResource:
    """One entity of a set by its key, whose values are in the order of the type's.

    With `within`, an entity that another one is related to; without a key, the only one.
    """

    entity_set: EntitySet
    key: tuple[Constant, ...]
    within: NavigationSource | None = None


@dataclass(frozen=True, slots=True)
class ReferenceResource:
    """`/$ref` of an entity."""

    of: EntityResource


@dataclass(frozen=True, slots=True)
class PropertyResource:
    """A property of an entity, as JSON or in another form."""

    of: EntityResource
    prop: Property
    part: PropertyPart


Resource: TypeAlias = (
    ServiceDocument
    | MetadataDocument
    | CollectionResource
    | CountResource
    | ReferencesResource
    | EntityResource
    | ReferenceResource
    | PropertyResource
)
_KNOWN_UNSERVED = frozenset({"$all", "$crossjoin", "$each"})


def resolve_resource(
    path: ResourcePath, schema: Schema, aliases: tuple[tuple[str, Expr], ...]
) -> Resource:
    """Return the resource that the path addresses.

    Raises:
        ResourceNotFound: no such entity set or property.
        InvalidValue: a key that is not one string.
        MethodNotAllowed: `$batch`, which only POST may address.
        NotSupported: a path that OData defines and this service does not serve.
    """
    if not path.segments:
        return ServiceDocument()
    first, *rest = path.segments
    if first.name == "$metadata" and not rest:
        return MetadataDocument()
    if first.name == "$batch":
        raise MethodNotAllowed("$batch takes POST only", allow=("POST", "OPTIONS"))
    return _Path(schema, aliases).resolve(first, rest)


def _find_set(segment: Segment, schema: Schema) -> EntitySet:
    if segment.name in _KNOWN_UNSERVED:
        raise _unserved(segment)
    found = schema.find_set(segment.name)
    if found is None:
        hint = nearest(segment.name, (s.name for s in schema.entity_sets))
        remedy = hint or "; the service document at the root lists the entity sets"
        raise ResourceNotFound(
            f"there is no {segment.name!r} here{remedy}",
            target=segment.name,
        )
    return found


@dataclass(frozen=True, slots=True)
class _Path:
    """A walk along the segments of a path."""

    schema: Schema
    aliases: tuple[tuple[str, Expr], ...]

    def resolve(self, first: Segment, rest: list[Segment]) -> Resource:
        """Return the resource of a path whose first segment names an entity set."""
        rows = CollectionResource(_find_set(first, self.schema))
        return self._of_segment(rows, first, rest)

    def _of_segment(
        self, rows: CollectionResource, segment: Segment, rest: list[Segment]
    ) -> Resource:
        """Return the resource of a segment for rows, or for one of them by its key."""
        if segment.key is None:
            return self._below_rows(rows, self._uncast(rows.entity_set, rest))
        key = read_key(segment.key, rows.entity_set, self.aliases)
        return self._below_entity(EntityResource(rows.entity_set, key, rows.within), rest)

    def _uncast(self, entity_set: EntitySet, rest: list[Segment]) -> list[Segment]:
        """Remove casts to the set's own type, which change nothing."""
        own_type = f"{self.schema.namespace}.{entity_set.entity_type.name}"
        return [s for s in rest if s.name != own_type or s.key]

    def _below_rows(self, rows: CollectionResource, rest: list[Segment]) -> Resource:
        match rest:
            case []:
                return rows
            case [Segment(name="$filter", argument=condition), *further] if condition is not None:
                filtered = replace(rows, filters=(*rows.filters, condition))
                return self._below_rows(filtered, further)
            case [Segment(name="$count")]:
                return CountResource(rows)
            case [Segment(name="$ref")]:
                return ReferencesResource(rows)
        segment, entity_set = rest[0], rows.entity_set
        if segment.name in _KNOWN_UNSERVED:
            raise _unserved(segment)
        if segment.name == "$value":
            raise InvalidValue(f"{entity_set.name} has no /$value: it is a set of entities")
        raise ResourceNotFound(
            f"{entity_set.name} has no {segment.name!r}; {_instead(segment.name, entity_set)}",
            target=segment.name,
        )

    def _below_entity(self, entity: EntityResource, rest: list[Segment]) -> Resource:
        rest = self._uncast(entity.entity_set, rest)
        match rest:
            case []:
                return entity
            case [Segment(name="$ref")]:
                return ReferenceResource(entity)
        segment, entity_set = rest[0], entity.entity_set
        navigation = entity_set.entity_type.find_navigation(segment.name)
        if navigation is not None:
            return self._along(entity, navigation, segment, rest[1:])
        if segment.name == "$value":
            raise InvalidValue(
                f"{entity_set.name} are not media entities; request the /$value of a property"
            )
        if segment.name.startswith("$"):
            name = key_example(entity_set)
            raise InvalidValue(f"{name} is one entity, which has no /{segment.name}")
        prop = None if segment.key else entity_set.entity_type.find(segment.name)
        if prop is None:
            names = (known.name for known in entity_set.entity_type.navigation)
            wrong = encoding_hint(segment.name, "path")
            hint = (
                f"; {wrong}"
                if wrong
                else nearest(segment.name, (*entity_set.entity_type.names, *names))
            )
            raise ResourceNotFound(
                f"{entity_set.entity_type.name} has no property {segment.name!r}{hint}",
                target=segment.name,
            )
        return PropertyResource(entity, prop, _part(prop, rest[1:]))

    def _along(
        self,
        entity: EntityResource,
        navigation: NavigationProperty,
        segment: Segment,
        rest: list[Segment],
    ) -> Resource:
        target = self.schema.find_set(navigation.target)
        assert target is not None  # noqa: S101 - navigation leads to sets of the contract
        within = NavigationSource(entity, navigation)
        if navigation.collection:
            return self._of_segment(CollectionResource(target, (), within), segment, rest)
        if segment.key is not None:
            raise InvalidValue(
                f"{navigation.name} is one row, which needs no key", target=navigation.name
            )
        return self._below_entity(EntityResource(target, (), within), rest)


def _instead(name: str, entity_set: EntitySet) -> str:
    """Return how to request something of the entities that was named right after their set."""
    wrong = encoding_hint(name, "path")
    if wrong:
        return wrong
    by_key = key_example(entity_set)
    if entity_set.entity_type.find(name) is not None:
        return f"write {by_key}/{name} for one entity, or {entity_set.name}?$select={name} for all"
    if entity_set.entity_type.find_navigation(name) is not None:
        return f"write {by_key}/{name} for one entity, or {entity_set.name}?$expand={name} for all"
    return f"an entity is addressed by its key: {by_key}"


def _part(prop: Property, rest: list[Segment]) -> PropertyPart:
    """Return the form of a property that the segments after it request."""
    match rest:
        case []:
            return PropertyPart.JSON
        case [Segment(name="$value")] if not prop.collection:
            return PropertyPart.TEXT
        case [Segment(name="$count")] if prop.collection:
            return PropertyPart.COUNT
        case [Segment(name=("$value" | "$count" | "$ref" | "$filter" | "$each") as name), *_]:
            if name == "$filter" and prop.collection:
                raise _unserved(rest[0])
            kind = "a collection" if prop.collection else "a single value"
            raise InvalidValue(f"{prop.name} is {kind}, which has no /{name}")
    raise ResourceNotFound(
        f"{prop.name} is of a primitive type, which has no {rest[0].name!r}; end the path with"
        f" {prop.name}",
        target=rest[0].name,
    )


def _unserved(segment: Segment) -> NotSupported:
    return NotSupported(
        f"the path segment {unparse(segment)} is not served; read the entity set and do the rest in"
        " the client",
        target=segment.name,
    )
