"""An older extract and its later changes, counted together without reading the extract again."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

import pyarrow as pa

from gateway.analytics.extract.collected import Collected
from gateway.contract.model import Contract


class BaseExtract(Protocol):
    """An older, complete extract."""

    @property
    def rows(self) -> int:
        """The number of its rows."""

    async def known(self, keys: pa.Array) -> int:
        """Return how many of these keys it has."""


class IncrementalExtract:
    """The rows of a base, with changed rows replaced and gone rows removed."""

    def __init__(self, contract: Contract, base: BaseExtract) -> None:
        self._key = contract.key
        self._base = base
        self._changed = Collected(contract)
        self._gone: set[str] = set()

    @property
    def gone(self) -> frozenset[str]:
        """Keys that no longer belong to the extract; the base may never have had them."""
        return frozenset(self._gone)

    async def changed(self) -> pa.Table:
        """Return the newest version of every row that changed."""
        return await self._changed.rows()

    async def count(self) -> int:
        """Return the current number of distinct keys."""
        changed = (await self.changed()).column(self._key).to_pylist()
        touched = pa.array({*changed, *self._gone}, pa.string())
        return self._base.rows - await self._base.known(touched) + len(changed)

    def put(self, page: pa.Table) -> None:
        """Add rows that belong to the extract, new or not."""
        self._changed.put(page)
        self._gone.difference_update(page.column(self._key).to_pylist())

    def merge(self, other: Collected) -> None:
        """Add all rows of `other`."""
        self.put(other.table())

    def remove(self, keys: Collection[str]) -> None:
        """Remove rows that no longer belong to the extract."""
        self._changed.remove(keys)
        self._gone.update(keys)
