"""One page of the Analytics API -> flat, typed columns (Arrow).

The reader is built from the contract once: msgspec decodes only the members that columns need,
into structs made for the purpose, and checks every type. A page that does not fit is refused:
passing on a column of nulls because a member was renamed would be silently wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Annotated, Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from gateway.analytics.columns import Values, column_reader
from gateway.analytics.structs import envelope_type, walk
from gateway.contract.model import Column, Contract
from gateway.edm.types import PrimitiveType
from gateway.errors import UpstreamBrokeContract

_ARROW_TYPES: dict[PrimitiveType, pa.DataType] = {
    PrimitiveType.STRING: pa.string(),
    PrimitiveType.BOOLEAN: pa.bool_(),
    PrimitiveType.INT32: pa.int32(),
    PrimitiveType.INT64: pa.int64(),
    PrimitiveType.DOUBLE: pa.float64(),
    PrimitiveType.DATE_TIME_OFFSET: pa.timestamp("us"),
}
_INSTANT = pa.timestamp("us")
_INSTANT_UTC = pa.timestamp("us", tz="UTC")
_EARLIEST, _LATEST = datetime.min, datetime.max  # noqa: DTZ901 - the columns are naive UTC
_Instants = list[Annotated[datetime, msgspec.Meta(tz=True)] | None]


def arrow_schema(contract: Contract) -> pa.Schema:
    """The columns of an extract: instants are naive UTC in microseconds, collections are lists."""
    return pa.schema([pa.field(c.name, _arrow_type(c)) for c in contract.columns])


@dataclass(frozen=True, slots=True)
class Page:
    """`rows` in the order of the answer; `total` is what the upstream says over all pages.

    `date` is the upstream's clock when it answered, aware, UTC; None when it did not say.
    """

    rows: pa.Table
    total: int
    date: datetime | None = None


class PageReader:
    """Decodes pages by one contract; safe to share, holds no state between pages.

    Raises:
        ConfigurationProblem: member names that cannot be read, or that contradict each other.
    """

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._schema = arrow_schema(contract)
        self._decoder = msgspec.json.Decoder(envelope_type(contract))
        self._columns = column_reader(contract)

    def read(self, body: bytes, date: datetime | None = None) -> Page:
        """Decode one page.

        Raises:
            UpstreamBrokeContract: names the member and the remedy.
        """
        envelope = self._decode(body)
        rows = walk(envelope, self._contract.response.rows)
        total = walk(envelope, self._contract.response.total)
        if rows is None or total is None:
            raise _misfit("an object on the way to the rows or to the total is null")
        columns = zip(self._contract.columns, self._columns(rows), strict=True)
        arrays = [_to_arrow(column, values) for column, values in columns]
        return Page(pa.Table.from_arrays(arrays, schema=self._schema), total, date)

    def _decode(self, body: bytes) -> Any:
        """UnicodeDecodeError and RecursionError are what msgspec lets through."""
        try:
            return self._decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise _misfit(str(error)) from error


def _misfit(found: str) -> UpstreamBrokeContract:
    return UpstreamBrokeContract(
        f"the answer of the Analytics API does not fit the contract file: {found}."
        " `skillhabit-odata check` shows which line of it to correct"
    )


def _to_arrow(column: Column, values: Values) -> pa.Array:
    """For a collection the questions are about its elements: a null array is an empty one."""
    prop = column.prop
    try:
        array = _array(prop.type, values.flat)
    except (pa.ArrowException, OverflowError, msgspec.ValidationError) as error:
        raise UpstreamBrokeContract(
            f"the Analytics API sent a value in {_place(column)} that is no {prop.type}: {error};"
            f" correct `type` of the column {column.name}"
        ) from error
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
    unknown = set(found.unique().to_pylist()) - {*column.prop.allowed_values, None}
    if unknown:
        raise UpstreamBrokeContract(
            f"the Analytics API sent {min(unknown)!r} in {_place(column)}, which the"
            f" contract file does not list; add it to `values` of the column {column.name}"
        )


def _place(column: Column) -> str:
    return ".".join(column.path)


def _arrow_type(column: Column) -> pa.DataType:
    single = _ARROW_TYPES[column.prop.type]
    return pa.list_(single) if column.prop.collection else single
