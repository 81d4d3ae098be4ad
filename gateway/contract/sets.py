"""`[[sets]]` and `[[navigation]]` of a contract file -> the schema and its derived sets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from gateway.contract import file
from gateway.contract.aliases import add_aliases_of_table, check_tables
from gateway.contract.copies import check_copies
from gateway.contract.derived import ColumnKind, DerivedColumn, DerivedSet
from gateway.contract.model import Column
from gateway.contract.naming import free_name
from gateway.edm.model import EntitySet, EntityType, NavigationProperty, Property, Schema
from gateway.edm.types import PrimitiveType
from gateway.errors import ConfigurationProblem

_TYPES = {
    ColumnKind.COUNT: PrimitiveType.INT64,
    ColumnKind.DISTINCT: PrimitiveType.INT64,
    ColumnKind.AVERAGE: PrimitiveType.DOUBLE,
    ColumnKind.CONSTANT: PrimitiveType.STRING,
    ColumnKind.GUID: PrimitiveType.GUID,
    ColumnKind.DAY: PrimitiveType.DATE_TIME_OFFSET,
    ColumnKind.DIGEST: PrimitiveType.DATE_TIME_OFFSET,
}
_NOW = re.compile(r"\bnow\s*\(", re.IGNORECASE)
_NEVER_NULL = frozenset(
    {
        ColumnKind.COUNT,
        ColumnKind.DISTINCT,
        ColumnKind.CONSTANT,
        ColumnKind.GUID,
        ColumnKind.DAY,
        ColumnKind.DIGEST,
    }
)


def build_sets(
    parsed: file.ContractFile, columns: tuple[Column, ...], lines: Mapping[str, int]
) -> tuple[Schema, tuple[DerivedSet, ...]]:
    """Return the schema with all entity sets and their navigation, and the derived sets.

    `lines` are the line numbers of conditions by the names of their columns.

    Raises:
        ConfigurationProblem: with the table and key of the file to change.
    """
    service = parsed.service
    published = tuple(c.prop for c in columns if c.published)
    results = EntitySet(
        service.entity_set,
        EntityType(service.entity_type, (service.key,), published),
        service.label,
    )
    check_copies(parsed, columns)
    check_tables(parsed.aliases, (entry.name for entry in parsed.sets))
    derived = tuple(
        _placed(_derived(entry, columns, parsed), parsed, lines) for entry in parsed.sets
    )
    sets = (results, *(item.entity_set for item in derived))
    _check_names(sets)
    linked = _linked(sets, parsed.navigation)
    schema = Schema(service.namespace, service.container, linked)
    pairs = zip(derived, linked[1:], strict=True)
    return schema, tuple(replace(item, entity_set=entity_set) for item, entity_set in pairs)


def _derived(
    entry: file.SetEntry, columns: tuple[Column, ...], parsed: file.ContractFile
) -> DerivedSet:
    navigation = navigation_names(parsed.navigation, entry.name)
    known = {column.name: column for column in columns}
    own = (*entry.columns, *(parsed.measures if entry.measures else ()))
    key = entry.key if isinstance(entry.key, tuple) else (entry.key,)
    found = [_as_key(_column(entry, item, known), key) for item in own]
    if entry.copy_columns:
        copied = [_copied(c, ColumnKind.SAME) for c in columns if c.published]
        found = [*found, *_without_clashes(copied, found, navigation)]
    elif entry.custom_fields:
        fields = [_copied(c, ColumnKind.FIRST) for c in columns if c.field_id is not None]
        found = [*found, *_without_clashes(fields, found, navigation)]
    found = add_aliases_of_table(entry.name, found, parsed.aliases)
    entity_type = EntityType(entry.type, key, tuple(column.prop for column in found))
    if len(entity_type.key_properties) != len(key) or any(
        prop.nullable for prop in entity_type.key_properties
    ):
        raise _problem(entry, "key", f"{', '.join(key)} must be columns that are never null")
    for name in entry.unnest:
        if name not in known or not known[name].prop.collection:
            raise _problem(entry, "unnest", f"{name!r} is not a column with several values")
    trackable = not any(_NOW.search(column.where) for column in found)
    entity_set = EntitySet(entry.name, entity_type, entry.label, trackable)
    return DerivedSet(entity_set, tuple(found), entry.unnest)


def _placed(derived: DerivedSet, parsed: file.ContractFile, lines: Mapping[str, int]) -> DerivedSet:
    """Return the set with the places of its conditions, for messages."""
    measures = {measure.name for measure in parsed.measures}

    def place(column: DerivedColumn) -> DerivedColumn:
        name = column.prop.name
        table = f"[[measures]] {name!r}"
        if name not in measures:
            table = f"[[sets]] {derived.entity_set.name!r}: {name!r}"
        line = f"line {lines[name]}: " if name in lines else ""
        return replace(column, place=f"contract file: {line}{table}: where")

    columns = (place(column) if column.where else column for column in derived.columns)
    return replace(derived, columns=tuple(columns))


def _as_key(column: DerivedColumn, key: tuple[str, ...]) -> DerivedColumn:
    """Return a key column as never null, because results without a value add no row."""
    if column.prop.name not in key or column.kind not in (ColumnKind.GROUP, ColumnKind.EACH):
        return column
    return replace(column, prop=replace(column.prop, nullable=False))


def _column(
    entry: file.SetEntry, item: file.SetColumnEntry, known: dict[str, Column]
) -> DerivedColumn:
    kind = ColumnKind(item.kind)
    base = known.get(item.of)
    if base is None and kind is not ColumnKind.DIGEST and (item.of or kind not in _OF_NOTHING):
        raise _problem(entry, f"column {item.name!r}", f"of = {item.of!r} is not a column")
    collection = base is not None and base.prop.collection
    single = kind in _TYPES or kind is ColumnKind.EACH or item.of in entry.unnest
    prop = Property(
        item.name,
        _TYPES.get(kind) or (PrimitiveType.STRING if base is None else base.prop.type),
        nullable=kind not in _NEVER_NULL and (base is None or base.prop.nullable or kind in _OPEN),
        collection=collection and not single,
        label=item.label or (base.prop.label if base else ""),
        allowed_values=base.prop.allowed_values if base and kind not in _TYPES else (),
        personal=base is not None and base.prop.personal and kind not in _TYPES,
        known_values=base.prop.known_values if base and kind not in _TYPES else (),
        value_labels=base.prop.value_labels if base and kind not in _TYPES else (),
    )
    first_year = item.first_year or 0
    years = range(first_year, first_year + (item.years or 0))
    return DerivedColumn(prop, kind, item.of, item.where, item.text, years)


_OF_NOTHING = frozenset({ColumnKind.COUNT, ColumnKind.CONSTANT})
_OPEN = frozenset({ColumnKind.LEAST, ColumnKind.MOST})
"""Kinds that are null in a group without a value, or without a result that counts."""


def _copied(column: Column, kind: ColumnKind) -> DerivedColumn:
    return DerivedColumn(column.prop, kind, column.name)


def _without_clashes(
    added: Iterable[DerivedColumn], taken: Iterable[DerivedColumn], navigation: list[str]
) -> Iterator[DerivedColumn]:
    """Yield the columns, with `_2` etc. at the end of names that are taken, ignoring case."""
    names = [*navigation, *(column.prop.name for column in taken)]
    for column in added:
        names.append(free_name(column.prop.name, names))
        yield replace(column, prop=replace(column.prop, name=names[-1]))


def navigation_names(entries: tuple[file.NavigationEntry, ...], set_name: str) -> list[str]:
    """Return the names of the navigation properties of a set."""
    forth = [entry.name for entry in entries if entry.set == set_name]
    return forth + [e.partner for e in entries if e.to == set_name and e.partner]


def _linked(
    sets: tuple[EntitySet, ...], entries: tuple[file.NavigationEntry, ...]
) -> tuple[EntitySet, ...]:
    """Return the sets with the navigation properties of both ends of each entry."""
    navigation: dict[str, list[NavigationProperty]] = {entity_set.name: [] for entity_set in sets}
    for entry in entries:
        _check_navigation(entry, sets)
        on = tuple(entry.on.items())
        own = next(s.entity_type for s in sets if s.name == entry.set)
        nullable = any(prop.name in entry.on and prop.nullable for prop in own.properties)
        forth = NavigationProperty(entry.name, entry.to, entry.partner, on, False, True, nullable)
        navigation[entry.set].append(forth)
        if entry.partner:
            many = not entry.one_to_one
            navigation[entry.to].append(forth.back(entry.partner, entry.set, collection=many))
    for name, found in navigation.items():
        names = [prop.name for prop in found]
        doubled = {each for each in names if names.count(each) > 1}
        if doubled:
            raise ConfigurationProblem(
                f"contract file: [[navigation]]: {name} has two navigation properties named"
                f" {min(doubled)!r}"
            )
    return tuple(
        replace(s, entity_type=replace(s.entity_type, navigation=tuple(navigation[s.name])))
        for s in sets
    )


def _check_navigation(entry: file.NavigationEntry, sets: tuple[EntitySet, ...]) -> None:
    place = f"contract file: [[navigation]] {entry.name!r}"
    types = {s.name: s.entity_type for s in sets}
    for name in (entry.set, entry.to):
        if name not in types:
            raise ConfigurationProblem(f"{place}: there is no entity set {name!r}")
    own, other = types[entry.set], types[entry.to]
    for mine, theirs in entry.on.items():
        here, there = own.find(mine), other.find(theirs)
        if here is None or there is None:
            raise ConfigurationProblem(f"{place}: on: {mine} = {theirs!r} are not properties")
        if (here.type, here.collection) != (there.type, there.collection):
            raise ConfigurationProblem(f"{place}: on: {mine} = {theirs!r} have different types")
    if set(entry.on.values()) != set(other.key):
        raise ConfigurationProblem(
            f"{place}: on: must name the key of {entry.to}, {', '.join(other.key)}"
        )
    for entity_type, name in ((own, entry.name), (other, entry.partner)):
        if name and any(name.lower() == known.lower() for known in entity_type.names):
            raise ConfigurationProblem(
                f"{place}: {entity_type.name} already has a property {name!r}"
            )


def _check_names(sets: tuple[EntitySet, ...]) -> None:
    taken: set[str] = set()
    for entity_set in sets:
        for name in (entity_set.name, entity_set.entity_type.name):
            if name.lower() in taken:
                raise ConfigurationProblem(f"contract file: two entity sets share {name!r}")
        taken |= {entity_set.name.lower(), entity_set.entity_type.name.lower()}
        properties = [name.lower() for name in entity_set.entity_type.names]
        doubled = {name for name in properties if properties.count(name) > 1}
        if doubled:
            raise ConfigurationProblem(
                f"contract file: {entity_set.name} has two columns named {min(doubled)!r}; names"
                " must differ by more than case (OData 4.01 Protocol 13.2.1)"
            )


def _problem(entry: file.SetEntry, place: str, remedy: str) -> ConfigurationProblem:
    return ConfigurationProblem(f"contract file: [[sets]] {entry.name!r}: {place}: {remedy}")
