"""The model that the service publishes: properties, entity types, entity sets.

Built from a contract file by `gateway.contract`; no name of a property stands in code.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.edm.types import PrimitiveType


@dataclass(frozen=True, slots=True)
class Property:
    """A structural property.

    `label` is the text a person knows it by (Core.Description). `allowed_values` closes the set of
    values, e.g. of a state; empty when any value may come. `known_values` are those that the
    contract file lists, whether or not the list is closed. `dynamic` ones are not in the model: a
    client has defined them with $compute or $apply, and their texts may have `width` characters.
    `personal` values name a person or tell about one; reads of them are in the audit log.
    """

    name: str
    type: PrimitiveType
    nullable: bool = True
    collection: bool = False
    label: str = ""
    allowed_values: tuple[str, ...] = ()
    known_values: tuple[str, ...] = ()
    dynamic: bool = False
    width: int = 64
    personal: bool = False


@dataclass(frozen=True, slots=True)
class NavigationProperty:
    """The way from an entity to those of another set whose values are the same (CSDL 8).

    `on` are pairs of properties, own and the other's. `constrained` tells that the own ones depend
    on the key of the other, which CSDL calls a referential constraint. A single one is `nullable`
    when one of its own properties is: where that is null there is no such entity. `partner` is the
    property that leads back, empty for none.
    """

    name: str
    target: str
    partner: str
    on: tuple[tuple[str, str], ...]
    collection: bool
    constrained: bool
    nullable: bool = False

    def back(self, name: str, origin: str, *, collection: bool) -> NavigationProperty:
        """Return the way back from the target to the set `origin`."""
        on = tuple((theirs, own) for own, theirs in self.on)
        return NavigationProperty(name, origin, self.name, on, collection, False)


@dataclass(frozen=True, slots=True)
class EntityType:
    """An entity type; the properties of its `key` are never null."""

    name: str
    key: tuple[str, ...]
    properties: tuple[Property, ...]
    navigation: tuple[NavigationProperty, ...] = ()

    def find(self, name: str) -> Property | None:
        """The property of exactly this name (names are case-sensitive, URL Conventions 4)."""
        return next((p for p in self.properties if p.name == name), None)

    def find_navigation(self, name: str) -> NavigationProperty | None:
        """The navigation property of exactly this name."""
        return next((n for n in self.navigation if n.name == name), None)

    @property
    def all_names(self) -> tuple[str, ...]:
        """Names of properties and of navigation properties: none may be given to anything else."""
        return (*self.names, *(way.name for way in self.navigation))

    @property
    def key_properties(self) -> tuple[Property, ...]:
        """The properties of the key, in its order."""
        return tuple(p for name in self.key for p in self.properties if p.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """Property names in the order of `$metadata`, which is the order on the wire."""
        return tuple(p.name for p in self.properties)


@dataclass(frozen=True, slots=True)
class EntitySet:
    """An entity set; its name is an API: a saved workbook asks for it by name.

    `label` says in a sentence what its rows are. `trackable` tells that rows change only when data
    does, so that two snapshots can be compared: nothing in them depends on the moment.
    """

    name: str
    entity_type: EntityType
    label: str = ""
    trackable: bool = True


@dataclass(frozen=True, slots=True)
class Schema:
    """One schema with one container, as CSDL wants it."""

    namespace: str
    container: str
    entity_sets: tuple[EntitySet, ...]

    def find_set(self, name: str) -> EntitySet | None:
        """The entity set of exactly this name."""
        return next((s for s in self.entity_sets if s.name == name), None)

    def type_behind(self, way: NavigationProperty) -> str:
        """The qualified name of the entity type that a navigation property leads to."""
        names = {s.name: s.entity_type.name for s in self.entity_sets}
        return f"{self.namespace}.{names[way.target]}"
