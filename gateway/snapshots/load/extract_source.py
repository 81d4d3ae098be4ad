"""The interface of extracts: a full one, or the changes since an older one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import anyio.to_thread
import pyarrow as pa

from gateway.observe.oddities import OddRows
from gateway.planner.pushdown import Pushdown
from gateway.snapshots.keep.store import SnapshotStore, StoredTable
from gateway.snapshots.load.draft import DraftTable


class ExtractReader(Protocol):
    """One extract into a table; `read` may be called again after a failure."""

    @property
    def is_gradual(self) -> bool:
        """True if rows arrive while it is read, not only at the end."""

    @property
    def total(self) -> int | None:
        """The number of all rows; None while it is unknown."""

    async def read(self) -> datetime | None:
        """Read all rows; return the instant from which changes are not included.

        It is by the upstream's clock; None if the upstream's time is unknown.
        """


class ChangesReader(Protocol):
    """The changes that bring an older extract up to date."""

    @property
    def rows(self) -> pa.Table:
        """New and newer rows, in their natural order."""

    @property
    def gone(self) -> frozenset[str]:
        """Keys of rows that no longer belong to it."""

    @property
    def since(self) -> datetime:
        """The instant from which the next changes must be requested."""


@dataclass(frozen=True, slots=True)
class BaseSnapshot:
    """An older snapshot, as an incremental extract sees it."""

    store: SnapshotStore
    table: StoredTable

    @property
    def rows(self) -> int:
        """The number of its rows."""
        return self.table.rows

    async def known(self, keys: pa.Array) -> int:
        """Return how many of these distinct keys it has."""
        return await anyio.to_thread.run_sync(self.store.known, self.table.id, keys)


class ExtractSource(Protocol):
    """A reader of extracts from the upstream."""

    def begin(self, pushdown: Pushdown, sink: DraftTable, /) -> ExtractReader:
        """Return a new extract; it sends no request before `read`."""

    def oddities(self, pushdown: Pushdown, before: tuple[OddRows, ...], /) -> tuple[OddRows, ...]:
        """Return what is strange about the rows just read; `before` is what their base had."""

    async def changes(
        self, pushdown: Pushdown, since: datetime, base: BaseSnapshot, /
    ) -> ChangesReader | None:
        """Return the changes in `base` since an instant; None if they cannot be determined."""
