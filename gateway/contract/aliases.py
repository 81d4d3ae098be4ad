"""`[[aliases]]`: old names of columns that reports still use, each through a day of the owner's.

An alias is a further column with the same source, so every option of a query reads it as it reads
its column. Filters and orders by an alias run in the gateway: the Analytics API filters by a column
once. After its last day an alias is no longer published, while the snapshots still hold it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from gateway.contract import file
from gateway.contract.derived import DerivedColumn, DerivedSet
from gateway.contract.model import Column, Contract
from gateway.contract.rules import is_property_name
from gateway.edm.model import Alias, EntitySet, Property, aliases_of
from gateway.errors import ConfigurationProblem

_SOON_DAYS = 30


def add_aliases(
    columns: tuple[Column, ...], entries: Iterable[file.AliasEntry]
) -> tuple[Column, ...]:
    """Return the columns of the results with their old names after them.

    Raises:
        ConfigurationProblem: an alias is no name, or of no published column.
    """
    known = {column.name: column for column in columns if column.published}
    return (*columns, *(_column(entry, known) for entry in entries if not entry.table))


def _column(entry: file.AliasEntry, known: dict[str, Column]) -> Column:
    if entry.of not in known:
        raise _problem(entry, f"of = {entry.of!r} is not a published column of the results")
    _check_free(entry, known)
    column = known[entry.of]
    return replace(column, prop=_renamed(column.prop, entry), filter=None, order=None)


def add_aliases_of_table(
    table: str, columns: Iterable[DerivedColumn], entries: Iterable[file.AliasEntry]
) -> list[DerivedColumn]:
    """Return the columns of a table that is made of results, with their old names after them.

    Raises:
        ConfigurationProblem: an alias is no name, or of no column of the table.
    """
    found = list(columns)
    known = {column.prop.name: column for column in found}
    for entry in entries:
        if entry.table != table:
            continue
        if entry.of not in known:
            raise _problem(entry, f"of = {entry.of!r} is not a column of {table}")
        _check_free(entry, known)
        column = known[entry.of]
        found.append(replace(column, prop=_renamed(column.prop, entry)))
    return found


def _check_free(entry: file.AliasEntry, known: Iterable[str]) -> None:
    if entry.name.casefold() in {name.casefold() for name in known}:
        raise _problem(entry, "a column has this name already: an alias is the old name of one")


def check_tables(entries: Iterable[file.AliasEntry], tables: Iterable[str]) -> None:
    """Check that each alias is of a table that exists.

    Raises:
        ConfigurationProblem: one is not.
    """
    known = set(tables)
    for entry in entries:
        if entry.table and entry.table not in known:
            raise _problem(entry, f"table = {entry.table!r} is not a table that is made of results")


def _renamed(prop: Property, entry: file.AliasEntry) -> Property:
    if not is_property_name(entry.name):
        raise _problem(entry, "name: use letters, digits and underscores")
    if prop.alias is not None:
        raise _problem(entry, f"of = {entry.of!r} is an alias itself; name its column")
    return replace(prop, name=entry.name, alias=Alias(entry.of, entry.until))


def ending_aliases(contract: Contract, today: date) -> list[str]:
    """Return a sentence for each alias that has ended or ends soon."""
    return [
        f"{table}.{name}, an old name of {alias.of}, {_ends(alias, today)}"
        for (table, name), alias in aliases_of(contract.schema).items()
        if (alias.until - today).days < _SOON_DAYS
    ]


def _ends(alias: Alias, today: date) -> str:
    if alias.is_alive(today):
        return (
            f"works through {alias.until}: reports that use it fail after that; change them, or"
            " set a later day"
        )
    return f"ended on {alias.until}; remove it from the contract file or the settings"


def without_ended_aliases(contract: Contract, today: date) -> Contract:
    """Return the contract as it is published on this day; rows and snapshots stay as they are."""
    if all(alias.is_alive(today) for alias in aliases_of(contract.schema).values()):
        return contract
    columns = tuple(
        column if _is_alive(column.prop, today) else replace(column, published=False)
        for column in contract.columns
    )
    sets = tuple(_set(entity_set, today) for entity_set in contract.schema.entity_sets)
    by_name = {entity_set.name: entity_set for entity_set in sets}
    derived = tuple(_derived(item, by_name) for item in contract.derived)
    schema = replace(contract.schema, entity_sets=sets)
    return replace(contract, columns=columns, schema=schema, derived=derived)


def _derived(item: DerivedSet, sets: dict[str, EntitySet]) -> DerivedSet:
    return replace(item, entity_set=sets[item.entity_set.name])


def _set(entity_set: EntitySet, today: date) -> EntitySet:
    entity_type = entity_set.entity_type
    alive = tuple(prop for prop in entity_type.properties if _is_alive(prop, today))
    return replace(entity_set, entity_type=replace(entity_type, properties=alive))


def _is_alive(prop: Property, today: date) -> bool:
    return prop.alias is None or prop.alias.is_alive(today)


def _problem(entry: file.AliasEntry, remedy: str) -> ConfigurationProblem:
    return ConfigurationProblem(f"contract file: [[aliases]] {entry.name!r}: {remedy}")
