"""The constant parts of a workbook, and the relationships between parts (ECMA-376 Part 2)."""

from __future__ import annotations

from collections.abc import Iterable

_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = "application/vnd.openxmlformats-officedocument"
_PARTS = {
    "sheet": ("worksheets/sheet", f"{_TYPES}.spreadsheetml.worksheet+xml"),
    "table": ("tables/table", f"{_TYPES}.spreadsheetml.table+xml"),
    "query": ("queryTables/queryTable", f"{_TYPES}.spreadsheetml.queryTable+xml"),
}

CONTENT_TYPES = (
    f"{_DECLARATION}"
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels"'
    ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.spreadsheetml.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_TYPES}.spreadsheetml.styles+xml"/>'
    '<Override PartName="/xl/connections.xml"'
    f' ContentType="{_TYPES}.spreadsheetml.connections+xml"/>'
    '<Override PartName="/customXml/itemProps1.xml"'
    f' ContentType="{_TYPES}.customXmlProperties+xml"/>'
    "{sheets}{tables}{queries}</Types>"
)
CUSTOM_PROPERTIES = (
    f'{_DECLARATION}<ds:datastoreItem ds:itemID="{{4C2E7D0A-6B1F-4E55-9A3D-8F0B5C7E1A26}}"'
    ' xmlns:ds="http://schemas.openxmlformats.org/officeDocument/2006/customXml"><ds:schemaRefs>'
    '<ds:schemaRef ds:uri="http://schemas.microsoft.com/DataMashup"/></ds:schemaRefs>'
    "</ds:datastoreItem>"
)
STYLES = (
    f'{_DECLARATION}<styleSheet xmlns="{_SHEETS}">'
    '<fonts count="3"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="16"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>'
    '<xf numFmtId="0" fontId="2" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>"
)


def head(element: str) -> str:
    """Return the start of a part: the declaration and the opening tag of its root element."""
    return f'{_DECLARATION}<{element} xmlns="{_SHEETS}" xmlns:r="{_LINKS}">'


def content_type(kind: str, number: int) -> str:
    """Return the content type of a numbered part."""
    path, name = _PARTS[kind]
    return f'<Override PartName="/xl/{path}{number}.xml" ContentType="{name}"/>'


def relationships(parts: Iterable[tuple[str, str]]) -> str:
    """Return the relationships to parts, given as (kind, path), with IDs rId1, rId2 and so on."""
    links = "".join(
        f'<Relationship Id="rId{number}" Type="{_LINKS}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(parts, 1)
    )
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'{_DECLARATION}<Relationships xmlns="{space}">{links}</Relationships>'
