"""A cache of one given snapshot, however old, for callers that must not start an extract."""

from __future__ import annotations

from contextlib import AbstractContextManager

from gateway.errors import UpstreamUnavailable
from gateway.snapshots.cache import Snapshot, SnapshotCache, SnapshotChoice
from gateway.snapshots.facts import SnapshotKey
from gateway.snapshots.freshness import Verdict
from gateway.snapshots.keep.catalog import Entry


class PinnedSnapshot(SnapshotCache):
    """A view of another cache that has only one snapshot, of all rows, and makes no other.

    Several queries therefore see the same rows, even if newer snapshots are made meanwhile.
    """

    def __init__(self, cache: SnapshotCache, snapshot_id: str) -> None:
        super().__init__(cache.tools)
        self._id = snapshot_id

    def choice(self, key: SnapshotKey, *, fresher: bool = False) -> SnapshotChoice:
        """Return the pinned snapshot.

        Raises:
            UpstreamUnavailable: it has been evicted.
        """
        table = self._entry(key).table
        age = (self.tools.clock.now() - table.taken_at).total_seconds()
        return SnapshotChoice(table, Verdict.FRESH, age, None)

    async def _choose(
        self, key: SnapshotKey, *, fresher: bool, early: bool
    ) -> AbstractContextManager[Snapshot]:
        return self._reading(self._entry(key).acquire(), "hit")

    def _entry(self, key: SnapshotKey) -> Entry:
        """Return the entry, unless it has another scope (law 5) or only some of the rows."""
        found = self.tools.catalog.get(self._id)
        if found is None or found.table.key.scope != key.scope or found.table.key.pushdown.terms:
            raise UpstreamUnavailable(
                "the rows that this page showed are no longer cached; reload the page"
            )
        return found
