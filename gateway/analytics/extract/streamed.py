"""Rows handed on while an extract is still being read, in an order that stays.

A key's first version goes on at once and takes its place; a newer one that is met later replaces
it there when the extract is over. So rows can be served early, none twice, and in the end the
extract shows one moment. Newest first, ties by key, as long as nothing moves.
"""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from gateway.analytics.extract.collected import Collected, Gathering
from gateway.analytics.read.page import arrow_schema
from gateway.contract.model import Contract


class Sink(Protocol):
    """What takes an extract's rows; nothing is awaited, so that pages are never held up."""

    def append(self, rows: pa.Table) -> None:
        """Rows whose keys were not there, behind those that are."""

    def replace(self, rows: pa.Table) -> None:
        """Rows whose keys are there: those that are newer take the place of the older ones."""


class Streamed:
    """Passes rows to a sink; knows the keys that it has passed on."""

    def __init__(self, contract: Contract, sink: Sink) -> None:
        self._contract = contract
        self._sink = sink
        self._key = contract.key
        self._order = contract.order_column
        self._seen: set[str] = set()
        self._held = arrow_schema(contract).empty_table()
        self._again = Collected(contract)

    async def count(self) -> int:
        """How many different keys."""
        return len(self._seen)

    def part(self) -> Gathering:
        """These rows themselves as long as there are none."""
        return Collected(self._contract) if self._seen else self

    def close(self, part: Gathering) -> None:
        """Add all that a part has collected."""
        if part is not self and isinstance(part, Collected):
            self.merge(part)

    def merge(self, other: Collected) -> None:
        """Add all that `other` has collected."""
        self.put(other.table())

    def put(self, page: pa.Table) -> None:
        """Pass on what was not met before; the rows of the last instant wait for their like."""
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
        """The extract is over: nothing waits any more, and newer versions take their places."""
        self._pass_on(self._held)
        self._held = self._held.slice(0, 0)
        newer = self._again.table()
        if newer.num_rows:
            self._sink.replace(newer)

    def _pass_on(self, rows: pa.Table) -> None:
        if rows.num_rows:
            self._sink.append(rows)


def newest_first(rows: pa.Table, order: str, key: str) -> pa.Table:
    """Rows in the feed's own order; pages that have it already are not touched."""
    if rows.num_rows < 2:
        return rows
    instants = rows.column(order).combine_chunks().cast(pa.int64())
    before, after = instants.slice(0, len(instants) - 1), instants.slice(1)
    if not instants.null_count and pc.all(pc.greater(before, after), min_count=0).as_py():
        return rows
    return rows.take(pc.sort_indices(rows, [(order, "descending"), (key, "ascending")]))


def _before_the_last_instant(instants: pa.ChunkedArray) -> int:
    """How many rows are newer than the last one."""
    instants = instants.cast(pa.int64())
    return int(pc.sum(pc.greater(instants, instants[-1])).as_py() or 0)
