"""`$format=xlsx`: the rows of the feed, read by openpyxl and by Microsoft's validator."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import openpyxl
import pyarrow as pa
import pytest

from gateway.edm.model import Property
from gateway.edm.types import PrimitiveType
from gateway.errors import LimitExceeded, QueryTimeout
from gateway.service.workbooks import Workbooks, check_rows
from gateway.writer.tables import write_arrow
from gateway.writer.workbook import MAX_ROWS, WorkbookFacts
from tests.support.live import Bridge, shared_folder

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
QUERIES = [
    "",
    "$top=3",
    "$top=0",
    "$filter=state eq 'FAILED'&$orderby=userName desc,id&$skip=5&$top=70",
    "$select=id,groupIds,updatedAt,progress",
    "$apply=groupby((state,enrollmentType),aggregate($count as n,progress with average as p))",
    "$compute=progress div 3 as third,null as nothing&$select=id,third,nothing&$top=9",
]


def book_of(live: Bridge, query: str, form: str = "xlsx") -> openpyxl.Workbook:
    response = live.get(f"Results?{quote(query, safe='$=&,()')}&$format={form}".replace("?&", "?"))
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == XLSX
    assert response.headers["Content-Disposition"] == 'attachment; filename="Results.xlsx"'
    return openpyxl.load_workbook(io.BytesIO(response.content))


def rows_of(book: openpyxl.Workbook) -> list[dict[str, Any]]:
    header, *rows = book.worksheets[0].values
    return [dict(zip(map(str, header), row, strict=True)) for row in rows]


def as_cell(value: Any) -> Any:
    """A value of the feed as the sheet says it; no text is the same as an empty text."""
    if isinstance(value, list):
        return "; ".join(value) or None
    if isinstance(value, str) and value.endswith("Z") and value[4:5] == "-":
        return datetime.fromisoformat(value[:-1]).replace(microsecond=0)
    if isinstance(value, int | float):
        return pytest.approx(value, rel=1e-12)
    return None if value == "" else value


def shown(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(microsecond=0)
    return None if value == "" else value


@pytest.mark.parametrize("query", QUERIES)
def test_a_workbook_has_the_rows_of_the_feed(live: Bridge, query: str) -> None:
    wanted = live.feed(f"Results?{quote(query, safe='$=&,()')}")
    found = rows_of(book_of(live, query))
    plain = [{n: v for n, v in row.items() if "@" not in n} for row in wanted]
    assert [{n: shown(v) for n, v in row.items()} for row in found] == [
        {n: as_cell(v) for n, v in row.items()} for row in plain
    ]


def test_headers_are_published_names_or_labels(live: Bridge) -> None:
    query = "$select=userName,updatedAt&$top=1"
    assert [*rows_of(book_of(live, query))[0]] == ["userName", "updatedAt"]
    assert [*rows_of(book_of(live, query, "xlsx;header=names"))[0]] == ["userName", "updatedAt"]
    labels = [*rows_of(book_of(live, query, "xlsx;header=labels"))[0]]
    assert labels[0] == "User name"
    refused = live.get("Results?$format=xlsx;header=other")
    assert refused.status_code == 406
    assert "xlsx" in refused.text


def test_the_second_sheet_has_the_query_and_no_key(live: Bridge) -> None:
    response = live.get("Results?filter=state%20eq%20'FAILED'&apikey=secret&$format=xlsx")
    lines = openpyxl.load_workbook(io.BytesIO(response.content)).worksheets[1].values
    about = {str(name): str(text) for name, text in lines}
    assert about["Table"] == "Results"
    assert about["$filter"] == "state eq 'FAILED'"
    assert about["Data as of"].endswith(" UTC")
    assert int(about["Rows"].replace(",", "")) == len(
        live.feed("Results?$filter=state%20eq%20'FAILED'")
    )
    assert "secret" not in str(about)


def test_a_workbook_is_asked_for_by_accept_and_known_by_its_etag(live: Bridge) -> None:
    first = live.get("Users", headers={"Accept": XLSX})
    assert first.headers["Content-Type"] == XLSX
    again = live.get("Users", headers={"Accept": XLSX, "If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "url",
    ["Results?$count=true", "Users?$expand=results", "Results/$count?a=1", "Results('x')?a=1"],
)
def test_what_a_sheet_cannot_show_is_refused(live: Bridge, url: str) -> None:
    response = live.get(f"{url}&$format=xlsx")
    assert response.status_code in (400, 406)
    assert response.headers["Content-Type"].startswith("application/json")


def test_rows_beyond_a_sheet_are_refused_with_the_other_formats() -> None:
    check_rows(MAX_ROWS)
    with pytest.raises(LimitExceeded, match=r"1,048,575 rows.*1,048,576.*csv or parquet"):
        check_rows(MAX_ROWS + 1)


def test_the_validator_of_microsoft_finds_no_fault(live: Bridge, tmp_path: Path) -> None:
    folder = shared_folder()
    tool = None if folder is None else folder / "tools" / "office-check"
    if tool is None or not tool.exists():
        pytest.skip("the validator of Office files is not here")
    for number, query in enumerate(QUERIES):
        path = tmp_path / f"{number}.xlsx"
        book = live.get(f"Results?{quote(query, safe='$=&,()')}&$format=xlsx".replace("?&", "?"))
        path.write_bytes(book.content)
        done = subprocess.run([str(tool), str(path)], capture_output=True, check=True)
        assert json.loads(done.stdout)["errors"] == [], query


# --- the process ----------------------------------------------------------------------------------

FACTS = WorkbookFacts("Rows", ("a",), ())


async def in_thread(work: Any, *arguments: Any) -> Any:
    return await anyio.to_thread.run_sync(work, *arguments)


def arrow() -> Iterator[bytes]:
    properties = (Property("a", PrimitiveType.STRING),)
    return write_arrow([pa.table({"a": ["x"] * 1_000})], properties)


@pytest.mark.anyio
async def test_a_process_that_fails_says_no_value() -> None:
    with pytest.raises(RuntimeError, match=r"ended with 1: ") as told:
        await Workbooks().make(FACTS, iter([b"not arrow, but Anna"]), in_thread)
    assert "Anna" not in str(told.value)


@pytest.mark.anyio
async def test_a_folder_called_gateway_in_the_working_directory_is_not_run(tmp_path: Path) -> None:
    folder = tmp_path / "gateway" / "service"
    folder.mkdir(parents=True)
    for name in ("../__init__.py", "__init__.py", "workbook_process.py"):
        (folder / name).write_text("raise SystemExit(9)\n", "utf-8")
    with contextlib.chdir(tmp_path):
        file = await Workbooks().make(FACTS, arrow(), in_thread)
    with file:
        assert openpyxl.load_workbook(file).worksheets[0].max_row == 1_001


@pytest.mark.anyio
async def test_a_workbook_that_takes_too_long_is_given_up() -> None:
    def slow() -> Iterator[bytes]:
        while True:
            time.sleep(0.05)
            yield b""

    with pytest.raises(QueryTimeout):
        await Workbooks(seconds=0.5).make(FACTS, slow(), in_thread)


@pytest.mark.anyio
async def test_an_error_of_the_rows_ends_the_process() -> None:
    def failing() -> Iterator[bytes]:
        yield b""
        raise LimitExceeded("too much")

    with pytest.raises(LimitExceeded):
        await Workbooks().make(FACTS, failing(), in_thread)
