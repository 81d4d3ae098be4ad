"""Rows by key during an extract: the newest version of each, from pages in any order.

Pages stay Arrow tables and are processed as whole columns. Only keys that occur more than once are
processed one by one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from typing import Protocol

import anyio.to_thread
import pyarrow as pa
import pyarrow.compute as pc

from gateway.analytics.read.page import arrow_schema
from gateway.contract.model import Contract

_NEVER = -(2**63)


class PageCollector(Protocol):
    """A collector of the pages of a scan."""

    def put(self, page: pa.Table) -> None:
        """Add rows; some may be in it already."""

    async def count(self) -> int:
        """Return the number of distinct keys."""

    def part(self) -> PageCollector:
        """Return a part that counts the rows of one scan separately; pass it to `close`."""

    def close(self, part: PageCollector) -> None:
        """Add the rows of a part."""


class Collected:
    """A growing set of rows; not for two tasks at once while `count` or `rows` is awaited."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._schema = arrow_schema(contract)
        self._key = contract.key
        self._order = contract.order_column
        self._parts: list[pa.Table] = []

    async def count(self) -> int:
        """Return the number of distinct keys, counted in a thread."""
        return await anyio.to_thread.run_sync(self._count)

    async def rows(self) -> pa.Table:
        """Return the result of `table`, built in a thread."""
        return await anyio.to_thread.run_sync(self.table)

    def _count(self) -> int:
        keys = pa.chunked_array([p.column(self._key).combine_chunks() for p in self._parts], "utf8")
        return int(pc.count_distinct(keys).as_py())

    def part(self) -> PageCollector:
        """Return this set itself while it is empty, else a new one."""
        return Collected(self._contract) if self._parts else self

    def close(self, part: PageCollector) -> None:
        """Add all rows of a part of this set."""
        if part is not self and isinstance(part, Collected):
            self.merge(part)

    def put(self, page: pa.Table) -> None:
        """Add rows; the newer of two versions wins, of equally new ones the one read later."""
        self._parts.append(page)

    def merge(self, other: Collected) -> None:
        """Add all rows of `other`."""
        self._parts += other._parts

    def versions(self) -> dict[str, int | None]:
        """Return the instant of the newest version by key, in microseconds."""
        table = self.table()
        instants = table.column(self._order).cast(pa.int64())
        return dict(zip(table.column(self._key).to_pylist(), instants.to_pylist(), strict=True))

    def remove(self, keys: Iterable[str]) -> None:
        """Remove rows; a later `put` may add them again."""
        gone = pa.array(keys, type=pa.string())
        if len(gone):
            self._parts = [
                part.filter(pc.invert(pc.is_in(part.column(self._key), value_set=gone)))
                for part in self._parts
            ]

    def table(self) -> pa.Table:
        """Return each row once, in no particular order."""
        whole = pa.concat_tables([self._schema.empty_table(), *self._parts])
        outdated = self._outdated(whole)
        if not outdated:
            return whole
        starts = [0, *accumulate(part.num_rows for part in self._parts)]
        drop: dict[int, set[int]] = {}
        for position in outdated:
            number = bisect_right(starts, position) - 1
            drop.setdefault(number, set()).add(position - starts[number])
        for number, positions in drop.items():
            kept = [i not in positions for i in range(self._parts[number].num_rows)]
            self._parts[number] = self._parts[number].filter(pa.array(kept, pa.bool_()))
        return pa.concat_tables([self._schema.empty_table(), *self._parts])

    def _outdated(self, whole: pa.Table) -> list[int]:
        """Return the positions of versions that another one replaces."""
        keys = whole.column(self._key)
        counts = pc.value_counts(keys)
        repeated = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
        if not len(repeated):
            return []
        places = pc.indices_nonzero(pc.is_in(keys, value_set=repeated))
        instants = whole.column(self._order).cast(pa.int64()).take(places).to_pylist()
        newest: dict[str, tuple[int, int]] = {}
        outdated: list[int] = []
        for key, instant, place in zip(
            keys.take(places).to_pylist(), instants, places.to_pylist(), strict=True
        ):
            found = (_NEVER if instant is None else instant, place)
            known = newest.setdefault(key, found)
            if known != found:
                newest[key] = max(known, found)
                outdated.append(min(known, found)[1])
        return outdated
