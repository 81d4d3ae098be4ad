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
    values, e.g. of a state; empty when any value may come. `dynamic` ones are not in the model: a
    client has defined them with $compute or $apply.
    """

    name: str
    type: PrimitiveType
    nullable: bool = True
    collection: bool = False
    label: str = ""
    allowed_values: tuple[str, ...] = ()
    dynamic: bool = False


@dataclass(frozen=True, slots=True)
class EntityType:
    """An entity type with a single key property, which is a non-null string."""

    name: str
    key: str
    properties: tuple[Property, ...]

    def find(self, name: str) -> Property | None:
        """The property of exactly this name (names are case-sensitive, URL Conventions 4)."""
        return next((p for p in self.properties if p.name == name), None)

    @property
    def names(self) -> tuple[str, ...]:
        """Property names in the order of `$metadata`, which is the order on the wire."""
        return tuple(p.name for p in self.properties)


@dataclass(frozen=True, slots=True)
class EntitySet:
    """An entity set; its name is an API: a saved workbook asks for it by name."""

    name: str
    entity_type: EntityType


@dataclass(frozen=True, slots=True)
class Schema:
    """One schema with one container, as CSDL wants it."""

    namespace: str
    container: str
    entity_sets: tuple[EntitySet, ...]

    def find_set(self, name: str) -> EntitySet | None:
        """The entity set of exactly this name."""
        return next((s for s in self.entity_sets if s.name == name), None)
