"""An older extract and what has changed since: counted together, without reading the old again."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

import pyarrow as pa

from gateway.analytics.extract.collected import Collected
from gateway.contract.model import Contract


class BaseExtract(Protocol):
    """A complete extract that was made before."""

    @property
    def rows(self) -> int:
        """How many rows it has."""

    async def known(self, keys: pa.Array) -> int:
        """How many of these keys it has."""


class IncrementalExtract:
    """The rows of a base, those that changed, and without those that are gone."""

    def __init__(self, contract: Contract, base: BaseExtract) -> None:
        self._key = contract.key
        self._base = base
        self._changed = Collected(contract)
        self._gone: set[str] = set()

    @property
    def gone(self) -> frozenset[str]:
        """Keys that do not belong to the extract any more; the base may not have had them."""
        return frozenset(self._gone)

    async def changed(self) -> pa.Table:
        """The newest version of every row that was met."""
        return await self._changed.rows()

    async def count(self) -> int:
        """How many different keys there are now."""
        met = (await self.changed()).column(self._key).to_pylist()
        touched = pa.array({*met, *self._gone}, pa.string())
        return self._base.rows - await self._base.known(touched) + len(met)

    def put(self, page: pa.Table) -> None:
        """Rows that belong to the extract, new or not."""
        self._changed.put(page)
        self._gone.difference_update(page.column(self._key).to_pylist())

    def merge(self, other: Collected) -> None:
        """The same with all that `other` has collected."""
        self.put(other.table())

    def remove(self, keys: Collection[str]) -> None:
        """Rows that do not belong to it any more."""
        self._changed.remove(keys)
        self._gone.update(keys)
