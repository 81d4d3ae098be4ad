"""What snapshots need of whoever reads extracts: a new one, or what has changed since an older."""

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
    """One extract that is read into a table; `read` may be called again after a failure."""

    @property
    def is_gradual(self) -> bool:
        """Whether rows come while it is read, not only at its end."""

    @property
    def total(self) -> int | None:
        """Rows in all, once that is known."""

    async def read(self) -> datetime | None:
        """All rows; tells from when changes are not in it, by the upstream's clock, if it can."""


class ChangesReader(Protocol):
    """What makes an older extract one of now."""

    @property
    def rows(self) -> pa.Table:
        """New and newer rows, in the feed's own order."""

    @property
    def gone(self) -> frozenset[str]:
        """Keys that do not belong to it any more."""

    @property
    def since(self) -> datetime:
        """From when the next changes must be asked for."""


@dataclass(frozen=True, slots=True)
class BaseSnapshot:
    """A snapshot as the one sees it who asks for its changes."""

    store: SnapshotStore
    table: StoredTable

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.table.rows

    async def known(self, keys: pa.Array) -> int:
        """How many of these keys, each given once, it has."""
        return await anyio.to_thread.run_sync(self.store.known, self.table.id, keys)


class ExtractSource(Protocol):
    """Who reads extracts from the upstream."""

    def begin(self, pushdown: Pushdown, sink: DraftTable, /) -> ExtractReader:
        """A new extract; nothing is asked yet."""

    def oddities(self, pushdown: Pushdown, before: tuple[OddRows, ...], /) -> tuple[OddRows, ...]:
        """What is strange about rows that were just read; `before` is known of what they amend."""

    async def changes(
        self, pushdown: Pushdown, since: datetime, base: BaseSnapshot, /
    ) -> ChangesReader | None:
        """What has changed in `base` since; None when that cannot be told."""
