"""The values of one column -> a typed Arrow array, checked against the contract."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate
from typing import Annotated, Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from gateway.analytics.read.cells import Values
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
    PrimitiveType.DATE_TIME_OFFSET: pa.timestamp("us"),
    PrimitiveType.GUID: pa.uuid(),
}
_INSTANT = pa.timestamp("us")
_INSTANT_UTC = pa.timestamp("us", tz="UTC")
_EARLIEST, _LATEST = datetime.min, datetime.max  # noqa: DTZ901 - the columns are naive UTC
_Instants = list[Annotated[datetime, msgspec.Meta(tz=True)] | None]


def to_arrow(column: Column, values: Values) -> pa.Array:
    """For a collection the questions are about its elements: a null array is an empty one.

    Raises:
        UpstreamBrokeContract: names the member, the type and the remedy; never a value.
    """
    prop = column.prop
    try:
        array = _array(prop.type, values.flat)
    except (pa.ArrowException, OverflowError, msgspec.ValidationError) as error:
        raise UpstreamBrokeContract(
            f"the Analytics API sent a value in {_place(column)} that is no {prop.type}"
            f"{_reason(error)}; correct `type` of the column {column.name}"
        ) from None
    if array.null_count and not prop.nullable:
        raise UpstreamBrokeContract(
            f"the Analytics API sent null in {_place(column)}, which the contract file calls"
            f" never null; set nullable = true for the column {column.name}"
        )
    if prop.allowed_values:
        _check_allowed(column, array)
    return array if values.lengths is None else _lists(values.lengths, array)


def _array(kind: PrimitiveType, values: Sequence[Any]) -> pa.Array:
    if kind is PrimitiveType.DATE_TIME_OFFSET:
        return _instants(values)
    return pa.array(values, type=_ARROW_TYPES[kind])


def _lists(lengths: Sequence[int], elements: pa.Array) -> pa.Array:
    offsets = pa.array(accumulate(lengths, initial=0), type=pa.int32())
    return pa.ListArray.from_arrays(offsets, elements)


def _instants(texts: Sequence[str | None]) -> pa.Array:
    """Arrow's parser is the fast one; what it does not take is tried, and explained, by msgspec."""
    try:
        found = pa.array(texts, type=pa.string()).cast(_INSTANT_UTC)
    except pa.ArrowInvalid:
        found = pa.array(msgspec.convert(texts, _Instants), type=_INSTANT_UTC)
    ends = pc.min_max(found.view(pa.int64()))
    low, high = ends["min"].as_py(), ends["max"].as_py()
    if low is not None and (low < _micros(_EARLIEST) or high > _micros(_LATEST)):
        raise OverflowError("in UTC it lies outside of the years 1 to 9999")
    return found.view(_INSTANT)


def _micros(instant: datetime) -> int:
    found: int = pa.scalar(instant, type=_INSTANT).value
    return found


def _check_allowed(column: Column, found: pa.Array) -> None:
    """A value outside the closed set would make pushed `ne` filters lose rows: refuse it."""
    if set(found.unique().to_pylist()) - {*column.prop.allowed_values, None}:
        raise UpstreamBrokeContract(
            f"the Analytics API sent a value in {_place(column)} that the contract file does not"
            f" list; add it to `values` of the column {column.name} (`skillhabit-odata check`"
            " shows it), or set closed = false there"
        )


def _reason(error: Exception) -> str:
    """What is wrong, unless Arrow tells it: that quotes the value, which is of a row.

    Where msgspec has found it is a place among the column's values, not in the page.
    """
    words = str(error).partition(" - at ")[0]
    return "" if isinstance(error, pa.ArrowException) else f": {words}"


def _place(column: Column) -> str:
    return ".".join(column.path)


def arrow_type(prop: Property) -> pa.DataType:
    """Instants are naive UTC in microseconds, collections are lists."""
    single = _ARROW_TYPES[prop.type]
    return pa.list_(single) if prop.collection else single
