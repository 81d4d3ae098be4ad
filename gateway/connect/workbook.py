"""The workbook: a query for each table, and sheets that Excel fills when the file is opened.

It contains no rows: users load their own with their own credentials and role. Its parts are those
that Excel itself writes (ECMA-376 Part 1, 18; MS-QDEFF 2.1).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from gateway.connect.analysis import AnalysisFile
from gateway.connect.archive import pack
from gateway.connect.mashup import Query, write_mashup
from gateway.connect.power_query import cells, read_flat, write_query
from gateway.connect.shortcuts import connection_string, select_all
from gateway.connect.workbook_parts import (
    CONTENT_TYPES,
    CUSTOM_PROPERTIES,
    STYLES,
    content_type,
    head,
    relationships,
)
from gateway.edm.model import EntitySet, Schema


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet with a table that a query fills; `number` counts such sheets from 1."""

    number: int
    source: EntitySet
    connection: int

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the column names in the first row."""
        return tuple(prop.name for prop in cells(self.source))

    @property
    def area(self) -> str:
        """Return the range of the header and one empty row, Excel's smallest table."""
        return f"A1:{column_letters(len(self.columns))}2"


def write_workbook(root: str, schema: Schema, analysis: AnalysisFile) -> bytes:
    """Return the workbook; the same URL and tables give the same bytes."""
    sets = [each for each in schema.entity_sets if each.name != analysis.incremental.set]
    numbers = {each.name: number for number, each in enumerate(sets, 1)}
    shown = [each for each in sets if each.name in analysis.workbook]
    sheets = tuple(Sheet(n, each, numbers[each.name]) for n, each in enumerate(shown, 1))
    targets = {sheet.source.name for sheet in sheets}
    queries = tuple(
        Query(s.name, write_query(read_flat(root, s)), s.name if s.name in targets else "")
        for s in sets
    )
    return pack({**_package(sheets), **_contents(root, queries, sheets)})


def column_letters(number: int) -> str:
    """Return the letters of a column, counted from 1.

    >>> column_letters(1), column_letters(26), column_letters(27), column_letters(703)
    ('A', 'Z', 'AA', 'AAA')
    """
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _package(sheets: tuple[Sheet, ...]) -> dict[str, str]:
    """Return the types of the parts, and their relationships."""
    own = [("worksheet", f"worksheets/sheet{sheet.number + 1}.xml") for sheet in sheets]
    parts = [
        ("worksheet", "worksheets/sheet1.xml"),
        *own,
        ("styles", "styles.xml"),
        ("connections", "connections.xml"),
        ("customXml", "../customXml/item1.xml"),
    ]
    return {
        "[Content_Types].xml": CONTENT_TYPES.format(
            sheets="".join(content_type("sheet", n) for n in range(1, len(sheets) + 2)),
            tables="".join(content_type("table", sheet.number) for sheet in sheets),
            queries="".join(content_type("query", sheet.number) for sheet in sheets),
        ),
        "_rels/.rels": relationships([("officeDocument", "xl/workbook.xml")]),
        "xl/_rels/workbook.xml.rels": relationships(parts),
        "customXml/_rels/item1.xml.rels": relationships([("customXmlProps", "itemProps1.xml")]),
        "customXml/itemProps1.xml": CUSTOM_PROPERTIES,
    }


def _contents(
    root: str, queries: tuple[Query, ...], sheets: tuple[Sheet, ...]
) -> dict[str, str | bytes]:
    files: dict[str, str | bytes] = {
        "xl/workbook.xml": _workbook(sheets),
        "xl/styles.xml": STYLES,
        "xl/connections.xml": _connections(queries),
        "customXml/item1.xml": write_mashup(queries),
        "xl/worksheets/sheet1.xml": _first_sheet(root, queries),
    }
    for sheet in sheets:
        number = sheet.number
        table = [("table", f"../tables/table{number}.xml")]
        query = [("queryTable", f"../queryTables/queryTable{number}.xml")]
        files |= {
            f"xl/worksheets/sheet{number + 1}.xml": _sheet(sheet),
            f"xl/worksheets/_rels/sheet{number + 1}.xml.rels": relationships(table),
            f"xl/tables/table{number}.xml": _table(sheet),
            f"xl/tables/_rels/table{number}.xml.rels": relationships(query),
            f"xl/queryTables/queryTable{number}.xml": _query_table(sheet),
        }
    return files


def _workbook(sheets: tuple[Sheet, ...]) -> str:
    names = ["Start", *(sheet.source.name for sheet in sheets)]
    listed = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="rId{n}"/>'
        for n, name in enumerate(names, 1)
    )
    ranges = "".join(
        f'<definedName name="ExternalData_{sheet.number}" localSheetId="{sheet.number}"'
        f' hidden="1">{escape(_absolute(sheet))}</definedName>'
        for sheet in sheets
    )
    defined = f"<definedNames>{ranges}</definedNames>" if ranges else ""
    return f"{head('workbook')}<sheets>{listed}</sheets>{defined}</workbook>"


def _absolute(sheet: Sheet) -> str:
    last = column_letters(len(sheet.columns))
    return f"'{sheet.source.name}'!$A$1:${last}$2"


def _connections(queries: tuple[Query, ...]) -> str:
    """Return a connection for each query; those with a sheet refresh when the workbook opens."""
    found = "".join(
        f'<connection id="{number}" keepAlive="1" name={quoteattr(f"Query - {query.name}")}'
        f" description={quoteattr(f'The query {query.name} of this workbook')}"
        f' type="5" background="1"{_refreshing(query)}>'
        f"<dbPr connection={quoteattr(connection_string(query.name))}"
        f" command={quoteattr(select_all(query.name))}/></connection>"
        for number, query in enumerate(queries, 1)
    )
    return f"{head('connections')}{found}</connections>"


def _refreshing(query: Query) -> str:
    """Return the refresh attributes; engine version 0 marks a query that was never on a sheet."""
    if not query.target:
        return ' refreshedVersion="0"'
    return ' refreshedVersion="7" saveData="1" refreshOnLoad="1"'


def _sheet(sheet: Sheet) -> str:
    names = sheet.columns
    row = "".join(_text(f"{column_letters(n)}1", name, 1) for n, name in enumerate(names, 1))
    widths = "".join(
        f'<col min="{n}" max="{n}" width="{max(12, len(name) + 4)}" customWidth="1"/>'
        for n, name in enumerate(names, 1)
    )
    view = (
        '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2"'
        ' activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
    )
    return (
        f'{head("worksheet")}<dimension ref="{sheet.area}"/>{view}<cols>{widths}</cols>'
        f'<sheetData><row r="1">{row}</row><row r="2"/></sheetData>'
        '<tableParts count="1"><tablePart r:id="rId1"/></tableParts></worksheet>'
    )


def _first_sheet(root: str, queries: tuple[Query, ...]) -> str:
    """Return the first sheet, with instructions for users whose data does not load by itself."""
    others = ", ".join(query.name for query in queries if not query.target)
    lines = [
        ("Skillhabit results", 2),
        (f"Data source: {root}", 0),
        ("1. If Excel asks, choose Enable Content.", 0),
        ("2. Sign in: choose Basic, enter any user name, and your access key as the password.", 0),
        ("    If the gateway has no key, choose Anonymous. Excel stores this on your computer.", 0),
        ("3. To refresh, choose Data > Refresh All. Times are UTC.", 0),
        (f"Tables that are not on a sheet: {others}." if others else "", 0),
        ("To add one, choose Data > Queries & Connections, right-click it, and choose Load To.", 0),
    ]
    rows = "".join(
        f'<row r="{n}">{_text(f"A{n}", text, style)}</row>'
        for n, (text, style) in enumerate(lines, 1)
    )
    columns = '<cols><col min="1" max="1" width="90" customWidth="1"/></cols>'
    return f"{head('worksheet')}{columns}<sheetData>{rows}</sheetData></worksheet>"


def _text(cell: str, text: str, style: int) -> str:
    content = f'<is><t xml:space="preserve">{escape(text)}</t></is>'
    return f'<c r="{cell}" s="{style}" t="inlineStr">{content}</c>'


def _table(sheet: Sheet) -> str:
    columns = "".join(
        f'<tableColumn id="{n}" uniqueName="{n}" name={quoteattr(name)} queryTableFieldId="{n}"/>'
        for n, name in enumerate(sheet.columns, 1)
    )
    name = quoteattr(sheet.source.name)
    return (
        f'{head("table")[:-1]} id="{sheet.number}" name={name} displayName={name}'
        f' ref="{sheet.area}" tableType="queryTable" totalsRowShown="0">'
        f'<autoFilter ref="{sheet.area}"/>'
        f'<tableColumns count="{len(sheet.columns)}">{columns}</tableColumns>'
        '<tableStyleInfo name="TableStyleMedium7" showFirstColumn="0" showLastColumn="0"'
        ' showRowStripes="1" showColumnStripes="0"/></table>'
    )


def _query_table(sheet: Sheet) -> str:
    fields = _fields(sheet.columns)
    return (
        f'{head("queryTable")[:-1]} name="ExternalData_{sheet.number}" refreshOnLoad="1"'
        f' connectionId="{sheet.connection}" autoFormatId="16" applyNumberFormats="0"'
        ' applyBorderFormats="0" applyFontFormats="0" applyPatternFormats="0"'
        ' applyAlignmentFormats="0" applyWidthHeightFormats="0">'
        f'<queryTableRefresh nextId="{len(sheet.columns) + 1}">'
        f'<queryTableFields count="{len(sheet.columns)}">{fields}</queryTableFields>'
        "</queryTableRefresh></queryTable>"
    )


def _fields(names: Iterable[str]) -> str:
    return "".join(
        f'<queryTableField id="{n}" name={quoteattr(name)} tableColumnId="{n}"/>'
        for n, name in enumerate(names, 1)
    )
