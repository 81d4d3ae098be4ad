"""Other gateway processes that serve the same rows: leases on extracts, and offers of snapshots.

Processes exchange the files of snapshots, which never change. A single process has no peers;
processes on one machine share a directory, processes on several machines a Redis. All of them have
one interface, and none of its methods raises: without contact, a process works on its own.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

from gateway.snapshots.facts import SnapshotKey, StoredTable
from gateway.snapshots.peers.offers import youngest_first


class Peers(Protocol):
    """The other processes, as a snapshot cache uses them; no method raises."""

    def lease(self, key: SnapshotKey) -> AbstractAsyncContextManager[None]:
        """Hold the only right to extract `key`, as far as there is contact; other processes wait.

        Look at `offers` again inside: the previous holder may have made the needed snapshot. Hold
        one lease at a time, because two extracts may share one.
        """
        ...

    def making(self, snapshot_id: str) -> AbstractAsyncContextManager[None]:
        """Show other processes, until the block ends, that a snapshot with this id is being made.

        Its first pages may be read here already; `find` makes their nextLinks wait elsewhere.
        """
        ...

    async def offer(self, table: StoredTable, path: Path) -> None:
        """Offer a snapshot whose file is complete to other processes.

        Repeating an offer is cheap; after a later extract without changes it updates `taken_at`.
        """
        ...

    async def offers(self, scope: str) -> tuple[StoredTable, ...]:
        """Return all offers for a scope, the newest first; each may be gone already."""
        ...

    async def find(self, scope: str, snapshot_id: str) -> StoredTable | None:
        """Return the offer with this id, which a nextLink names; None if its scope differs (law 5).

        Waits for a snapshot that another process is making.
        """
        ...

    async def fetch(self, table: StoredTable, path: Path) -> bool:
        """Put an offer's complete file at `path`, at once; return False if gone or damaged."""
        ...

    def touch(self, snapshot_id: str) -> None:
        """Mark a snapshot as in use, so that no process evicts it; cheap enough for each page."""
        ...

    def idle_seconds(self, snapshot_id: str) -> float:
        """Return the seconds since a reader of the same file touched it; infinite if unknown."""
        ...

    def retain(self, snapshot_id: str, seconds: float) -> None:
        """Retain a snapshot for this time without reads, because a link to it may come back."""
        ...

    def retained_seconds(self, snapshot_id: str) -> float:
        """Return how long any user of the same file must still retain it; 0 if none must."""
        ...

    async def forget(self, snapshot_id: str) -> None:
        """Note that the file is removed here; copies elsewhere stay while they are in use."""
        ...

    async def withdraw(self, snapshot_id: str) -> None:
        """Withdraw an offer whose file is unusable from all processes."""
        ...

    async def shared_secret(self, proposal: bytes) -> bytes | None:
        """Return the key that all share: the first proposal that arrived; None without contact."""
        ...

    async def close(self) -> None:
        """Release connections; offers stay."""
        ...


class Alone:
    """The peers of a process without any."""

    @asynccontextmanager
    async def lease(self, key: SnapshotKey) -> AsyncIterator[None]:
        """Hold the lease at once."""
        yield

    @asynccontextmanager
    async def making(self, snapshot_id: str) -> AsyncIterator[None]:
        """Do nothing."""
        yield

    async def offer(self, table: StoredTable, path: Path) -> None:
        """Do nothing."""

    async def offers(self, scope: str) -> tuple[StoredTable, ...]:
        """Return no offers."""
        return ()

    async def find(self, scope: str, snapshot_id: str) -> StoredTable | None:
        """Return None."""
        return None

    async def fetch(self, table: StoredTable, path: Path) -> bool:
        """Return False."""
        return False

    def touch(self, snapshot_id: str) -> None:
        """Do nothing."""

    def idle_seconds(self, snapshot_id: str) -> float:
        """Return infinity: there are no other readers."""
        return math.inf

    def retain(self, snapshot_id: str, seconds: float) -> None:
        """Do nothing: the catalog retains it."""

    def retained_seconds(self, snapshot_id: str) -> float:
        """Return 0: no other process retains it."""
        return 0.0

    async def forget(self, snapshot_id: str) -> None:
        """Do nothing."""

    async def withdraw(self, snapshot_id: str) -> None:
        """Do nothing."""

    async def shared_secret(self, proposal: bytes) -> bytes | None:
        """Return None: no other process has a key."""
        return None

    async def close(self) -> None:
        """Do nothing."""


class NearAndFar:
    """Peers on this machine and on others; only one process per machine contacts the others."""

    def __init__(self, near: Peers, far: Peers) -> None:
        self._near, self._far = near, far
        self._both = (near, far)

    @asynccontextmanager
    async def lease(self, key: SnapshotKey) -> AsyncIterator[None]:
        """Hold the leases of both, always in the same order."""
        async with self._near.lease(key), self._far.lease(key):
            yield

    @asynccontextmanager
    async def making(self, snapshot_id: str) -> AsyncIterator[None]:
        """Show it to both."""
        async with self._near.making(snapshot_id), self._far.making(snapshot_id):
            yield

    async def offer(self, table: StoredTable, path: Path) -> None:
        """Offer it to the near peers first, which need no copy."""
        for peers in self._both:
            await peers.offer(table, path)

    async def offers(self, scope: str) -> tuple[StoredTable, ...]:
        """Return the offers of both, each once."""
        far = {table.id: table for table in await self._far.offers(scope)}
        near = {table.id: table for table in await self._near.offers(scope)}
        return youngest_first((far | near).values())

    async def find(self, scope: str, snapshot_id: str) -> StoredTable | None:
        """Return the offer of the nearest peers that have it."""
        near = await self._near.find(scope, snapshot_id)
        return near or await self._far.find(scope, snapshot_id)

    async def fetch(self, table: StoredTable, path: Path) -> bool:
        """Fetch from the nearest peers that have it; offer files from far peers to near ones."""
        if await self._near.fetch(table, path):
            return True
        fetched = await self._far.fetch(table, path)
        if fetched:
            await self._near.offer(table, path)
        return fetched

    def touch(self, snapshot_id: str) -> None:
        """Mark it with both."""
        for peers in self._both:
            peers.touch(snapshot_id)

    def idle_seconds(self, snapshot_id: str) -> float:
        """Return the shorter time of both."""
        return min(peers.idle_seconds(snapshot_id) for peers in self._both)

    def retain(self, snapshot_id: str, seconds: float) -> None:
        """Retain it with both."""
        for peers in self._both:
            peers.retain(snapshot_id, seconds)

    def retained_seconds(self, snapshot_id: str) -> float:
        """Return the longer time of both."""
        return max(peers.retained_seconds(snapshot_id) for peers in self._both)

    async def forget(self, snapshot_id: str) -> None:
        """Inform both."""
        for peers in self._both:
            await peers.forget(snapshot_id)

    async def withdraw(self, snapshot_id: str) -> None:
        """Withdraw it from both."""
        for peers in self._both:
            await peers.withdraw(snapshot_id)

    async def shared_secret(self, proposal: bytes) -> bytes | None:
        """Return the far peers' key; propose the near peers' key to them."""
        near = await self._near.shared_secret(proposal)
        return await self._far.shared_secret(near or proposal) or near

    async def close(self) -> None:
        """Close both."""
        for peers in self._both:
            await peers.close()
