"""The calendar: a table of days that Power BI computes from the fact's first and last day."""

from __future__ import annotations

from gateway.connect.dax import table_name
from gateway.connect.star import CALENDAR, CALENDAR_COLUMNS, Star
from gateway.connect.tmdl import assigned, described, indented, quoted, tag

_DATE, _YEAR, _QUARTER, _MONTH = CALENDAR_COLUMNS
_COLUMNS = (
    (_DATE, "dateTime", "yyyy-mm-dd"),
    (_YEAR, "int64", "0"),
    (_QUARTER, "string", ""),
    (_MONTH, "string", ""),
)


def calendar_table(star: Star) -> list[list[str]]:
    """Return the table, marked as the calendar; whole years give comparisons all days."""
    head = ["dataCategory: Time", f"lineageTag: {tag('table', CALENDAR)}"]
    return [
        [*described("Days, in UTC"), f"table {CALENDAR}", *indented(head)],
        *([*indented(_column(*column))] for column in _COLUMNS),
        [*indented(_hierarchy())],
        [*indented(_partition(star))],
    ]


def _column(name: str, kind: str, form: str) -> list[str]:
    properties = [
        f"dataType: {kind}",
        *(["isKey"] if name == _DATE else []),
        *([f"formatString: {form}"] if form else []),
        f"lineageTag: {tag('column', CALENDAR, name)}",
        "summarizeBy: none",
        "isNameInferred",
        f"sourceColumn: [{name}]",
    ]
    return [f"column {quoted(name)}", *indented(properties)]


def _hierarchy() -> list[str]:
    levels = [
        line
        for name in (_YEAR, _QUARTER, _MONTH, _DATE)
        for line in (
            "",
            f"level {quoted(name)}",
            f"\tlineageTag: {tag('level', CALENDAR, name)}",
            f"\tcolumn: {quoted(name)}",
        )
    ]
    return ["hierarchy Calendar", *indented([f"lineageTag: {tag('hierarchy', CALENDAR)}", *levels])]


def _partition(star: Star) -> list[str]:
    source = assigned("source", _days(star))
    return [f"partition {CALENDAR} = calculated", *indented(["mode: import", *source])]


def _days(star: Star) -> str:
    table = table_name(star.fact.name)
    days = [f"{table}[{column.name}]" for column in star.fact.columns if column.is_day]
    first = ", ".join(f"MIN ( {day} )" for day in days)
    last = ", ".join(f"MAX ( {day} )" for day in days)
    return f"""\
VAR FirstDay = MINX ( {{ {first} }}, [Value] )
VAR LastDay = MAXX ( {{ {last} }}, [Value] )
VAR YearBegin = DATE ( YEAR ( COALESCE ( FirstDay, TODAY () ) ), 1, 1 )
VAR YearEnd = DATE ( YEAR ( COALESCE ( LastDay, TODAY () ) ), 12, 31 )
RETURN
    ADDCOLUMNS (
        CALENDAR ( YearBegin, YearEnd ),
        "{_YEAR}", YEAR ( [Date] ),
        "{_QUARTER}", YEAR ( [Date] ) & " Q" & QUARTER ( [Date] ),
        "{_MONTH}", FORMAT ( [Date], "yyyy-MM" )
    )"""
