"""The model that the service publishes: properties, entity types, entity sets.

`gateway.contract` builds it from a contract file; no code contains a property's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gateway.edm.types import PrimitiveType


@dataclass(frozen=True, slots=True)
class Alias:
    """The facts about an old name: the column that it repeats, and its last day (UTC)."""

    of: str
    until: date

    def is_alive(self, today: date) -> bool:
        """Return True if the name is published on this day."""
        return today <= self.until

    @property
    def text(self) -> str:
        """Return what a reader of the model needs to know."""
        return f"Old name of {self.of}. It works through {self.until}. Use {self.of}."


@dataclass(frozen=True, slots=True)
class Property:
    """A structural property.

    `label` is its name for people (Core.Description). `allowed_values` closes the set of values,
    e.g. of a state; empty if any value is possible. `known_values` are those that the contract
    file lists, whether or not the list is closed. `dynamic` ones are not in the model: a client
    has defined them with $compute or $apply, and their texts may have `width` characters.
    `personal` values identify or describe a person; the audit log records reads of them. `meaning`
    is that of an expiry date: `due`, `validity`, `by_state`, or `unknown`. `alias` is set if the
    name is an old one that repeats another column. `value_labels` are the owner's names for values.
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
    meaning: str = "unknown"
    alias: Alias | None = None
    value_labels: tuple[tuple[str, str], ...] = ()

    def can_mean(self, needed: str) -> bool:
        """Return True unless the date is known to mean something else; "" is anything."""
        return not needed or self.meaning in (needed, "by_state", "unknown")


@dataclass(frozen=True, slots=True)
class NavigationProperty:
    """A navigation property: the entities of another set with equal values (CSDL 8).

    `on` are pairs of properties, own and the other's. `constrained` is true if the own ones depend
    on the key of the other, which CSDL calls a referential constraint. A single-valued one is
    `nullable` if one of its own properties is: a null there leads to no entity. `partner` is the
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
        """Return the navigation property back from the target to the set `origin`."""
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
        """Return the property of exactly this name; case matters (URL Conventions 4)."""
        return next((p for p in self.properties if p.name == name), None)

    def find_navigation(self, name: str) -> NavigationProperty | None:
        """Return the navigation property of exactly this name."""
        return next((n for n in self.navigation if n.name == name), None)

    @property
    def all_names(self) -> tuple[str, ...]:
        """Return the names of properties and navigation properties, which no alias may take."""
        return (*self.names, *(navigation.name for navigation in self.navigation))

    @property
    def key_properties(self) -> tuple[Property, ...]:
        """Return the properties of the key, in its order."""
        return tuple(p for name in self.key for p in self.properties if p.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """Return property names in the order of `$metadata`, which is the order on the wire."""
        return tuple(p.name for p in self.properties)


@dataclass(frozen=True, slots=True)
class EntitySet:
    """An entity set; its name is an API, because saved workbooks request it by name.

    `label` describes its rows in a sentence, and `title` is its name for people if the owner gave
    one (see `gateway.edm.labels`). `trackable` is true if rows change only with the data
    and not with time, so that two snapshots can be compared.
    """

    name: str
    entity_type: EntityType
    label: str = ""
    trackable: bool = True
    title: str = ""


@dataclass(frozen=True, slots=True)
class Schema:
    """One schema with one container, as CSDL demands.

    `version` names everything that `$metadata` publishes; empty if the schema is not published.
    """

    namespace: str
    container: str
    entity_sets: tuple[EntitySet, ...]
    version: str = ""

    def find_set(self, name: str) -> EntitySet | None:
        """Return the entity set of exactly this name."""
        return next((s for s in self.entity_sets if s.name == name), None)

    def type_behind(self, navigation: NavigationProperty) -> str:
        """Return the qualified name of the entity type that a navigation property leads to."""
        names = {s.name: s.entity_type.name for s in self.entity_sets}
        return f"{self.namespace}.{names[navigation.target]}"


def aliases_of(schema: Schema) -> dict[tuple[str, str], Alias]:
    """Return the published aliases by table and name."""
    return {
        (entity_set.name, prop.name): prop.alias
        for entity_set in schema.entity_sets
        for prop in entity_set.entity_type.properties
        if prop.alias is not None
    }
