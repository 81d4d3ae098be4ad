"""A reader that turns a page of the Analytics API into flat, typed columns (Arrow).

The reader is built from the contract once: msgspec decodes only the members that columns need,
into generated structs, and checks every type. A page that does not fit is refused:
a column of nulls because of a renamed member would be silently wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

import msgspec
import pyarrow as pa

from gateway.analytics.read.arrays import arrow_type, to_arrow
from gateway.analytics.read.bodies import UNDECODED, exposed, repaired
from gateway.analytics.read.cells import ColumnReader, Members, UnusableCustomField, attributes
from gateway.analytics.read.identities import Identities
from gateway.analytics.read.locate import in_row, row_id
from gateway.analytics.read.repair import PageRepairer, RepairedPage
from gateway.analytics.read.repeated import RepeatedObject
from gateway.analytics.read.strange_values import Keys, Oddity, Reason, is_watched, strange_values
from gateway.analytics.read.structs import envelope_type, walk
from gateway.analytics.read.translate import Translator, flat_contract
from gateway.contract.model import Contract
from gateway.edm.model import Property
from gateway.errors import UpstreamBrokeContract

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_NUMBER = re.compile(r"\[(\d+)\]")
_UNFIT = (*UNDECODED, UnusableCustomField, UpstreamBrokeContract)


def arrow_schema(contract: Contract) -> pa.Schema:
    """Return an extract's columns: instants are naive UTC in microseconds, collections lists."""
    return schema_of(tuple(c.prop for c in contract.columns))


def schema_of(properties: tuple[Property, ...]) -> pa.Schema:
    """Return the columns of these properties, of the same types."""
    return pa.schema([pa.field(prop.name, arrow_type(prop)) for prop in properties])


@dataclass(frozen=True, slots=True)
class Page:
    """The `rows` in the order of the response, and the upstream's number of rows over all pages.

    `stated` is that number, None if the response has none. `has_more` and `cursor` are what the
    envelope says of the next page. `date` is the response's Date, aware, UTC, or None. `odd` has
    the keys of odd rows. `missing` are columns whose member no row has, though it is required.
    `outside` has, by column, the rows in which an instant is null because no column can hold it.
    """

    rows: pa.Table
    stated: int | None
    date: datetime | None = None
    odd: Keys = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    outside: tuple[tuple[str, tuple[int, ...]], ...] = ()
    has_more: bool | None = None
    cursor: str | int | None = None

    @property
    def total(self) -> int:
        """The upstream's number of rows, for contracts with totals."""
        assert self.stated is not None  # noqa: S101 - strategies without totals do not ask
        return self.stated

    def outside_in(self, column: str) -> tuple[int, ...]:
        """Return the numbers of such rows for one column."""
        return dict(self.outside).get(column, ())


class PageReader:
    """A reader of pages for one contract; it caches repeated objects, so it is not thread-safe.

    Raises:
        ConfigurationProblem: member names that cannot be read, or that contradict each other.
    """

    def __init__(self, contract: Contract) -> None:
        shape = contract.response
        self._whole = msgspec.json.Decoder(envelope_type(contract))
        self._decoder = msgspec.json.Decoder(envelope_type(contract, shape.repeated))
        self._shape = shape
        self._total = contract.total_path
        self._key, self._key_path = contract.key, contract.key_path
        self._repairer = PageRepairer(contract)
        self._watched = tuple(c for c in contract.columns if is_watched(c, contract))
        self._schema = arrow_schema(contract)
        self._own = tuple(c for c in contract.columns if c.path[0] not in shape.repeated)
        self._reader = ColumnReader(self._own, contract.custom_fields)
        self._columns = contract.columns
        self._all = ColumnReader(contract.columns, contract.custom_fields)
        self._identities = Identities(contract)
        self._repeated = [
            (attributes((name,)), RepeatedObject(contract, name)) for name in shape.repeated
        ]

    def read(
        self, body: bytes, date: datetime | None = None, _headers: Mapping[str, str] = NO_HEADERS
    ) -> Page:
        """Decode one page; one that does not fit is repaired, if that makes no number wrong.

        Raises:
            UpstreamBrokeContract: names the row, the member and the remedy.
        """
        try:
            page = self._read(body, date)
        except _UNFIT:
            page = self._read_again(repaired(body), date)
        if self._identities.concern(page.rows):
            as_read, as_sent = self._fitting(repaired(body)), self._fitting(exposed(body))
            self._identities.check(self._rows(as_read), self._rows(as_sent))
        odd = dict(strange_values(page.rows, self._watched, self._key))
        keys = page.rows.column(self._key)
        for name, numbers in page.outside:
            odd[Oddity(name, Reason.OUTSIDE)] = keys.take(pa.array(numbers)).to_pylist()
        return replace(page, odd={**page.odd, **odd}) if odd else page

    def _read_again(self, body: bytes, date: datetime | None) -> Page:
        """Decode a page whose texts were repaired; repair its rows too if it still does not fit."""
        try:
            return self._read(body, date)
        except _UNFIT as error:
            found = self._repairer.repair(body)
            if found is None:
                raise self._misfit(body, error) from error
            return self._read_repaired(found, date)

    def _read_repaired(self, found: RepairedPage, date: datetime | None) -> Page:
        """Decode a page whose rows were repaired, or find out where it is wrong."""
        try:
            page = self._read(found.body, date)
        except UNDECODED as error:
            raise self._misfit(found.body, error) from error
        except UpstreamBrokeContract as error:
            raise self._of_row(error, found.body) from error
        keys = page.rows.column(self._key) if found.odd else ()
        odd = {oddity: [keys[n].as_py() for n in rows] for oddity, rows in found.odd.items()}
        return replace(page, odd=odd, missing=found.missing)

    def _fitting(self, body: bytes) -> bytes:
        """Return the body with its rows repaired, if they had to be."""
        try:
            self._whole.decode(body)
        except UNDECODED:
            found = self._repairer.repair(body)
            return body if found is None else found.body
        return body

    @property
    def remembered_bytes(self) -> int:
        """The size of the cached text of repeated objects."""
        return sum(found.remembered_bytes for _, found in self._repeated)

    def _read(self, body: bytes, date: datetime | None) -> Page:
        envelope = self._decoder.decode(body)
        rows = walk(envelope, self._shape.rows)
        total = walk(envelope, self._total)
        if rows is None or total is None:
            raise _misfit("an object in the path of the rows or of the total is null")
        members = Members(rows)
        pairs = zip(self._own, self._reader.read(members), strict=True)
        cells = {column.name: to_arrow(column, values) for column, values in pairs}
        for path, found in self._repeated:
            names = (column.name for column in found.columns)
            cells.update(zip(names, found.read(members.at(path)), strict=True))
        columns = [cells[name].array for name in self._schema.names]
        outside = tuple((name, made.outside) for name, made in cells.items() if made.outside)
        return Page(
            pa.Table.from_arrays(columns, schema=self._schema), int(total), date, outside=outside
        )

    def _rows(self, body: bytes) -> Sequence[Any]:
        """Return the structs of all rows, with no object left undecoded."""
        rows: Sequence[Any] | None = walk(self._whole.decode(body), self._shape.rows)
        return rows or ()

    def _misfit(self, body: bytes, error: Exception) -> UpstreamBrokeContract:
        """Return the failure with its place in the page, which a single object does not know."""
        words = str(error)
        try:
            self._whole.decode(body)
        except UNDECODED as found:
            words = str(found)
        number = _NUMBER.search(words)
        place = (self._shape.rows, self._key_path)
        return _misfit(words, "" if number is None else row_id(body, int(number[1]), *place))

    def _of_row(self, error: UpstreamBrokeContract, body: bytes) -> UpstreamBrokeContract:
        """Return the failure of the first row that cannot be read, with its id.

        Each row is read by itself, so halves are tried until one row is left.
        """
        try:
            rows = self._rows(body)
        except UNDECODED:
            return error
        while len(rows) > 1:
            half = len(rows) // 2
            rows = rows[half:] if self._refusal(rows[:half]) is None else rows[:half]
        id_ = walk(rows[0], self._key_path)
        return self._refusal(rows, in_row(id_ if isinstance(id_, str) else "")) or error

    def _refusal(self, rows: Sequence[Any], named: str = "") -> UpstreamBrokeContract | None:
        """Return why the columns of some rows cannot be made; None if they can.

        `named` are words that name the row, if it is one.
        """
        try:
            for column, values in zip(self._columns, self._all.read(Members(rows)), strict=True):
                to_arrow(column, values, named)
        except UpstreamBrokeContract as error:
            return error
        return None


class TranslatingReader:
    """A reader of pages that are translated first; not thread-safe.

    Raises:
        ConfigurationProblem: as `PageReader`.
    """

    def __init__(self, contract: Contract) -> None:
        self._translator = Translator(contract)
        self._reader = PageReader(flat_contract(contract))
        self._key = contract.key

    def read(
        self, body: bytes, date: datetime | None = None, headers: Mapping[str, str] = NO_HEADERS
    ) -> Page:
        """Decode one page.

        Raises:
            UpstreamBrokeContract: names the row, the column and the remedy.
        """
        try:
            found = self._translator.translate(body, headers)
        except UNDECODED as error:
            raise _misfit(str(error)) from error
        page = self._reader.read(found.body, date)
        keys = page.rows.column(self._key)
        odd = {oddity: keys.take(pa.array(rows)).to_pylist() for oddity, rows in found.odd.items()}
        return replace(
            page,
            stated=found.total,
            odd={**page.odd, **odd},
            has_more=found.has_more,
            cursor=found.cursor,
        )

    @property
    def remembered_bytes(self) -> int:
        """The size of cached text, which is none."""
        return self._reader.remembered_bytes


def page_reader(contract: Contract) -> PageReader | TranslatingReader:
    """Return the fast reader if the contract's rows have the shape of its columns."""
    return PageReader(contract) if contract.is_plain else TranslatingReader(contract)


def _misfit(found: str, id_: str = "") -> UpstreamBrokeContract:
    return UpstreamBrokeContract(
        f"the response of the Analytics API does not fit the contract file: {found}{in_row(id_)}."
        " `skillhabit-odata check` shows which line of it to correct"
    )
