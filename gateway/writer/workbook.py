"""Rows -> an Excel workbook (.xlsx): one sheet with the rows, one that says what they are.

What Excel cannot hold becomes text or is cut, and the second sheet counts it: nothing is changed in
silence. Texts are written as texts, so none can run as a formula or become a link.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from math import isfinite, isinf, isnan
from typing import Any, BinaryIO, TypeAlias

import pyarrow as pa
import xlsxwriter

MAX_ROWS = 1_048_575
"""The rows of a sheet below its header."""
MAX_TEXT = 32_767
"""The UTF-16 units of a cell."""
_MAX_DIGITS = 15
_LARGEST_INTEGER = 10**_MAX_DIGITS
_MAX_SHEET_NAME = 31
_WIDEST, _NARROWEST = 40, 10
_DAY_MICROSECONDS = 86_400_000_000
_EPOCH_SERIAL = 25_569
"""1970-01-01 in Excel's days."""
_FIRST_SERIAL = 61
"""1900-03-01: earlier days have other numbers in Excel than elsewhere."""
_FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\", " "))

_CUT = "texts were longer than a cell may be (32,767 characters) and were cut"
_EARLY = "dates before 1900-03-01 are text, because Excel has no numbers for them"
_LONG = "numbers of more than 15 digits are text, because Excel would round them"
_NOT_FINITE = "numbers are INF, -INF or NaN, which Excel does not have, and are text"
_CONTROL = "texts have control characters; Excel shows them as boxes or not at all"


@dataclass(frozen=True, slots=True)
class WorkbookFacts:
    """The name of the sheet, the headers in the order of the columns, and lines about the rows."""

    sheet: str
    headers: tuple[str, ...]
    about: tuple[tuple[str, str], ...]


@dataclass
class _Sheet:
    """The sheet with the rows; `notes` counts what could not be written as it is."""

    sheet: Any
    date: Any
    instant: Any
    row: int = 1
    notes: Counter[str] = field(default_factory=Counter)


_Write: TypeAlias = Callable[[_Sheet, int, Any], None]


def write_workbook(
    target: BinaryIO, facts: WorkbookFacts, schema: pa.Schema, batches: Iterable[pa.RecordBatch]
) -> None:
    """Write a workbook with all rows of the batches, which have the columns of the schema.

    The memory is that of one batch. `target` must be seekable.
    """
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(target, options)
    bold = book.add_format({"bold": True, "bg_color": "#E8EDF3", "bottom": 1})
    rows = _Sheet(
        book.add_worksheet(sheet_name(facts.sheet)),
        book.add_format({"num_format": "yyyy-mm-dd"}),
        book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
    )
    about = book.add_worksheet("About")
    _begin(rows, facts.headers, schema, bold)
    for batch in batches:
        _append(rows, batch)
    rows.sheet.autofilter(0, 0, max(1, rows.row - 1), max(0, len(facts.headers) - 1))
    _describe(about, facts, rows, bold)
    book.close()


def sheet_name(name: str) -> str:
    """Return a name that Excel allows.

    >>> sheet_name("History"), sheet_name("a/b'"), sheet_name("x" * 40) == "x" * 31
    ('Rows', 'a b', True)
    """
    found = name.translate(_FORBIDDEN).strip("' ")[:_MAX_SHEET_NAME]
    return found if found and found.lower() not in ("history", "about") else "Rows"


def _begin(rows: _Sheet, headers: Sequence[str], schema: pa.Schema, bold: Any) -> None:
    rows.sheet.freeze_panes(1, 0)
    for number, (header, kind) in enumerate(zip(headers, schema.types, strict=True)):
        width = min(_WIDEST, max(_NARROWEST, len(header) + 4, _width(kind)))
        rows.sheet.set_column(number, number, width)
        rows.sheet.write_string(0, number, header, bold)


def _width(kind: pa.DataType) -> int:
    if pa.types.is_timestamp(kind):
        return 20
    return 24 if pa.types.is_string(kind) or pa.types.is_list(kind) else 12


def _append(rows: _Sheet, batch: pa.RecordBatch) -> None:
    columns = [_cells(column) for column in batch.columns]
    writers = [_writer(kind) for kind in batch.schema.types]
    for values in zip(*columns, strict=True):
        for number, (write, value) in enumerate(zip(writers, values, strict=True)):
            if value is not None:
                write(rows, number, value)
        rows.row += 1


def _cells(column: Any) -> list[Any]:
    """Return the values; instants as microseconds, which are faster than datetimes."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64())
    found: list[Any] = column.to_pylist()
    return found


def _writer(kind: pa.DataType) -> _Write:
    types = pa.types
    if types.is_timestamp(kind):
        return _instant
    if types.is_date(kind):
        return _date
    if types.is_boolean(kind):
        return _boolean
    if types.is_integer(kind):
        return _integer
    if types.is_floating(kind):
        return _double
    if types.is_decimal(kind):
        return _decimal
    if types.is_list(kind):
        return _list
    return _text


def _text(rows: _Sheet, column: int, value: Any) -> None:
    text = value if isinstance(value, str) else str(value)
    if len(text) > MAX_TEXT // 2 and len(text.encode("utf-16-le", "replace")) // 2 > MAX_TEXT:
        rows.notes[_CUT] += 1
        text = _cut(text)
    if not text.isprintable() and any(c < " " and c not in "\t\n\r" for c in text):
        rows.notes[_CONTROL] += 1
    rows.sheet.write_string(rows.row, column, text)


def _cut(text: str) -> str:
    """Return as many characters as a cell can hold; none is cut in two."""
    half = text.encode("utf-16-le", "replace")[: MAX_TEXT * 2]
    return half.decode("utf-16-le", "ignore")


def _list(rows: _Sheet, column: int, values: list[Any]) -> None:
    _text(rows, column, "; ".join(_plain(value) for value in values if value is not None))


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(" ", "seconds")
    return str(value)


def _boolean(rows: _Sheet, column: int, value: Any) -> None:
    rows.sheet.write_boolean(rows.row, column, value)


def _integer(rows: _Sheet, column: int, value: int) -> None:
    if -_LARGEST_INTEGER < value < _LARGEST_INTEGER:
        rows.sheet.write_number(rows.row, column, value)
    else:
        _number_as_text(rows, column, str(value))


def _double(rows: _Sheet, column: int, value: float) -> None:
    if isfinite(value):
        rows.sheet.write_number(rows.row, column, value)
        return
    rows.notes[_NOT_FINITE] += 1
    sign = "-" if isinf(value) and value < 0 else ""
    rows.sheet.write_string(rows.row, column, "NaN" if isnan(value) else f"{sign}INF")


def _decimal(rows: _Sheet, column: int, value: Decimal) -> None:
    if len(value.normalize().as_tuple().digits) <= _MAX_DIGITS:
        rows.sheet.write_number(rows.row, column, value)
    else:
        _number_as_text(rows, column, format(value, "f"))


def _number_as_text(rows: _Sheet, column: int, text: str) -> None:
    rows.notes[_LONG] += 1
    rows.sheet.write_string(rows.row, column, text)


def _instant(rows: _Sheet, column: int, micros: int) -> None:
    serial = micros / _DAY_MICROSECONDS + _EPOCH_SERIAL
    if serial >= _FIRST_SERIAL:
        rows.sheet.write_number(rows.row, column, serial, rows.instant)
        return
    rows.notes[_EARLY] += 1
    moment: datetime = pa.scalar(micros, pa.timestamp("us")).as_py()
    rows.sheet.write_string(rows.row, column, moment.isoformat(" "))


def _date(rows: _Sheet, column: int, value: date) -> None:
    serial = value.toordinal() - date(1970, 1, 1).toordinal() + _EPOCH_SERIAL
    if serial >= _FIRST_SERIAL:
        rows.sheet.write_number(rows.row, column, serial, rows.date)
        return
    rows.notes[_EARLY] += 1
    rows.sheet.write_string(rows.row, column, value.isoformat())


def _describe(about: Any, facts: WorkbookFacts, rows: _Sheet, bold: Any) -> None:
    """Write the second sheet."""
    about.set_column(0, 0, 22)
    about.set_column(1, 1, 100)
    lines = [*facts.about, ("Rows", f"{rows.row - 1:,}")]
    lines += [("Note", f"{number:,} {what}") for what, number in rows.notes.items()]
    for number, (name, text) in enumerate(lines):
        about.write_string(number, 0, name, bold)
        about.write_string(number, 1, _cut(text))
