"""A caller's tables -> a star: a fact, dimensions, a calendar, relationships and measures.

The star is independent of Power BI's file formats, which `gateway.connect.semantic_model` writes.
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
    """A column; `prop` is its source property, for a day column an instant."""

    name: str
    key: str
    prop: Property
    hidden: bool = False
    is_day: bool = False
    is_image: bool = False


@dataclass(frozen=True, slots=True)
class StarTable:
    """A table with the rows of `source`, which is another set for a partitioned fact."""

    name: str
    source: EntitySet
    columns: tuple[StarColumn, ...]

    def column(self, key: str) -> StarColumn | None:
        """Return the column of a property, or of its day, such as `updatedAt day`."""
        return next((column for column in self.columns if column.key == key), None)


@dataclass(frozen=True, slots=True)
class Relationship:
    """A many-to-one relationship from `table` to `target`; both sides are column keys.

    A filter on the target applies to the table. With `both` it also applies in the other
    direction, as a bridge table between two dimensions needs it.
    """

    table: str
    column: str
    target: str
    target_column: str
    active: bool = True
    both: bool = False


@dataclass(frozen=True, slots=True)
class Star:
    """The model; `fact` is one of `tables`; `in_partitions` is True if it loads in partitions."""

    fact: StarTable
    tables: tuple[StarTable, ...]
    relationships: tuple[Relationship, ...]
    measures: tuple[MeasureEntry, ...]
    in_partitions: bool = False

    @property
    def has_calendar(self) -> bool:
        """Return True if the fact has a day for a calendar."""
        return any(column.is_day for column in self.fact.columns)

    def table(self, name: str) -> StarTable | None:
        """Return the table of exactly this name, or None; the calendar is not included."""
        return next((table for table in self.tables if table.name == name), None)

    def has(self, reference: Reference) -> bool:
        """Return True if the column or measure exists."""
        if not reference.table:
            return any(measure.name == reference.name for measure in self.measures)
        if reference.table == CALENDAR:
            return self.has_calendar and reference.name in CALENDAR_COLUMNS
        table = self.table(reference.table)
        return table is not None and table.column(reference.name) is not None

    def name_of(self, reference: Reference) -> str:
        """Return the name of an existing column in the model."""
        table = self.table(reference.table)
        column = None if table is None else table.column(reference.name)
        return reference.name if column is None else column.name


def build_star(schema: Schema, analysis: AnalysisFile, *, in_partitions: bool = False) -> Star:
    """Return the star of the caller's tables.

    Raises:
        ResourceNotFound: the caller does not see the fact.
        InvalidValue: partitions are requested, but the caller does not see the partitioned set.
    """
    fact = schema.find_set(analysis.fact)
    if fact is None:
        raise ResourceNotFound(
            f"the project needs the table {analysis.fact}, which your role does not see; open"
            " skillhabit.pbids instead, and select the available tables"
        )
    dimensions, relationships = _around(fact, schema, analysis)
    columns = _fact_columns(fact, dimensions, relationships, analysis)
    source = fact
    if in_partitions:
        source = _partitioned(schema, analysis)
        columns += _partition_columns(source, analysis)
    tables = (
        StarTable(fact.name, source, columns),
        *(StarTable(d.name, d, _columns(d, relationships, analysis)) for d in dimensions),
    )
    star = Star(tables[0], tables, (*relationships, *_days(tables[0], analysis)), (), in_partitions)
    return _with_measures(star, analysis)


def _around(
    fact: EntitySet, schema: Schema, analysis: AnalysisFile
) -> tuple[tuple[EntitySet, ...], tuple[Relationship, ...]]:
    """Return the dimensions that are connected to the fact, and their relationships.

    An unconnected dimension would not filter: each of its rows would show the overall numbers.
    """
    found = (schema.find_set(name) for name in analysis.dimensions)
    dimensions = tuple(each for each in found if each is not None)
    relationships, connected = _relationships(fact, dimensions), {fact.name}
    ends = [{each.table, each.target} for each in relationships]
    while more := set[str]().union(*(pair for pair in ends if pair & connected)) - connected:
        connected |= more
    return (
        tuple(each for each in dimensions if each.name in connected),
        tuple(each for each in relationships if each.table in connected),
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
    """Return the columns of partitions and their digests, which Power BI's dialog requires."""
    names = (analysis.incremental.day, analysis.incremental.changes)
    found = (source.entity_type.find(name) for name in names)
    return tuple(StarColumn(p.name, p.name, p, hidden=True) for p in found if p is not None)


def _relationships(fact: EntitySet, dimensions: tuple[EntitySet, ...]) -> tuple[Relationship, ...]:
    """Return relationships for the navigation properties with referential constraints."""
    names = {fact.name, *(each.name for each in dimensions)}
    direct = {
        navigation.target for navigation in fact.entity_type.navigation if navigation.constrained
    }
    return tuple(
        _relationship(each, navigation, both=each is not fact and navigation.target in direct)
        for each in (fact, *dimensions)
        for navigation in each.entity_type.navigation
        if navigation.constrained
        and not navigation.collection
        and navigation.target in names
        and len(navigation.on) == 1
    )


def _relationship(
    entity_set: EntitySet, navigation: NavigationProperty, *, both: bool
) -> Relationship:
    ((own, other),) = navigation.on
    return Relationship(entity_set.name, own, navigation.target, other, both=both)


def _days(fact: StarTable, analysis: AnalysisFile) -> tuple[Relationship, ...]:
    """Return a relationship from each day of the fact to the calendar; one is active."""
    day = CALENDAR_COLUMNS[0]
    return tuple(
        Relationship(fact.name, c.key, CALENDAR, day, active=c.prop.name == analysis.calendar)
        for c in fact.columns
        if c.is_day
    )


def _fact_columns(
    fact: EntitySet,
    dimensions: tuple[EntitySet, ...],
    relationships: tuple[Relationship, ...],
    analysis: AnalysisFile,
) -> tuple[StarColumn, ...]:
    """Return the fact's columns without those of its dimensions, and with a day per instant."""
    moved, hidden = _moved(fact, dimensions, relationships, analysis), _keys(fact, relationships)
    properties = [prop for prop in cells(fact) if prop.name not in moved]
    days = {
        f"{prop.name} day": prop
        for prop in properties
        if prop.type is PrimitiveType.DATE_TIME_OFFSET
    }
    measures = (measure.name for measure in analysis.measures)
    names = column_names((*(prop.name for prop in properties), *days), measures)
    return (
        *(StarColumn(names[p.name], p.name, p, hidden=p.name in hidden) for p in properties),
        *(StarColumn(names[key], key, p, hidden=True, is_day=True) for key, p in days.items()),
    )


def _moved(
    fact: EntitySet,
    dimensions: tuple[EntitySet, ...],
    relationships: tuple[Relationship, ...],
    analysis: AnalysisFile,
) -> set[str]:
    """Return columns to leave to dimensions: those the file moves, and those of equal name."""
    names = {each.name for each in dimensions}
    reached = {each.target for each in relationships if each.table == fact.name}
    alike = {prop.name for each in dimensions if each.name in reached for prop in cells(each)}
    moved = {name for name, dimension in analysis.moved_to.items() if dimension in names}
    return (alike | moved) - _keys(fact, relationships)


def _columns(
    dimension: EntitySet, relationships: tuple[Relationship, ...], analysis: AnalysisFile
) -> tuple[StarColumn, ...]:
    hidden, properties = _keys(dimension, relationships), cells(dimension)
    names = column_names((prop.name for prop in properties), ())
    return tuple(
        StarColumn(
            names[prop.name],
            prop.name,
            prop,
            hidden=prop.name in hidden,
            is_image=f"{dimension.name}.{prop.name}" in analysis.image_columns,
        )
        for prop in properties
    )


def _keys(entity_set: EntitySet, relationships: tuple[Relationship, ...]) -> set[str]:
    """Return the columns that only connect tables."""
    own = {each.column for each in relationships if each.table == entity_set.name}
    return own | set(entity_set.entity_type.key)


def left_out(schema: Schema, analysis: AnalysisFile) -> Iterator[str]:
    """Yield a warning for each measure that would silently show 0 or count something else."""
    fact = schema.find_set(analysis.fact)
    if fact is None:
        return
    star = build_star(schema, analysis)
    for measure in analysis.measures:
        unlisted = unlisted_in(measure, star)
        if unlisted is not None:
            yield f"the measure {measure.name!r} for Power BI is left out: {unlisted}"
        elif not _has_meaning(measure, star):
            yield (
                f"the measure {measure.name!r} for Power BI is left out: `meaning` of expiryDate in"
                f" the contract file is not {measure.needs}"
            )


def unlisted_in(measure: MeasureEntry, star: Star) -> Unlisted | None:
    """Return a value in a measure that the contract file does not list, or None."""
    properties = star.fact.source.entity_type.properties
    for reference, literal in literals(measure.dax):
        table = star.table(reference.table)
        column = None if table is None else table.column(reference.name)
        listed = () if column is None else column.prop.known_values
        if listed and literal not in listed:
            return Unlisted(f"{reference.table}[{reference.name}]", literal, listed)
    return find_unlisted(parse_apply(measure.apply), properties) if measure.apply else None


def _has_meaning(measure: MeasureEntry, star: Star) -> bool:
    """Return True unless the measure needs an expiry date of another meaning."""
    date = star.fact.column("expiryDate")
    return date is None or date.prop.can_mean(measure.needs)


def _with_measures(star: Star, analysis: AnalysisFile) -> Star:
    """Return the star with the measures whose references exist; they refer to earlier ones only."""
    for measure in analysis.measures:
        is_sound = unlisted_in(measure, star) is None and _has_meaning(measure, star)
        if is_sound and all(star.has(reference) for reference in references(measure.dax)):
            star = replace(star, measures=(*star.measures, measure))
    return star
