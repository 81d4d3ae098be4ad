"""The last requests of each workspace, for `/requests`: a bounded ring, in this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from gateway.observe.record import RequestRecord


class RecentRequests:
    """The last `size` OData requests of each workspace; none if `size` is 0."""

    def __init__(self, size: int = 0) -> None:
        self._size = size
        self._rings: dict[str, deque[RequestRecord]] = {}

    def add(self, records: Iterable[RequestRecord]) -> None:
        """Add requests, dropping the oldest ones; skip those without an authenticated caller."""
        for record in records:
            if self._size and record.is_query and record.workspace:
                ring = self._rings.get(record.workspace)
                if ring is None:
                    ring = self._rings[record.workspace] = deque(maxlen=self._size)
                ring.append(record)

    def of(self, workspace: str) -> tuple[RequestRecord, ...]:
        """Return the requests of a workspace, newest first."""
        return tuple(reversed(self._rings.get(workspace, ())))
