"""The workbook, read by openpyxl and by a reader of Microsoft's query format."""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree
from zipfile import ZipFile

import openpyxl
import pytest
from openpyxl.utils import get_column_letter
from openpyxl.workbook import Workbook

from tests.connect.m_reader import read_m
from tests.connect.mashup_reader import Mashup, read_mashup
from tests.tenancy.support import House

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_PACKAGE = "{http://schemas.openxmlformats.org/package/2006"
SHEETS = ["Results", "ContentStatistics", "UserStatistics", "GroupStatistics"]


def parts_of(gateway: House, caller: str = "") -> dict[str, bytes]:
    answer = gateway.ask("/connect/skillhabit.xlsx", caller)
    assert answer.status_code == 200, answer.text
    with ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def opened(gateway: House, caller: str = "") -> Workbook:
    return openpyxl.load_workbook(
        io.BytesIO(gateway.ask("/connect/skillhabit.xlsx", caller).content)
    )


@pytest.fixture(scope="module")
def parts(gateway: House) -> dict[str, bytes]:
    return parts_of(gateway)


@pytest.fixture(scope="module")
def mashup(parts: dict[str, bytes]) -> Mashup:
    return read_mashup(parts["customXml/item1.xml"])


def test_openpyxl_sees_a_sheet_with_a_table_for_each_of_the_chosen(gateway: House) -> None:
    book = opened(gateway)
    assert book.sheetnames == ["Start", *SHEETS]
    assert any(gateway.root in str(cell.value) for cell in book["Start"]["A"])
    for name in SHEETS:
        sheet = book[name]
        header = [cell.value for cell in sheet[1]]
        rows = gateway.odata(f"{name}?$top=1").json()["value"]
        assert header == [k for k, v in rows[0].items() if not isinstance(v, list)]
        assert sheet.tables[name].ref == f"A1:{get_column_letter(len(header))}2"
        assert sheet.freeze_panes == "A2"
        assert [column.name for column in sheet.tables[name].tableColumns] == header


def test_every_part_is_declared_and_every_link_leads_to_a_part(parts: dict[str, bytes]) -> None:
    declared = ElementTree.fromstring(parts["[Content_Types].xml"])
    names = [node.attrib["PartName"] for node in declared.iter() if "PartName" in node.attrib]
    assert len(names) == len(set(names))
    assert {name.removeprefix("/") for name in names} <= set(parts)
    for path, content in parts.items():
        ElementTree.fromstring(content)
        if not path.endswith(".rels"):
            continue
        folder = path.replace("_rels/", "").rpartition("/")[0]
        for link in ElementTree.fromstring(content):
            steps = [*filter(None, folder.split("/")), *link.attrib["Target"].split("/")]
            found: list[str] = []
            for step in steps:
                found = found[:-1] if step == ".." else [*found, step]
            assert "/".join(found) in parts, (path, link.attrib["Target"])


def test_the_queries_are_the_callers_tables(gateway: House, mashup: Mashup) -> None:
    names = {each["name"] for each in gateway.odata("").json()["value"]} - {"ResultRows"}
    assert set(mashup.formulas) == names
    for name, formula in mashup.formulas.items():
        query = read_m(formula)
        assert query.table == name
        assert gateway.ask(f"{query.url}&$top=1").status_code == 200


def test_the_stream_is_what_the_specification_says(mashup: Mashup) -> None:
    assert set(mashup.parts) == {"Config/Package.xml", "[Content_Types].xml", "Formulas/Section1.m"}
    assert mashup.permissions == {"CanEvaluateFuturePackages": "false", "FirewallEnabled": "true"}
    assert mashup.checksum == b"\0"
    types = ElementTree.fromstring(mashup.parts["[Content_Types].xml"])
    assert {node.attrib["Extension"] for node in types} == {"xml", "m"}
    config = ElementTree.fromstring(mashup.parts["Config/Package.xml"])
    assert [node.tag for node in config] == ["Version", "MinVersion", "Culture"]


def test_sheets_connections_and_queries_name_each_other(
    parts: dict[str, bytes], mashup: Mashup
) -> None:
    connections = {
        node.attrib["id"]: node for node in ElementTree.fromstring(parts["xl/connections.xml"])
    }
    filled = {
        path.removeprefix("Section1/"): entries["FillTarget"].removeprefix("s")
        for path, entries in mashup.entries.items()
        if entries.get("FillEnabled") == "l1"
    }
    assert filled == {name: name for name in SHEETS}
    for number, name in enumerate(SHEETS, 1):
        table = ElementTree.fromstring(parts[f"xl/tables/table{number}.xml"])
        query = ElementTree.fromstring(parts[f"xl/queryTables/queryTable{number}.xml"])
        connection = connections[query.attrib["connectionId"]]
        assert table.attrib["displayName"] == name
        assert table.attrib["tableType"] == "queryTable"
        (source,) = connection
        assert f"Location={name};" in source.attrib["connection"]
        assert source.attrib["command"] == f"SELECT * FROM [{name}]"
        assert connection.attrib["refreshOnLoad"] == "1"
        fields = [node.attrib for node in query.iter(f"{_MAIN}queryTableField")]
        columns = [node.attrib for node in table.iter(f"{_MAIN}tableColumn")]
        assert [f["name"] for f in fields] == [c["name"] for c in columns]
        assert [f["id"] for f in fields] == [c["queryTableFieldId"] for c in columns]
        assert [c["name"] for c in columns] == read_m(mashup.formulas[name]).columns


def test_a_role_gets_a_workbook_of_its_own(gateway: House) -> None:
    book = opened(gateway, "default/totals")
    assert book.sheetnames == ["Start", "ContentStatistics"]
    found = parts_of(gateway, "default/people-unknown")
    text = b"".join(found.values()).decode("utf-8", "ignore")
    text += " ".join(read_mashup(found["customXml/item1.xml"]).formulas.values())
    assert not re.search(r"userEmail|userName|userAvatar|department", text)
