"""Tables as CSV, Arrow and Parquet: any values, any number of parts, read back as they were."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.edm.model import Property
from gateway.edm.types import PrimitiveType
from gateway.writer.tables import write_arrow, write_csv, write_parquet
from tests.support.examples import examples

PROPERTIES = (
    Property("text", PrimitiveType.STRING),
    Property("real", PrimitiveType.DOUBLE),
    Property("at", PrimitiveType.DATE_TIME_OFFSET, nullable=False),
    Property("times", PrimitiveType.DATE_TIME_OFFSET, collection=True),
)
NAIVE = pa.schema(
    [
        ("text", pa.string()),
        ("real", pa.float64()),
        ("at", pa.timestamp("us")),
        ("times", pa.list_(pa.timestamp("us"))),
    ]
)
INSTANTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1))  # noqa: DTZ001 - naive UTC
ROWS = st.fixed_dictionaries(
    {
        "text": st.none() | st.text(max_size=9),
        "real": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "at": INSTANTS,
        "times": st.none() | st.lists(INSTANTS, max_size=3),
    }
)
PARTS = st.lists(st.lists(ROWS, max_size=4), min_size=1, max_size=4)
THOROUGH = examples(100, repeatable=True)


def tables(parts: list[list[Any]]) -> list[pa.Table]:
    return [pa.Table.from_pylist(rows, schema=NAIVE) for rows in parts]


def in_utc(row: Any) -> Any:
    times = row["times"] and [time.replace(tzinfo=UTC) for time in row["times"]]
    return {**row, "at": row["at"].replace(tzinfo=UTC), "times": times}


@THOROUGH
@given(PARTS)
def test_arrow_and_parquet_are_read_back_as_they_were(parts: list[list[Any]]) -> None:
    stream = b"".join(write_arrow(tables(parts), PROPERTIES))
    with pa.ipc.open_stream(stream) as reader:
        from_arrow = reader.read_all()
    file = b"".join(write_parquet(tables(parts), PROPERTIES))
    from_parquet = pq.read_table(io.BytesIO(file))
    for table in (from_arrow, from_parquet):
        assert [table.schema.field(prop.name).nullable for prop in PROPERTIES] == [
            prop.nullable for prop in PROPERTIES
        ]
        assert table.to_pylist() == [in_utc(row) for rows in parts for row in rows]


@THOROUGH
@given(st.lists(st.lists(st.tuples(st.text(max_size=9), st.none() | st.text(max_size=3)))
                .map(lambda rows: [{"a": a, "b": b} for a, b in rows]), min_size=1, max_size=3),
       st.booleans())  # fmt: skip
def test_csv_is_read_back_as_it_was(parts: list[list[dict[str, str | None]]], marked: bool) -> None:
    schema = pa.schema([("a", pa.string()), ("b", pa.string())])
    made = [pa.Table.from_pylist(rows, schema=schema) for rows in parts]
    text = b"".join(write_csv(made, marked=marked)).decode()
    assert text.startswith("\ufeffa,b\r\n" if marked else "a,b\r\n")
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True))
    wanted = [[row["a"], row["b"] or ""] for part in parts for row in part]
    assert rows == [["a", "b"], *wanted]


@pytest.mark.parametrize("values", [["a", None, "", "b\r\n\r\nc"], [1, None], [0.1, None, 1e300],
                                    [None, True, None], [None]])  # fmt: skip
def test_csv_of_one_column_has_a_line_for_each_null(values: list[Any]) -> None:
    """Readers skip blank lines: Python's csv.DictReader, pandas, R."""
    text = b"".join(write_csv([pa.table({"a": values})], marked=False)).decode()
    found = [row["a"] for row in csv.DictReader(io.StringIO(text, newline=""), strict=True)]
    assert len(found) == len(values)
    assert [not value for value in found] == [value in (None, "") for value in values]


def test_csv_tells_null_from_an_empty_text() -> None:
    table = pa.table({"a": ["", None, "x"], "b": [1.0, None, 1e22]})
    assert b"".join(write_csv([table], marked=False)) == b'a,b\r\n"",1\r\n,\r\n"x",1e+22\r\n'


@pytest.mark.parametrize("write", [write_arrow, write_parquet])
def test_what_was_yielded_is_not_kept(write: Any) -> None:
    """Each part is yielded when it is made: a file of any length needs the memory of one."""
    rows = [{"text": str(n) * 1000, "at": datetime(2024, 1, 1)} for n in range(9)]  # noqa: DTZ001
    sizes = [len(part) for part in write(iter(tables([[row] for row in rows])), PROPERTIES)]
    assert len(sizes) == 10
    assert all(size > 100 for size in sizes[:9])


@pytest.mark.parametrize("write", [write_arrow, write_parquet])
def test_a_file_that_nobody_wants_any_more_is_dropped(write: Any) -> None:
    parts = write(iter(tables([[], [], []])), PROPERTIES)
    next(parts)
    parts.close()
    assert next(parts, None) is None
