"""A cache of objects that rows repeat word for word, such as the user in each of their results.

Most of a page's text occurs on other pages too. The cache finds an object by its text; only new
objects are decoded and flattened into columns. A page's columns are then taken from these.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import msgspec
import pyarrow as pa

from gateway.analytics.read.arrays import Cells, to_arrow
from gateway.analytics.read.cells import ColumnReader, Members
from gateway.analytics.read.structs import object_type
from gateway.contract.model import Contract

_MAX_CACHED_BYTES = 16 * 1024 * 1024
"""The limit of cached text, about 40,000 users; beyond it the cache is cleared."""


class RepeatedObject:
    """The cache for one object of the rows; not thread-safe."""

    def __init__(self, contract: Contract, name: str) -> None:
        self.columns = tuple(c for c in contract.columns if c.path[0] == name)
        self._decoder = msgspec.json.Decoder(list[object_type(contract, name)])  # type: ignore[misc]
        self._reader = ColumnReader(self.columns, contract.custom_fields, (name,))
        self._places: dict[bytes, int] = {}
        self._cells: list[Cells] = []
        self.remembered_bytes = 0

    def read(self, texts: Sequence[msgspec.Raw]) -> list[Cells]:
        """Return the columns of the object in each row.

        Raises:
            UpstreamBrokeContract: a value does not fit its column.
            msgspec.MsgspecError, UnicodeDecodeError, RecursionError: an object does not.
        """
        if self.remembered_bytes > _MAX_CACHED_BYTES:
            self._forget()
        keys = [*map(bytes, texts)]
        places = [*map(self._places.get, keys)]
        if None in places or not self._cells:
            self._learn([key for key in dict.fromkeys(keys) if key not in self._places])
            places = [*map(self._places.get, keys)]
        found = pa.array(places, type=pa.int32())
        return [
            Cells(cells.array.take(found), _rows_at(cells.outside, places)) for cells in self._cells
        ]

    def _learn(self, new: Sequence[bytes]) -> None:
        members = Members(self._decoder.decode(b"[%b]" % b",".join(new)))
        pairs = zip(self.columns, self._reader.read(members), strict=True)
        found = [to_arrow(column, values) for column, values in pairs]
        self._cells = [*map(_joined, self._cells, found)] if self._cells else found
        self._places.update(zip(new, count(len(self._places)), strict=False))
        self.remembered_bytes += sum(map(len, new))

    def _forget(self) -> None:
        self._places.clear()
        self._cells.clear()
        self.remembered_bytes = 0


def _joined(known: Cells, new: Cells) -> Cells:
    behind = len(known.array)
    outside = (*known.outside, *(behind + place for place in new.outside))
    return Cells(pa.concat_arrays([known.array, new.array]), outside)


def _rows_at(outside: Sequence[int], places: Sequence[int | None]) -> tuple[int, ...]:
    """Return the rows whose object has an instant outside of the supported years."""
    if not outside:
        return ()
    found = frozenset(outside)
    return tuple(row for row, place in enumerate(places) if place in found)
