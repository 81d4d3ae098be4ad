"""One page of the Analytics API -> flat, typed columns (Arrow).

The reader is built from the contract once: msgspec decodes only the members that columns need,
into structs made for the purpose, and checks every type. A page that does not fit is refused:
passing on a column of nulls because a member was renamed would be silently wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec
import pyarrow as pa

from gateway.analytics.arrays import arrow_type, to_arrow
from gateway.analytics.columns import ColumnReader, Members, attributes
from gateway.analytics.repeated import RepeatedObject
from gateway.analytics.structs import envelope_type, walk
from gateway.contract.model import Contract
from gateway.edm.model import Property
from gateway.errors import UpstreamBrokeContract

_UNDECODED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises, and what it lets through."""


def arrow_schema(contract: Contract) -> pa.Schema:
    """The columns of an extract: instants are naive UTC in microseconds, collections are lists."""
    return schema_of(tuple(c.prop for c in contract.columns))


def schema_of(properties: tuple[Property, ...]) -> pa.Schema:
    """Columns for these properties, of the same types."""
    return pa.schema([pa.field(prop.name, arrow_type(prop)) for prop in properties])


@dataclass(frozen=True, slots=True)
class Page:
    """`rows` in the order of the answer; `total` is what the upstream says over all pages.

    `date` is the upstream's clock when it answered, aware, UTC; None when it did not say.
    `outside` has the rows in which an instant is null because no column can hold it, by column.
    """

    rows: pa.Table
    total: int
    date: datetime | None = None
    outside: tuple[tuple[str, tuple[int, ...]], ...] = ()

    def outside_in(self, column: str) -> tuple[int, ...]:
        """The numbers of such rows for one column."""
        return dict(self.outside).get(column, ())


class PageReader:
    """Decodes pages by one contract; remembers repeated objects, so not for two threads at once.

    Raises:
        ConfigurationProblem: member names that cannot be read, or that contradict each other.
    """

    def __init__(self, contract: Contract) -> None:
        shape = contract.response
        self._whole = msgspec.json.Decoder(envelope_type(contract))
        self._decoder = msgspec.json.Decoder(envelope_type(contract, shape.repeated))
        self._shape = shape
        self._schema = arrow_schema(contract)
        self._own = tuple(c for c in contract.columns if c.path[0] not in shape.repeated)
        self._reader = ColumnReader(self._own, contract.custom_fields)
        self._repeated = [
            (attributes((name,)), RepeatedObject(contract, name)) for name in shape.repeated
        ]

    def read(self, body: bytes, date: datetime | None = None) -> Page:
        """Decode one page.

        Raises:
            UpstreamBrokeContract: names the member and the remedy.
        """
        try:
            return self._read(body, date)
        except _UNDECODED as error:
            raise _misfit(self._place(body) or str(error)) from error

    @property
    def remembered_bytes(self) -> int:
        """How much text of repeated objects is kept."""
        return sum(found.remembered_bytes for _, found in self._repeated)

    def _read(self, body: bytes, date: datetime | None) -> Page:
        envelope = self._decoder.decode(body)
        rows = walk(envelope, self._shape.rows)
        total = walk(envelope, self._shape.total)
        if rows is None or total is None:
            raise _misfit("an object on the way to the rows or to the total is null")
        members = Members(rows)
        pairs = zip(self._own, self._reader.read(members), strict=True)
        cells = {column.name: to_arrow(column, values) for column, values in pairs}
        for path, found in self._repeated:
            names = (column.name for column in found.columns)
            cells.update(zip(names, found.read(members.at(path)), strict=True))
        columns = [cells[name].array for name in self._schema.names]
        outside = tuple((name, made.outside) for name, made in cells.items() if made.outside)
        return Page(pa.Table.from_arrays(columns, schema=self._schema), total, date, outside)

    def _place(self, body: bytes) -> str:
        """What is wrong and where in the page, which an object by itself does not know."""
        try:
            self._whole.decode(body)
        except _UNDECODED as error:
            return str(error)
        return ""


def _misfit(found: str) -> UpstreamBrokeContract:
    return UpstreamBrokeContract(
        f"the answer of the Analytics API does not fit the contract file: {found}."
        " `skillhabit-odata check` shows which line of it to correct"
    )
