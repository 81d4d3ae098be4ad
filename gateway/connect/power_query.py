"""Queries in M, the language of Power Query (Power BI and Excel).

The URL of the service stands in each query as a literal: a refresh in the Power BI service refuses
sources whose URL is put together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.edm.model import EntitySet, Property
from gateway.edm.types import PrimitiveType

RANGE_START, RANGE_END = "RangeStart", "RangeEnd"
"""Parameters that Power BI's incremental refresh fills in; it knows them by these names."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a query: a name and an expression, in which the step before has its name."""

    name: str
    expression: str


def text_literal(text: str) -> str:
    """A text in M.

    >>> print(text_literal('say "x" twice'))
    "say ""x"" twice"
    """
    escaped = text.replace('"', '""').replace("#(", "#(#)(")
    return f'"{escaped}"'


def write_query(steps: Iterable[Step]) -> str:
    """The steps as one `let`, of which the last one is the result."""
    found = tuple(steps)
    lines = ",\n".join(f"    {step.name} = {step.expression}" for step in found)
    return f"let\n{lines}\nin\n    {found[-1].name}"


def read_set(root: str, name: str) -> tuple[Step, ...]:
    """The rows of an entity set as they come."""
    options = '[Implementation = "2.0", ODataVersion = 4]'
    table = f"[Name = {text_literal(name)}, Signature = " + '"table"]'
    return (
        Step("Source", f"OData.Feed({text_literal(root)}, null, {options})"),
        Step("Rows", f"Source{{{table}}}[Data]"),
    )


def within_range(before: str, column: str) -> Step:
    """Only rows of the partition that is being read; half open, so that partitions tile.

    The parameters have no time zone and the column has one; without the conversion it is an error.
    """
    start, end = (f"DateTimeZone.From({name})" for name in (RANGE_START, RANGE_END))
    condition = f"[{column}] >= {start} and [{column}] < {end}"
    return Step("Partition", f"Table.SelectRows({before}, each {condition})")


def choose(before: str, names: Iterable[str]) -> Step:
    """Only these columns, which becomes `$select`."""
    listed = ", ".join(text_literal(name) for name in names)
    return Step("Columns", f"Table.SelectColumns({before}, {{{listed}}})")


def without_zones(before: str, names: Iterable[str]) -> Step:
    """Instants as date and time in UTC.

    Neither Excel's cells nor Power BI's model know time zones; left alone, each would convert to
    the zone of the machine that reads.
    """
    convert = "each DateTimeZone.RemoveZone(DateTimeZone.ToUtc(_)), type nullable datetime"
    items = ", ".join(f"{{{text_literal(name)}, {convert}}}" for name in names)
    return Step("InUtc", f"Table.TransformColumns({before}, {{{items}}})")


def read_flat(root: str, entity_set: EntitySet) -> tuple[Step, ...]:
    """The rows of an entity set as a table of cells: without lists, instants in UTC."""
    columns = cells(entity_set)
    steps = read_set(root, entity_set.name)
    steps += (choose(steps[-1].name, (prop.name for prop in columns)),)
    instants = [p.name for p in columns if p.type is PrimitiveType.DATE_TIME_OFFSET]
    return (*steps, without_zones(steps[-1].name, instants)) if instants else steps


def cells(entity_set: EntitySet) -> tuple[Property, ...]:
    """Properties that a cell can hold: neither Excel nor Power BI's model loads lists."""
    return tuple(prop for prop in entity_set.entity_type.properties if not prop.collection)
