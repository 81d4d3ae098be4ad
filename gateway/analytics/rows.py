"""One page of the Analytics API -> flat, typed columns (Arrow).

The reader is built from the contract once: msgspec decodes only the members that columns need,
into structs made for the purpose, and checks every type. A page that does not fit is refused:
passing on a column of nulls because a member was renamed would be silently wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa

from gateway.analytics.structs import envelope_type, extractor, walk
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
    """Decodes pages by one contract; safe to share, holds no state between pages."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._schema = arrow_schema(contract)
        self._decoder = msgspec.json.Decoder(envelope_type(contract))
        self._extractors = tuple(extractor(column, contract) for column in contract.columns)

    def read(self, body: bytes, date: datetime | None = None) -> Page:
        """Decode one page.

        Raises:
            UpstreamBrokeContract: names the member and the remedy.
        """
        try:
            envelope = self._decoder.decode(body)
        except msgspec.MsgspecError as error:
            raise UpstreamBrokeContract(
                f"the answer of the Analytics API does not fit the contract file: {error}."
                " `skillhabit-odata check` shows which line of it to correct"
            ) from error
        rows = walk(envelope, self._contract.response.rows)
        total = walk(envelope, self._contract.response.total)
        pairs = zip(self._contract.columns, self._extractors, strict=True)
        arrays = [_to_arrow(column, extract(rows)) for column, extract in pairs]
        return Page(pa.Table.from_arrays(arrays, schema=self._schema), total, date)


def _to_arrow(column: Column, values: Sequence[Any]) -> pa.Array:
    prop = column.prop
    if not prop.nullable and None in values:
        raise UpstreamBrokeContract(
            f"the Analytics API sent null in {'.'.join(column.path)}, which the contract file calls"
            f" never null; set nullable = true for the column {column.name}"
        )
    if prop.allowed_values:
        _check_allowed(column, values)
    if prop.type is PrimitiveType.DATE_TIME_OFFSET:
        values = [None if v is None else v.astimezone(UTC).replace(tzinfo=None) for v in values]
    return pa.array(values, type=_arrow_type(column))


def _check_allowed(column: Column, values: Iterable[Any]) -> None:
    """A value outside the closed set would make pushed `ne` filters lose rows: refuse it."""
    unknown = set(values) - {*column.prop.allowed_values, None}
    if unknown:
        raise UpstreamBrokeContract(
            f"the Analytics API sent {min(unknown)!r} in {'.'.join(column.path)}, which the"
            f" contract file does not list; add it to `values` of the column {column.name}"
        )


def _arrow_type(column: Column) -> pa.DataType:
    single = _ARROW_TYPES[column.prop.type]
    return pa.list_(single) if column.prop.collection else single
