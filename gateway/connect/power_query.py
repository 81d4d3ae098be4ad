"""Queries in M, the language of Power Query (Power BI and Excel).

Each query has the service URL as a literal: the Power BI service does not refresh sources with
computed URLs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.edm.model import EntitySet, Property
from gateway.edm.types import PrimitiveType

RANGE_START, RANGE_END = "RangeStart", "RangeEnd"
"""The parameters of Power BI's incremental refresh, which requires these names."""


@dataclass(frozen=True, slots=True)
class QueryStep:
    """A step of a query: a name, and an expression that refers to the previous step by name."""

    name: str
    expression: str


def text_literal(text: str) -> str:
    """Return a text literal in M.

    >>> print(text_literal('say "x" twice'))
    "say ""x"" twice"
    """
    escaped = text.replace('"', '""').replace("#(", "#(#)(")
    return f'"{escaped}"'


def write_query(steps: Iterable[QueryStep]) -> str:
    """Return the steps as one `let` expression with the last step as its result."""
    found = tuple(steps)
    lines = ",\n".join(f"    {step.name} = {step.expression}" for step in found)
    return f"let\n{lines}\nin\n    {found[-1].name}"


def read_set(root: str, name: str) -> tuple[QueryStep, ...]:
    """Return steps that read the rows of an entity set unchanged."""
    options = '[Implementation = "2.0", ODataVersion = 4]'
    table = f"[Name = {text_literal(name)}, Signature = " + '"table"]'
    return (
        QueryStep("Source", f"OData.Feed({text_literal(root)}, null, {options})"),
        QueryStep("Rows", f"Source{{{table}}}[Data]"),
    )


def within_range(previous: str, column: str) -> QueryStep:
    """Return a step that keeps the rows of the current partition, a half-open range.

    The parameters have no time zone but the column has one, so M needs the conversion.
    """
    start, end = (f"DateTimeZone.From({name})" for name in (RANGE_START, RANGE_END))
    condition = f"[{column}] >= {start} and [{column}] < {end}"
    return QueryStep("Partition", f"Table.SelectRows({previous}, each {condition})")


def choose(previous: str, names: Iterable[str]) -> QueryStep:
    """Return a step that keeps these columns; Power Query folds it into `$select`."""
    listed = ", ".join(text_literal(name) for name in names)
    return QueryStep("Columns", f"Table.SelectColumns({previous}, {{{listed}}})")


def without_zones(previous: str, names: Iterable[str]) -> QueryStep:
    """Return a step that converts instants to date and time in UTC.

    Neither Excel's cells nor Power BI's model support time zones. Without this step, each would
    convert to the time zone of the machine that refreshes.
    """
    convert = "each DateTimeZone.RemoveZone(DateTimeZone.ToUtc(_)), type nullable datetime"
    items = ", ".join(f"{{{text_literal(name)}, {convert}}}" for name in names)
    return QueryStep("InUtc", f"Table.TransformColumns({previous}, {{{items}}})")


def read_flat(root: str, entity_set: EntitySet) -> tuple[QueryStep, ...]:
    """Return steps that read an entity set as table cells: no lists, instants in UTC."""
    columns = cells(entity_set)
    steps = read_set(root, entity_set.name)
    steps += (choose(steps[-1].name, (prop.name for prop in columns)),)
    instants = [p.name for p in columns if p.type is PrimitiveType.DATE_TIME_OFFSET]
    return (*steps, without_zones(steps[-1].name, instants)) if instants else steps


def cells(entity_set: EntitySet) -> tuple[Property, ...]:
    """Return the properties that fit in a cell: neither Excel nor Power BI's model loads lists."""
    return tuple(prop for prop in entity_set.entity_type.properties if not prop.collection)
