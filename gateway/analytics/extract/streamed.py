"""Rows passed on while an extract loads, in a fixed order.

The first version of a row is passed on at once and keeps its position. A newer version replaces it
there when the extract ends. So rows can be served early, none twice, and the finished extract is
consistent. Rows come newest first, ties by key, as long as the data does not change.
"""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from gateway.analytics.extract.collected import Collected, PageCollector
from gateway.analytics.read.page import arrow_schema
from gateway.contract.model import Contract


class Sink(Protocol):
    """A receiver of an extract's rows; its methods do not block, so pages never wait."""

    def append(self, rows: pa.Table) -> None:
        """Append rows with new keys."""

    def replace(self, rows: pa.Table) -> None:
        """Replace rows of known keys by their newer versions."""


class Streamed:
    """A collector that passes rows to a sink, and remembers their keys."""

    def __init__(self, contract: Contract, sink: Sink) -> None:
        self._contract = contract
        self._sink = sink
        self._key = contract.key
        self._order = contract.order_column
        self._seen: set[str] = set()
        self._held = arrow_schema(contract).empty_table()
        self._again = Collected(contract)

    async def count(self) -> int:
        """Return the number of distinct keys."""
        return len(self._seen)

    def part(self) -> PageCollector:
        """Return this collector itself while it is empty, else a new set."""
        return Collected(self._contract) if self._seen else self

    def close(self, part: PageCollector) -> None:
        """Add all rows of a part."""
        if part is not self and isinstance(part, Collected):
            self.merge(part)

    def merge(self, other: Collected) -> None:
        """Add all rows of `other`."""
        self.put(other.table())

    def put(self, page: pa.Table) -> None:
        """Pass on new rows; those of the last instant wait for others of the same instant."""
        keys = page.column(self._key).to_pylist()
        fresh = [key not in self._seen for key in keys]
        self._seen.update(keys)
        if not all(fresh):
            mask = pa.array(fresh, pa.bool_())
            self._again.put(page.filter(pc.invert(mask)))
            page = page.filter(mask)
        if page.num_rows:
            rows = newest_first(pa.concat_tables([self._held, page]), self._order, self._key)
            ready = _before_the_last_instant(rows.column(self._order))
            self._held = rows.slice(ready)
            self._pass_on(rows.slice(0, ready))

    def finish(self) -> None:
        """End the extract: pass on the waiting rows, and replace rows by newer versions."""
        self._pass_on(self._held)
        self._held = self._held.slice(0, 0)
        newer = self._again.table()
        if newer.num_rows:
            self._sink.replace(newer)

    def _pass_on(self, rows: pa.Table) -> None:
        if rows.num_rows:
            self._sink.append(rows)


def newest_first(rows: pa.Table, order: str, key: str) -> pa.Table:
    """Return rows in the feed's own order; sorted pages are returned as they are."""
    if rows.num_rows < 2:
        return rows
    instants = rows.column(order).combine_chunks().cast(pa.int64())
    before, after = instants.slice(0, len(instants) - 1), instants.slice(1)
    if not instants.null_count and pc.all(pc.greater(before, after), min_count=0).as_py():
        return rows
    return rows.take(pc.sort_indices(rows, [(order, "descending"), (key, "ascending")]))


def _before_the_last_instant(instants: pa.ChunkedArray) -> int:
    """Return how many rows are newer than the last one."""
    instants = instants.cast(pa.int64())
    return int(pc.sum(pc.greater(instants, instants[-1])).as_py() or 0)
