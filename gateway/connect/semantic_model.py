"""A star -> the files of a semantic model in TMDL, by path below `definition/`.

The compatibility level is 1567, which all versions of Power BI Desktop with projects support.
"""

from __future__ import annotations

import json

from gateway.connect.analysis import AnalysisFile, Incremental, MeasureEntry
from gateway.connect.calendar_table import calendar_table
from gateway.connect.dax import rename
from gateway.connect.power_query import (
    RANGE_END,
    RANGE_START,
    QueryStep,
    choose,
    read_set,
    within_range,
    without_zones,
    write_query,
)
from gateway.connect.star import CALENDAR, Relationship, Star, StarColumn, StarTable
from gateway.connect.tmdl import assigned, described, document, indented, quoted, tag
from gateway.edm.types import PrimitiveType

_CULTURE = "en-US"
_TYPES = {
    PrimitiveType.BOOLEAN: "boolean",
    PrimitiveType.INT32: "int64",
    PrimitiveType.INT64: "int64",
    PrimitiveType.DOUBLE: "double",
    PrimitiveType.DECIMAL: "decimal",
    PrimitiveType.DATE_TIME_OFFSET: "dateTime",
    PrimitiveType.DATE: "dateTime",
}
_FORMATS = {"int64": "#,0", "double": "0.0", "decimal": "0.00", "dateTime": "yyyy-mm-dd hh:nn"}
_DAY_FORMAT = "yyyy-mm-dd"


def model_files(root: str, star: Star, analysis: AnalysisFile) -> dict[str, str]:
    """Return the files; `root` is the service URL, which each table's query contains."""
    tables = {
        f"tables/{table.name}.tmdl": document(*_table(root, table, star, analysis))
        for table in star.tables
    }
    if star.has_calendar:
        tables[f"tables/{CALENDAR}.tmdl"] = document(*calendar_table(star))
    files = {
        "database.tmdl": document(["database", *indented(["compatibilityLevel: 1567"])]),
        "model.tmdl": document(*_model(star)),
        f"cultures/{_CULTURE}.tmdl": document(*_culture()),
        **tables,
    }
    if star.relationships:
        blocks = (_relationship(each, star) for each in star.relationships)
        files["relationships.tmdl"] = document(*blocks)
    if star.in_partitions:
        files["expressions.tmdl"] = document(*_parameters())
    return files


def _model(star: Star) -> list[list[str]]:
    """Return the model, with Power BI's automatic calendars disabled."""
    names = [table.name for table in star.tables]
    queries = [*([RANGE_START, RANGE_END] if star.in_partitions else []), *names]
    properties = [
        f"culture: {_CULTURE}",
        "defaultPowerBIDataSourceVersion: powerBI_V3",
        "discourageImplicitMeasures",
        f"sourceQueryCulture: {_CULTURE}",
        "dataAccessOptions",
        *indented(["legacyRedirects", "returnErrorValuesAsNull"]),
    ]
    listed = [*names, *([CALENDAR] if star.has_calendar else [])]
    return [
        ["model Model", *indented(properties)],
        [f"annotation PBI_QueryOrder = {json.dumps(queries)}"],
        ["annotation __PBI_TimeIntelligenceEnabled = 0"],
        [f"ref table {quoted(name)}" for name in listed],
        [f"ref cultureInfo {_CULTURE}"],
    ]


def _culture() -> list[list[str]]:
    words = json.dumps({"Version": "1.0.0", "Language": _CULTURE}, indent=2)
    linguistic = [*assigned("linguisticMetadata", words), *indented(["contentType: json"])]
    return [[f"cultureInfo {_CULTURE}"], [*indented(linguistic)]]


def _parameters() -> list[list[str]]:
    """Return the parameters that the service sets per partition; Desktop loads one with these."""
    years = ((RANGE_START, 2000), (RANGE_END, 2001))
    return [
        [
            f"expression {name} = #datetime({year}, 1, 1, 0, 0, 0)"
            ' meta [IsParameterQuery=true, Type="DateTime", IsParameterQueryRequired=true]',
            *indented([f"lineageTag: {tag('expression', name)}", ""]),
            *indented(["annotation PBI_ResultType = DateTime"]),
        ]
        for name, year in years
    ]


def _relationship(relationship: Relationship, star: Star) -> list[str]:
    ends = (
        (relationship.table, relationship.column),
        (relationship.target, relationship.target_column),
    )
    names = [f"{quoted(table)}.{quoted(_column_name(table, key, star))}" for table, key in ends]
    properties = [
        *([] if relationship.active else ["isActive: false"]),
        *(["crossFilteringBehavior: bothDirections"] if relationship.both else []),
        f"fromColumn: {names[0]}",
        f"toColumn: {names[1]}",
    ]
    identity = tag("relationship", relationship.table, relationship.column)
    return [f"relationship {identity}", *indented(properties)]


def _column_name(table: str, key: str, star: Star) -> str:
    found = star.table(table)
    column = None if found is None else found.column(key)
    return key if column is None else column.name


def _table(root: str, table: StarTable, star: Star, analysis: AnalysisFile) -> list[list[str]]:
    is_fact = table is star.fact
    in_parts = is_fact and star.in_partitions
    steps = _steps(root, table, analysis.incremental.day if in_parts else None)
    query = write_query(steps)
    head = [f"table {quoted(table.name)}", *indented([f"lineageTag: {tag('table', table.name)}"])]
    return [
        [*described(table.source.label), *head],
        *([[*indented(_policy(root, analysis.incremental, query))]] if in_parts else []),
        *([*indented(_measure(measure, star))] for measure in (star.measures if is_fact else ())),
        *([*indented(_column(column, table))] for column in table.columns),
        [*indented(_partition(table.name, query))],
    ]


def _measure(measure: MeasureEntry, star: Star) -> list[str]:
    properties = [
        f"formatString: {measure.format}",
        f"displayFolder: {measure.folder}",
        f"lineageTag: {tag('measure', measure.name)}",
    ]
    dax = rename(measure.dax, star.name_of)
    return [
        *described(measure.about),
        *assigned(f"measure {quoted(measure.name)}", dax),
        *indented(properties),
    ]


def _column(column: StarColumn, table: StarTable) -> list[str]:
    kind = _TYPES.get(column.prop.type, "string")
    form = _DAY_FORMAT if column.is_day else _FORMATS.get(kind)
    label = f"Day of: {column.prop.label}" if column.is_day else column.prop.label
    is_key = table.source.entity_type.key == (column.prop.name,) and not column.is_day
    properties = [
        f"dataType: {kind}",
        *(["isHidden"] if column.hidden else []),
        *(["isKey"] if is_key else []),
        *([f"formatString: {form}"] if form else []),
        *(["displayFolder: Times"] if kind == "dateTime" else []),
        *(["dataCategory: ImageUrl"] if column.is_image else []),
        f"lineageTag: {tag('column', table.name, column.key)}",
        "summarizeBy: none",
        f"sourceColumn: {column.key}",
    ]
    annotations = ["", "annotation SummarizationSetBy = User"]
    return [
        *described(label),
        f"column {quoted(column.name)}",
        *indented([*properties, *annotations]),
    ]


def _steps(root: str, table: StarTable, day: str | None) -> tuple[QueryStep, ...]:
    """Return steps from the service's rows to the columns of the table."""
    steps = read_set(root, table.source.name)
    if day is not None:
        steps += (within_range(steps[-1].name, day),)
    read = [column for column in table.columns if not column.is_day]
    steps += (choose(steps[-1].name, (column.prop.name for column in read)),)
    instants = [c.prop.name for c in read if c.prop.type is PrimitiveType.DATE_TIME_OFFSET]
    if instants:
        steps += (without_zones(steps[-1].name, instants),)
    return (*steps, *_day_steps(table, steps[-1].name))


def _day_steps(table: StarTable, previous: str) -> tuple[QueryStep, ...]:
    found: list[QueryStep] = []
    for number, column in enumerate((c for c in table.columns if c.is_day), 1):
        key, instant = json.dumps(column.key), column.prop.name
        expression = f"Table.AddColumn({previous}, {key}, each Date.From([{instant}]), type date)"
        previous = f"Day{number}"
        found.append(QueryStep(previous, expression))
    return tuple(found)


def _partition(name: str, query: str) -> list[str]:
    source = assigned("source", query)
    return [f"partition {quoted(name)} = m", *indented(["mode: import", *source])]


def _policy(root: str, incremental: Incremental, query: str) -> list[str]:
    """Return the policy of incremental refresh; see docs/incremental-refresh.md.

    Power BI polls the digest of each partition and reloads partitions with a changed digest.
    """
    steps = read_set(root, incremental.set)
    steps += (within_range(steps[-1].name, incremental.day),)
    newest = f"List.Max({steps[-1].name}[{incremental.changes}])"
    digest = QueryStep("Digest", f"DateTimeZone.RemoveZone(DateTimeZone.ToUtc({newest}))")
    known = QueryStep("Known", "if Digest = null then #datetime(1901, 1, 1, 0, 0, 0) else Digest")
    properties = [
        "policyType: basic",
        "rollingWindowGranularity: year",
        f"rollingWindowPeriods: {incremental.years_kept}",
        "incrementalGranularity: year",
        f"incrementalPeriods: {incremental.years_polled}",
        *assigned("pollingExpression", write_query((*steps, digest, known))),
        "",
        *assigned("sourceExpression", query),
    ]
    return ["refreshPolicy", *indented(properties)]
