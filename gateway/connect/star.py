"""The tables that a caller sees -> a star: a fact, dimensions, a calendar, relationships, measures.

Nothing of it depends on Power BI's file formats, which `gateway.connect.semantic_model` writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from gateway.connect.analysis import AnalysisFile, MeasureEntry
from gateway.connect.dax import Reference, literals, references
from gateway.connect.naming import column_names
from gateway.connect.power_query import cells
from gateway.edm.model import EntitySet, NavigationProperty, Property, Schema
from gateway.edm.types import PrimitiveType
from gateway.errors import InvalidValue, ResourceNotFound
from gateway.query.unlisted import Unlisted, find_unlisted
from grammar import parse_apply

CALENDAR = "Date"
CALENDAR_COLUMNS = ("Date", "Year", "Quarter", "Month")


@dataclass(frozen=True, slots=True)
class StarColumn:
    """A column; `prop` is what it is read from, for a day the instant that it is the day of."""

    name: str
    key: str
    prop: Property
    hidden: bool = False
    is_day: bool = False
    is_picture: bool = False


@dataclass(frozen=True, slots=True)
class StarTable:
    """A table, made of the rows of `source`, which for a fact in partitions is another set."""

    name: str
    source: EntitySet
    columns: tuple[StarColumn, ...]

    def column(self, key: str) -> StarColumn | None:
        """The column that is read from a property, or the day of one: `updatedAt day`."""
        return next((column for column in self.columns if column.key == key), None)


@dataclass(frozen=True, slots=True)
class Relationship:
    """Rows of `table` belong to one of `target`; both sides by column keys.

    A filter on the target reaches the table; with `both` also the other way, through a table that
    stands between two dimensions.
    """

    table: str
    column: str
    target: str
    target_column: str
    active: bool = True
    both: bool = False


@dataclass(frozen=True, slots=True)
class Star:
    """The model; `fact` is one of the tables, `in_partitions` tells how it is read."""

    fact: StarTable
    tables: tuple[StarTable, ...]
    relationships: tuple[Relationship, ...]
    measures: tuple[MeasureEntry, ...]
    in_partitions: bool = False

    @property
    def has_calendar(self) -> bool:
        """Whether there is a day that a calendar could be of."""
        return any(column.is_day for column in self.fact.columns)

    def table(self, name: str) -> StarTable | None:
        """The table of exactly this name; the calendar is none of them."""
        return next((table for table in self.tables if table.name == name), None)

    def has(self, reference: Reference) -> bool:
        """Whether a column or a measure is there."""
        if not reference.table:
            return any(measure.name == reference.name for measure in self.measures)
        if reference.table == CALENDAR:
            return self.has_calendar and reference.name in CALENDAR_COLUMNS
        table = self.table(reference.table)
        return table is not None and table.column(reference.name) is not None

    def name_of(self, reference: Reference) -> str:
        """What a column that is there is called in the model."""
        table = self.table(reference.table)
        column = None if table is None else table.column(reference.name)
        return reference.name if column is None else column.name


def build_star(schema: Schema, analysis: AnalysisFile, *, in_partitions: bool = False) -> Star:
    """The star of what the caller sees.

    Raises:
        ResourceNotFound: the caller does not see the fact.
        InvalidValue: nor the set that has its rows in partitions, if they are asked for.
    """
    fact = schema.find_set(analysis.fact)
    if fact is None:
        raise ResourceNotFound(
            f"the project is made of the table {analysis.fact}, which your role does not see; open"
            " skillhabit.pbids, and take the tables that are there"
        )
    dimensions, ways = _around(fact, schema, analysis)
    columns = _fact_columns(fact, dimensions, ways, analysis)
    source = fact
    if in_partitions:
        source = _partitioned(schema, analysis)
        columns += _partition_columns(source, analysis)
    tables = (
        StarTable(fact.name, source, columns),
        *(StarTable(d.name, d, _columns(d, ways, analysis)) for d in dimensions),
    )
    star = Star(tables[0], tables, (*ways, *_days(tables[0], analysis)), (), in_partitions)
    return _with_measures(star, analysis)


def _around(
    fact: EntitySet, schema: Schema, analysis: AnalysisFile
) -> tuple[tuple[EntitySet, ...], tuple[Relationship, ...]]:
    """The dimensions that hang together with the fact, and their relationships.

    One that does not would not filter, and each of its rows would show the numbers of all.
    """
    found = (schema.find_set(name) for name in analysis.dimensions)
    dimensions = tuple(each for each in found if each is not None)
    ways, near = _ways(fact, dimensions), {fact.name}
    while (
        more := {n for w in ways for n in (w.table, w.target) if near & {w.table, w.target}} - near
    ):
        near |= more
    return (
        tuple(each for each in dimensions if each.name in near),
        tuple(way for way in ways if way.table in near),
    )


def _partitioned(schema: Schema, analysis: AnalysisFile) -> EntitySet:
    found = schema.find_set(analysis.incremental.set)
    if found is None:
        raise InvalidValue(
            f"refresh=incremental needs the table {analysis.incremental.set}, which your role does"
            " not see; leave the option out",
            target="refresh",
        )
    return found


def _partition_columns(source: EntitySet, analysis: AnalysisFile) -> tuple[StarColumn, ...]:
    """What tells partitions and their changes; Power BI's dialog wants them in the model."""
    names = (analysis.incremental.day, analysis.incremental.changes)
    found = (source.entity_type.find(name) for name in names)
    return tuple(StarColumn(p.name, p.name, p, hidden=True) for p in found if p is not None)


def _ways(fact: EntitySet, dimensions: tuple[EntitySet, ...]) -> tuple[Relationship, ...]:
    """Relationships from the navigation properties that CSDL calls constrained."""
    names = {fact.name, *(each.name for each in dimensions)}
    direct = {way.target for way in fact.entity_type.navigation if way.constrained}
    return tuple(
        _relationship(each, way, both=each is not fact and way.target in direct)
        for each in (fact, *dimensions)
        for way in each.entity_type.navigation
        if way.constrained and not way.collection and way.target in names and len(way.on) == 1
    )


def _relationship(entity_set: EntitySet, way: NavigationProperty, *, both: bool) -> Relationship:
    ((own, other),) = way.on
    return Relationship(entity_set.name, own, way.target, other, both=both)


def _days(fact: StarTable, analysis: AnalysisFile) -> tuple[Relationship, ...]:
    """From each day of the fact to the calendar; one of them is active."""
    day = CALENDAR_COLUMNS[0]
    return tuple(
        Relationship(fact.name, c.key, CALENDAR, day, active=c.prop.name == analysis.calendar)
        for c in fact.columns
        if c.is_day
    )


def _fact_columns(
    fact: EntitySet,
    dimensions: tuple[EntitySet, ...],
    ways: tuple[Relationship, ...],
    analysis: AnalysisFile,
) -> tuple[StarColumn, ...]:
    """Without what the dimensions tell, and with a day for each instant."""
    told, hidden = _told(fact, dimensions, ways, analysis), _keys(fact, ways)
    kept = [prop for prop in cells(fact) if prop.name not in told]
    days = {
        f"{prop.name} day": prop for prop in kept if prop.type is PrimitiveType.DATE_TIME_OFFSET
    }
    measures = (measure.name for measure in analysis.measures)
    names = column_names((*(prop.name for prop in kept), *days), measures)
    return (
        *(StarColumn(names[p.name], p.name, p, hidden=p.name in hidden) for p in kept),
        *(StarColumn(names[key], key, p, hidden=True, is_day=True) for key, p in days.items()),
    )


def _told(
    fact: EntitySet,
    dimensions: tuple[EntitySet, ...],
    ways: tuple[Relationship, ...],
    analysis: AnalysisFile,
) -> set[str]:
    """What the file says a dimension tells, and what one that the fact leads to has by name."""
    names = {each.name for each in dimensions}
    reached = {way.target for way in ways if way.table == fact.name}
    alike = {prop.name for each in dimensions if each.name in reached for prop in cells(each)}
    moved = {name for name, dimension in analysis.told_by.items() if dimension in names}
    return (alike | moved) - _keys(fact, ways)


def _columns(
    dimension: EntitySet, ways: tuple[Relationship, ...], analysis: AnalysisFile
) -> tuple[StarColumn, ...]:
    hidden, properties = _keys(dimension, ways), cells(dimension)
    names = column_names((prop.name for prop in properties), ())
    return tuple(
        StarColumn(
            names[prop.name],
            prop.name,
            prop,
            hidden=prop.name in hidden,
            is_picture=f"{dimension.name}.{prop.name}" in analysis.pictures,
        )
        for prop in properties
    )


def _keys(entity_set: EntitySet, ways: tuple[Relationship, ...]) -> set[str]:
    """Columns that only hold the tables together."""
    own = {way.column for way in ways if way.table == entity_set.name}
    return own | set(entity_set.entity_type.key)


def left_out(schema: Schema, analysis: AnalysisFile) -> Iterator[str]:
    """Yield a warning for each measure that compares a column with a value that is not listed."""
    fact = schema.find_set(analysis.fact)
    if fact is None:
        return
    star = build_star(schema, analysis)
    for measure in analysis.measures:
        unlisted = unlisted_in(measure, star)
        if unlisted is not None:
            yield f"the measure {measure.name!r} for Power BI is left out: {unlisted}"


def unlisted_in(measure: MeasureEntry, star: Star) -> Unlisted | None:
    """The value in its DAX or its query that the contract file does not list for the column."""
    properties = star.fact.source.entity_type.properties
    for reference, literal in literals(measure.dax):
        table = star.table(reference.table)
        column = None if table is None else table.column(reference.name)
        listed = () if column is None else column.prop.known_values
        if listed and literal not in listed:
            return Unlisted(f"{reference.table}[{reference.name}]", literal, listed)
    return find_unlisted(parse_apply(measure.apply), properties) if measure.apply else None


def _with_measures(star: Star, analysis: AnalysisFile) -> Star:
    """The measures whose columns and measures are there; each needs only those before it."""
    for measure in analysis.measures:
        if unlisted_in(measure, star) is None and all(
            star.has(reference) for reference in references(measure.dax)
        ):
            star = replace(star, measures=(*star.measures, measure))
    return star
