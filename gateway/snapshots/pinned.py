"""One snapshot for who looks and must not set anything in motion: it answers, however old."""

from __future__ import annotations

from contextlib import AbstractContextManager

from gateway.errors import UpstreamUnavailable
from gateway.snapshots.cache import Snapshot, SnapshotCache, SnapshotChoice
from gateway.snapshots.facts import SnapshotKey
from gateway.snapshots.freshness import Verdict
from gateway.snapshots.keep.catalog import Entry


class PinnedSnapshot(SnapshotCache):
    """Of the snapshots of another cache just one, of all rows; none is ever made.

    So many questions are answered from one moment, whatever is made meanwhile.
    """

    def __init__(self, cache: SnapshotCache, snapshot_id: str) -> None:
        super().__init__(cache.workshop)
        self._id = snapshot_id

    def choice(self, key: SnapshotKey, *, fresher: bool = False) -> SnapshotChoice:
        """The one.

        Raises:
            UpstreamUnavailable: it is no longer kept.
        """
        table = self._entry(key).table
        age = (self.workshop.clock.now() - table.taken_at).total_seconds()
        return SnapshotChoice(table, Verdict.FRESH, age, None)

    async def _choose(
        self, key: SnapshotKey, *, fresher: bool, early: bool
    ) -> AbstractContextManager[Snapshot]:
        return self._reading(self._entry(key).held(), "hit")

    def _entry(self, key: SnapshotKey) -> Entry:
        """Of another scope there is nothing (law 5), and of a part of the rows neither."""
        found = self.workshop.shelf.get(self._id)
        if found is None or found.table.key.scope != key.scope or found.table.key.pushdown.terms:
            raise UpstreamUnavailable("this copy of the rows is no longer kept; load the page anew")
        return found
