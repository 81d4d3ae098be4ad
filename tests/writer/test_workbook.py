"""Workbooks: every value is there as it is, or its fate is counted on the second sheet."""

from __future__ import annotations

import io
import math
import zipfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import openpyxl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.cell.cell import Cell
from openpyxl.utils.escape import unescape

from gateway.writer.workbook import MAX_TEXT, WorkbookFacts, write_workbook
from tests.support.examples import examples

ABOUT = (("Table", "Results"), ("$filter", "state eq 'FAILED'"))


def written(table: pa.Table, headers: tuple[str, ...] | None = None) -> openpyxl.Workbook:
    """A workbook of a table, read by a library of its own."""
    target = io.BytesIO()
    facts = WorkbookFacts("Results", headers or tuple(table.schema.names), ABOUT)
    write_workbook(target, facts, table.schema, table.to_batches(max_chunksize=3))
    assert zipfile.ZipFile(target).testzip() is None
    return openpyxl.load_workbook(io.BytesIO(target.getvalue()))


def cells(values: list[Any], kind: pa.DataType) -> list[Any]:
    """The cells of a column."""
    found = written(pa.table({"a": pa.array(values, kind)})).worksheets[0]
    return [row[0] for row in found.iter_rows(min_row=2)]


def naive(text: str) -> datetime:
    return datetime.fromisoformat(text)


def one(value: Any, kind: pa.DataType) -> Cell:
    (found,) = cells([value], kind)
    assert isinstance(found, Cell)
    return found


def notes(value: Any, kind: pa.DataType) -> list[str]:
    """Return the notes of the second sheet about a column with one value."""
    about = written(pa.table({"a": pa.array([value], kind)})).worksheets[1]
    return [str(row[1]) for row in about.iter_rows(values_only=True) if row[0] == "Note"]


def test_the_first_sheet_has_a_fixed_header_with_filters() -> None:
    rows = pa.table({"id": ["a", "b"], "n": [1, None]})
    book = written(rows, ("Key", "Number"))
    sheet = book.worksheets[0]
    assert book.sheetnames == ["Results", "About"]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:B3"
    assert [*sheet.values] == [("Key", "Number"), ("a", 1), ("b", None)]
    assert sheet["A1"].font.bold


def test_the_second_sheet_says_what_the_rows_are() -> None:
    about = written(pa.table({"id": ["a"] * 1_234})).worksheets[1]
    assert [*about.values] == [*ABOUT, ("Rows", "1,234")]


def test_no_rows_make_a_sheet_with_headers() -> None:
    empty = pa.schema([("id", pa.string()), ("at", pa.timestamp("us"))]).empty_table()
    assert [*written(empty).worksheets[0].values] == [("id", "at")]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), max_size=8))
@examples(80)
def test_texts_come_back_as_they_are(texts: list[str]) -> None:
    """Also those that look like formulas, links, numbers, or escaped characters."""
    found = [cell.value for cell in cells(texts, pa.string())]
    wanted = [text.replace("\r\n", "\n").replace("\r", "\n") for text in texts]
    back = [unescape(value or "").replace("\r\n", "\n").replace("\r", "\n") for value in found]
    assert back + [""] * (len(wanted) - len(back)) == wanted


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "https://a.example", "{=1}", "1", "TRUE", "mailto:a@b"]
)
def test_no_text_becomes_a_formula_or_a_link(text: str) -> None:
    cell = one(text, pa.string())
    assert (cell.data_type, cell.value, cell.hyperlink) == ("s", text, None)


@given(st.integers(-(2**63), 2**63 - 1))
@examples(60)
def test_integers_are_exact(value: int) -> None:
    cell = one(value, pa.int64())
    is_number = abs(value) < 10**15
    assert cell.data_type == ("n" if is_number else "s")
    assert int(cell.value) == value  # type: ignore[arg-type]
    assert bool(notes(value, pa.int64())) != is_number


@given(st.floats(width=64))
@examples(60)
def test_doubles_are_numbers_or_words(value: float) -> None:
    cell = one(value, pa.float64())
    if math.isfinite(value):
        assert cell.data_type == "n"
        assert float(cell.value or 0) == pytest.approx(value, rel=1e-14)  # type: ignore[arg-type]
        return
    assert cell.value == ("NaN" if math.isnan(value) else "INF" if value > 0 else "-INF")
    assert notes(value, pa.float64())


@given(st.datetimes(naive("1900-03-01"), naive("9999-12-31 23:59:59")))
@examples(60)
def test_instants_are_dates(value: datetime) -> None:
    cell = one(value.replace(tzinfo=UTC), pa.timestamp("us", "UTC"))
    assert cell.is_date
    assert isinstance(cell.value, datetime)
    assert abs(cell.value - value) < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        (naive("1900-02-28 23:59:59"), pa.timestamp("us"), "1900-02-28 23:59:59"),
        (naive("0001-01-01"), pa.timestamp("us"), "0001-01-01 00:00:00"),
        (date(1900, 2, 28), pa.date32(), "1900-02-28"),
        (Decimal("1234567890.123456789"), pa.decimal128(30, 9), "1234567890.123456789"),
    ],
)
def test_what_excel_cannot_hold_is_text_and_counted(
    value: Any, kind: pa.DataType, shown: str
) -> None:
    cell = one(value, kind)
    assert (cell.data_type, cell.value) == ("s", shown)
    (note,) = notes(value, kind)
    assert note.startswith("1 ")


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        (date(2024, 2, 29), pa.date32(), naive("2024-02-29")),
        (True, pa.bool_(), True),
        (Decimal("12.50"), pa.decimal128(10, 2), 12.5),
        (["a", "b c", None], pa.list_(pa.string()), "a; b c"),
        ([], pa.list_(pa.string()), ""),
        (None, pa.string(), None),
    ],
)
def test_values_have_the_type_of_their_column(value: Any, kind: pa.DataType, shown: Any) -> None:
    found = cells([value, value], kind)
    assert {cell.value for cell in found} <= {shown}
    assert notes(value, kind) == []


@pytest.mark.parametrize("letter", ["x", "\U0001f600"])
def test_a_long_text_is_cut_between_characters_and_counted(letter: str) -> None:
    cell = one(letter * (MAX_TEXT + 5), pa.string())
    units = len(str(cell.value).encode("utf-16-le")) // 2
    assert MAX_TEXT - 1 <= units <= MAX_TEXT
    assert set(str(cell.value)) == {letter}
    assert "were cut" in notes(letter * (MAX_TEXT + 5), pa.string())[0]
