"""Rows by key while an extract is read: the newest version of each, from pages in any order.

Pages stay Arrow tables and are looked at as whole columns; only keys that were met more than once
are looked at one by one.
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


class Gathering(Protocol):
    """Where the pages of a sweep go."""

    def put(self, page: pa.Table) -> None:
        """Add rows, some of which may be there already."""

    async def count(self) -> int:
        """How many different keys."""

    def part(self) -> Gathering:
        """Where the rows of one sweep are counted by themselves; to be closed."""

    def close(self, part: Gathering) -> None:
        """Add what a part holds."""


class Collected:
    """A growing set of rows; not for two tasks at once while `count` or `rows` is awaited."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._schema = arrow_schema(contract)
        self._key = contract.key
        self._order = contract.order_column
        self._parts: list[pa.Table] = []

    async def count(self) -> int:
        """How many different keys; counted in a thread."""
        return await anyio.to_thread.run_sync(self._count)

    async def rows(self) -> pa.Table:
        """What `table` gives, made in a thread."""
        return await anyio.to_thread.run_sync(self.table)

    def _count(self) -> int:
        keys = pa.chunked_array([p.column(self._key).combine_chunks() for p in self._parts], "utf8")
        return int(pc.count_distinct(keys).as_py())

    def part(self) -> Gathering:
        """This set itself as long as it is empty."""
        return Collected(self._contract) if self._parts else self

    def close(self, part: Gathering) -> None:
        """Add all that a part of this set has collected."""
        if part is not self and isinstance(part, Collected):
            self.merge(part)

    def put(self, page: pa.Table) -> None:
        """Add rows; of two versions the newer stays, of two equally new ones the later read."""
        self._parts.append(page)

    def merge(self, other: Collected) -> None:
        """Add all that `other` has collected."""
        self._parts += other._parts

    def versions(self) -> dict[str, int | None]:
        """Key -> when its newest version was made, in microseconds."""
        table = self.table()
        instants = table.column(self._order).cast(pa.int64())
        return dict(zip(table.column(self._key).to_pylist(), instants.to_pylist(), strict=True))

    def remove(self, keys: Iterable[str]) -> None:
        """Forget rows; a later `put` may bring them back."""
        gone = pa.array(keys, type=pa.string())
        if len(gone):
            self._parts = [
                part.filter(pc.invert(pc.is_in(part.column(self._key), value_set=gone)))
                for part in self._parts
            ]

    def table(self) -> pa.Table:
        """Each row once, in no particular order."""
        whole = pa.concat_tables([self._schema.empty_table(), *self._parts])
        outdated = self._outdated(whole)
        if not outdated:
            return whole
        starts = [0, *accumulate(part.num_rows for part in self._parts)]
        drop: dict[int, set[int]] = {}
        for place in outdated:
            number = bisect_right(starts, place) - 1
            drop.setdefault(number, set()).add(place - starts[number])
        for number, places in drop.items():
            kept = [i not in places for i in range(self._parts[number].num_rows)]
            self._parts[number] = self._parts[number].filter(pa.array(kept, pa.bool_()))
        return pa.concat_tables([self._schema.empty_table(), *self._parts])

    def _outdated(self, whole: pa.Table) -> list[int]:
        """Where a version stands that another one replaces."""
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
