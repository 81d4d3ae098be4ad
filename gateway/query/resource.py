"""Resource paths -> what they address (URL Conventions 4).

Paths that OData knows and this service does not serve are refused by name (501); paths that do not
exist are 404.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from gateway.edm.model import EntitySet, Schema
from gateway.errors import InvalidValue, MethodNotAllowed, NotSupported, ResourceNotFound
from gateway.query.suggest import nearest
from grammar import Alias, Expr, Key, Literal, LiteralKind, ResourcePath, Segment, unparse


@dataclass(frozen=True, slots=True)
class ServiceDocument:
    """The service root."""


@dataclass(frozen=True, slots=True)
class MetadataDocument:
    """`$metadata`."""


@dataclass(frozen=True, slots=True)
class CollectionResource:
    """An entity set."""

    entity_set: EntitySet


@dataclass(frozen=True, slots=True)
class EntityResource:
    """One entity of a set by its key."""

    entity_set: EntitySet
    key: str


@dataclass(frozen=True, slots=True)
class CountResource:
    """`/$count` of an entity set."""

    entity_set: EntitySet


Resource: TypeAlias = (
    ServiceDocument | MetadataDocument | CollectionResource | EntityResource | CountResource
)
_KNOWN_UNSERVED = frozenset({"$all", "$crossjoin", "$entity", "$each", "$filter", "$query", "$ref"})


def resolve_resource(
    path: ResourcePath, schema: Schema, aliases: tuple[tuple[str, Expr], ...]
) -> Resource:
    """What the path addresses.

    Raises:
        ResourceNotFound: no such entity set or property.
        InvalidValue: a key that is not one string.
        NotSupported: a path that OData knows and this service does not serve.
    """
    if not path.segments:
        return ServiceDocument()
    first, *rest = path.segments
    if first.name == "$metadata" and not rest:
        return MetadataDocument()
    if first.name == "$batch" and not rest:
        raise MethodNotAllowed("$batch takes POST only, and this service does not serve it yet")
    entity_set = _find_set(first, schema)
    if first.key is None:
        return _below_set(entity_set, rest)
    key = _key_value(first.key, entity_set, aliases)
    return _below_entity(entity_set, key, rest)


def _find_set(segment: Segment, schema: Schema) -> EntitySet:
    if segment.name in _KNOWN_UNSERVED:
        raise _unserved(segment)
    found = schema.find_set(segment.name)
    if found is None:
        hint = nearest(segment.name, (s.name for s in schema.entity_sets))
        raise ResourceNotFound(
            f"there is no {segment.name!r} here{hint}; the service document at the root lists what"
            " there is",
            target=segment.name,
        )
    return found


def _below_set(entity_set: EntitySet, rest: list[Segment]) -> Resource:
    match rest:
        case []:
            return CollectionResource(entity_set)
        case [Segment(name="$count")]:
            return CountResource(entity_set)
        case [Segment(name="$query")]:
            raise MethodNotAllowed(
                "/$query takes POST only, and this service does not serve it yet"
            )
    segment = rest[0]
    if segment.name in _KNOWN_UNSERVED or segment.name == "$count":
        raise _unserved(segment)
    if segment.name == "$value":
        raise InvalidValue(f"{entity_set.name} has no /$value: it is a set of entities")
    raise ResourceNotFound(
        f"{entity_set.name} has no {segment.name!r}; an entity is addressed by its key:"
        f" {entity_set.name}('...')",
        target=segment.name,
    )


def _below_entity(entity_set: EntitySet, key: str, rest: list[Segment]) -> Resource:
    if not rest:
        return EntityResource(entity_set, key)
    segment = rest[0]
    if segment.name == "$value":
        raise InvalidValue(f"{entity_set.name} are no media entities; ask for a property's /$value")
    if segment.name.startswith("$") or entity_set.entity_type.find(segment.name) is not None:
        raise _unserved(segment)
    hint = nearest(segment.name, entity_set.entity_type.names)
    raise ResourceNotFound(
        f"{entity_set.entity_type.name} has no property {segment.name!r}{hint}",
        target=segment.name,
    )


def _key_value(key: Key, entity_set: EntitySet, aliases: tuple[tuple[str, Expr], ...]) -> str:
    name = entity_set.entity_type.key
    if len(key.values) != 1 or key.values[0][0] not in ("", name):
        raise _wrong_key(entity_set)
    value = key.values[0][1]
    if isinstance(value, Alias):
        value = dict(aliases).get(value.name, Literal(LiteralKind.NULL, None))
    if isinstance(value, Literal) and value.kind is LiteralKind.STRING:
        return str(value.value)
    raise _wrong_key(entity_set)


def _wrong_key(entity_set: EntitySet) -> InvalidValue:
    name = entity_set.entity_type.key
    return InvalidValue(
        f"{entity_set.name} has the key {name}, a text: write {entity_set.name}('...') or"
        f" {entity_set.name}({name}='...')",
        target=entity_set.name,
    )


def _unserved(segment: Segment) -> NotSupported:
    return NotSupported(
        f"the path segment {unparse(segment)} is not served; read the entity set and let the client"
        " do the rest",
        target=segment.name,
    )
