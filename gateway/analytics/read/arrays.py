"""Conversion of a column's values to a typed Arrow array, checked against the contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, repeat
from typing import Any

import pyarrow as pa

from gateway.analytics.read.cells import Values
from gateway.analytics.read.instants import NAIVE, read_instants
from gateway.contract.model import Column
from gateway.edm.model import Property
from gateway.edm.types import PrimitiveType
from gateway.errors import UpstreamBrokeContract

_ARROW_TYPES: dict[PrimitiveType, pa.DataType] = {
    PrimitiveType.STRING: pa.string(),
    PrimitiveType.BOOLEAN: pa.bool_(),
    PrimitiveType.INT32: pa.int32(),
    PrimitiveType.INT64: pa.int64(),
    PrimitiveType.DOUBLE: pa.float64(),
    PrimitiveType.DATE_TIME_OFFSET: NAIVE,
    PrimitiveType.GUID: pa.uuid(),
}


@dataclass(frozen=True, slots=True)
class Cells:
    """A column; in the rows `outside`, an instant is null because no column can hold it."""

    array: pa.Array
    outside: tuple[int, ...] = ()


def to_arrow(column: Column, values: Values, row: str = "") -> Cells:
    """Convert a column's values; checks of a collection apply to its elements, null is empty.

    `row` are words for messages that name the row, if all values are from one.

    Raises:
        UpstreamBrokeContract: names the member, the type and the remedy; never a value.
    """
    prop = column.prop
    try:
        array, outside = _array(prop.type, values.flat)
    except (pa.ArrowException, OverflowError, ValueError) as error:
        raise UpstreamBrokeContract(
            f"the Analytics API sent a value in {_place(column)} that is no {prop.type}"
            f"{_reason(error)}{row}; correct `type` of the column {column.name}"
        ) from None
    if array.null_count and not prop.nullable:
        raise UpstreamBrokeContract(
            f"the Analytics API sent {_null(outside)} in {_place(column)}{row}, which the contract"
            f" file calls never null; set nullable = true for the column {column.name}"
        )
    if prop.allowed_values:
        _check_allowed(column, array, row)
    if values.lengths is None:
        return Cells(array, outside)
    return Cells(_lists(values.lengths, array), _rows_of(outside, values.lengths))


def _array(kind: PrimitiveType, values: Sequence[Any]) -> tuple[pa.Array, tuple[int, ...]]:
    if kind is PrimitiveType.DATE_TIME_OFFSET:
        return read_instants(values)
    return pa.array(values, type=_ARROW_TYPES[kind]), ()


def _rows_of(elements: Sequence[int], lengths: Sequence[int]) -> tuple[int, ...]:
    """Return the rows that have these elements."""
    if not elements:
        return ()
    rows = [*chain.from_iterable(repeat(row, length) for row, length in enumerate(lengths))]
    return tuple(dict.fromkeys(rows[element] for element in elements))


def _lists(lengths: Sequence[int], elements: pa.Array) -> pa.Array:
    offsets = pa.array(accumulate(lengths, initial=0), type=pa.int32())
    return pa.ListArray.from_arrays(offsets, elements)


def _check_allowed(column: Column, found: pa.Array, row: str) -> None:
    """Refuse a value outside the closed set: pushed `ne` filters would lose its row."""
    if set(found.unique().to_pylist()) - {*column.prop.allowed_values, None}:
        raise UpstreamBrokeContract(
            f"the Analytics API sent a value in {_place(column)}{row} that the contract file does"
            f" not list; add it to `values` of the column {column.name} (`skillhabit-odata check`"
            " shows it), or set closed = false there"
        )


def _null(outside: Sequence[int]) -> str:
    return "an instant outside of the years 1 to 9999" if outside else "null"


def _reason(error: Exception) -> str:
    """Return the reason for an error, unless it comes from Arrow, which quotes a row's value.

    The position that msgspec reports is left out: it counts the column's values, not the page's.
    """
    words = str(error).partition(" - at ")[0]
    return "" if isinstance(error, pa.ArrowException) else f": {words}"


def _place(column: Column) -> str:
    return ".".join(column.path)


def arrow_type(prop: Property) -> pa.DataType:
    """Return the Arrow type: instants are naive UTC in microseconds, collections are lists."""
    single = _ARROW_TYPES[prop.type]
    return pa.list_(single) if prop.collection else single
