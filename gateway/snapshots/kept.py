"""Snapshots for who looks and must not set anything in motion: what is there, however old."""

from __future__ import annotations

from contextlib import AbstractContextManager

from gateway.errors import UpstreamUnavailable
from gateway.snapshots.cache import Choice, Snapshot, SnapshotCache
from gateway.snapshots.facts import SnapshotKey
from gateway.snapshots.freshness import Verdict


class KeptSnapshots(SnapshotCache):
    """The snapshots of another cache; none is ever made, and none is too old to answer."""

    def __init__(self, cache: SnapshotCache) -> None:
        super().__init__(cache.workshop)

    def choice(self, key: SnapshotKey, *, fresher: bool = False) -> Choice:
        """The one that answers.

        Raises:
            UpstreamUnavailable: there is none; nobody is asked for one.
        """
        found = super().choice(key, fresher=fresher)
        if found.table is None:
            raise UpstreamUnavailable(
                "no copy of these rows is at hand, and none is asked for here"
            )
        return Choice(found.table, Verdict.FRESH, found.age_seconds, None)

    async def _choose(
        self, key: SnapshotKey, *, fresher: bool, early: bool
    ) -> AbstractContextManager[Snapshot]:
        self.choice(key)
        found = self._shelf.best(key)
        assert found is not None  # noqa: S101 - it was chosen a line ago
        return self._reading(found.held(), "hit")
