"""Arrow tables -> CSV, an Arrow stream or a Parquet file, part by part.

Each function takes tables of one schema, at least one, and yields the bytes that they add to the
file. Nothing is kept after it is yielded, so a file of any length needs the memory of one part.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
from pyarrow import csv

from gateway.edm.model import Property

_INSTANT = pa.timestamp("us")
_INSTANT_UTC = pa.timestamp("us", tz="UTC")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def write_csv(tables: Iterable[pa.Table], *, marked: bool) -> Iterator[bytes]:
    """Yield CSV by RFC 4180 with a header line; `marked` adds a byte order mark.

    Texts are quoted and a null is empty, so that readers can distinguish it from an empty text.
    A file of one column has an empty text for null, because readers skip blank lines.
    """
    before, header = _BYTE_ORDER_MARK if marked else b"", True
    for table in tables:
        sink = io.BytesIO(before)
        sink.seek(0, io.SEEK_END)
        options = csv.WriteOptions(include_header=header, quoting_header="none", eol="\r\n")
        csv.write_csv(_without_blank_lines(table), sink, options)
        yield sink.getvalue()
        before, header = b"", False


def _without_blank_lines(table: pa.Table) -> pa.Table:
    if table.num_columns != 1 or not table.column(0).null_count:
        return table
    texts = table.column(0).cast(pa.string()).fill_null("")
    return pa.table([texts], names=table.column_names)


def write_arrow(tables: Iterable[pa.Table], properties: tuple[Property, ...]) -> Iterator[bytes]:
    """Yield Arrow's streaming format; instants have the time zone UTC."""
    return _write_typed(tables, properties, pa.ipc.new_stream)


def write_parquet(tables: Iterable[pa.Table], properties: tuple[Property, ...]) -> Iterator[bytes]:
    """Yield a Parquet file with a row group for each table; instants have the time zone UTC."""
    return _write_typed(tables, properties, partial(pq.ParquetWriter, compression="zstd"))


def _write_typed(
    tables: Iterable[pa.Table], properties: tuple[Property, ...], open_: Callable[..., Any]
) -> Iterator[bytes]:
    """Write with the writer that `open_` returns for a sink and a schema."""
    sink, typed = _Sink(), (_typed(table, properties) for table in tables)
    first = next(typed)
    with open_(sink, first.schema) as writer:
        for table in chain((first,), typed):
            writer.write_table(table)
            yield sink.taken()
    yield sink.taken()


class _Sink(io.RawIOBase):
    """A buffer of written parts, which knows its position in the whole file."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, part: bytes) -> int:  # type: ignore[override]  # any buffer
        self._parts.append(bytes(part))
        self._written += len(self._parts[-1])
        return len(self._parts[-1])

    def tell(self) -> int:
        return self._written

    def taken(self) -> bytes:
        """Return the bytes written since the last call, and drop them."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _typed(table: pa.Table, properties: tuple[Property, ...]) -> pa.Table:
    """Return the table with time zones, and nullable only where the model is."""
    fields = [
        pa.field(prop.name, _with_zone(table.schema.field(prop.name).type), prop.nullable)
        for prop in properties
    ]
    return table.cast(pa.schema(fields))


def _with_zone(type_: pa.DataType) -> pa.DataType:
    if pa.types.is_list(type_):
        return pa.list_(_with_zone(type_.value_type))
    return _INSTANT_UTC if type_ == _INSTANT else type_
