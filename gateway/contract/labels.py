"""`[labels]` and the setting `label`: the owner's names for tables, columns and listed values.

A key is `TABLE`, `COLUMN` of the results (and of each table that copies it), `TABLE.COLUMN`, or
`COLUMN.VALUE` for a value that the column lists. Names of the model never change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from gateway.contract.derived import DerivedSet
from gateway.contract.model import Column
from gateway.edm.model import EntitySet, Property, Schema
from gateway.errors import ConfigurationProblem

Labels = Mapping[str, str]


def label_columns(columns: tuple[Column, ...], labels: Labels) -> tuple[Column, ...]:
    """Return the columns of the results with the owner's names for them and their values."""
    return tuple(replace(column, prop=_labelled(column.prop, labels)) for column in columns)


def _labelled(prop: Property, labels: Labels) -> Property:
    values = tuple(
        (value, labels[key])
        for value in prop.known_values
        if (key := f"{prop.name}.{value}") in labels
    )
    return replace(prop, label=labels.get(prop.name, prop.label), value_labels=values)


def label_tables(
    schema: Schema, derived: tuple[DerivedSet, ...], labels: Labels
) -> tuple[Schema, tuple[DerivedSet, ...]]:
    """Return the tables with the owner's names for them and their own columns."""
    sets = tuple(_table(entity_set, labels) for entity_set in schema.entity_sets)
    named = {entity_set.name: entity_set for entity_set in sets}
    return replace(schema, entity_sets=sets), tuple(
        replace(item, entity_set=named[item.entity_set.name]) for item in derived
    )


def _table(entity_set: EntitySet, labels: Labels) -> EntitySet:
    name, kind = entity_set.name, entity_set.entity_type
    properties = tuple(
        replace(prop, label=labels.get(f"{name}.{prop.name}", prop.label))
        for prop in kind.properties
    )
    title = labels.get(name, "")
    return replace(entity_set, entity_type=replace(kind, properties=properties), title=title)


def check_labels(labels: Labels, columns: Iterable[Column], schema: Schema) -> None:
    """Check that each label is for something that exists.

    Raises:
        ConfigurationProblem: one is not.
    """
    props = [column.prop for column in columns]
    known = {s.name for s in schema.entity_sets} | {prop.name for prop in props}
    known |= {f"{prop.name}.{value}" for prop in props for value in prop.known_values}
    known |= {f"{s.name}.{name}" for s in schema.entity_sets for name in s.entity_type.names}
    for key, text in labels.items():
        if key not in known:
            raise ConfigurationProblem(
                f"label {key!r}: there is no such table, column or listed value; write TABLE,"
                " COLUMN, TABLE.COLUMN or COLUMN.VALUE"
            )
        if not text.strip():
            raise ConfigurationProblem(f"label {key!r} is empty; write a name, or remove it")
