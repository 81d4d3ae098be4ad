"""Other gateway processes that serve the same rows: who extracts now, and who has what.

The unit of exchange is a snapshot's file, which never changes. A process alone has no peers;
processes on one machine share a directory, processes on several machines a Redis. All of them have
one interface, and none of its methods fails: without contact a process stands alone.
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
    """What a snapshot cache asks of the processes beside its own; raises nothing."""

    def lease(self, key: SnapshotKey) -> AbstractAsyncContextManager[None]:
        """Be the only one who extracts `key`, as far as there is contact; others wait here.

        Look at `offers` again inside: who held it before may have made what is wanted. Hold one
        at a time, for two extracts may share one.
        """
        ...

    def making(self, snapshot_id: str) -> AbstractAsyncContextManager[None]:
        """Tell others, as long as this lasts, that a snapshot of this id is on its way.

        Its first pages may be read here already; `find` makes their nextLinks wait elsewhere.
        """
        ...

    async def offer(self, table: StoredTable, path: Path) -> None:
        """Let others have a snapshot whose file is complete.

        Again is cheap; with a later extract that found no change, others are told of that.
        """
        ...

    async def offers(self, scope: str) -> tuple[StoredTable, ...]:
        """What was offered for a scope by anyone, the youngest first; each may be gone already."""
        ...

    async def find(self, scope: str, snapshot_id: str) -> StoredTable | None:
        """The offer of this id, which a nextLink names; None unless it is of this scope (law 5).

        Waits for one that another process is making.
        """
        ...

    async def fetch(self, table: StoredTable, path: Path) -> bool:
        """Have the file of an offer at `path`, whole, at once; False when it is gone or damaged."""
        ...

    def touch(self, snapshot_id: str) -> None:
        """Say that it is being read, so that nobody drops it; cheap enough for each page."""
        ...

    def idle_seconds(self, snapshot_id: str) -> float:
        """How long ago anyone who reads the same file touched it; infinite when not known."""
        ...

    def promise(self, snapshot_id: str, seconds: float) -> None:
        """Say that a link to it may come back so much later, though nobody reads it meanwhile."""
        ...

    def promised_seconds(self, snapshot_id: str) -> float:
        """How long anyone who uses the same file still has to keep it; 0 when nobody has."""
        ...

    async def forget(self, snapshot_id: str) -> None:
        """Its file is dropped here; copies elsewhere stay until nobody reads them."""
        ...

    async def withdraw(self, snapshot_id: str) -> None:
        """Its file cannot be used: nobody shall get it."""
        ...

    async def shared_secret(self, proposal: bytes) -> bytes | None:
        """The one key of all: the first proposal that arrived; None without contact."""
        ...

    async def close(self) -> None:
        """Let go of connections; what was offered stays."""
        ...


class Alone:
    """No peers."""

    @asynccontextmanager
    async def lease(self, key: SnapshotKey) -> AsyncIterator[None]:
        """At once."""
        yield

    @asynccontextmanager
    async def making(self, snapshot_id: str) -> AsyncIterator[None]:
        """Nobody wants to know."""
        yield

    async def offer(self, table: StoredTable, path: Path) -> None:
        """To nobody."""

    async def offers(self, scope: str) -> tuple[StoredTable, ...]:
        """None."""
        return ()

    async def find(self, scope: str, snapshot_id: str) -> StoredTable | None:
        """Nobody has it."""
        return None

    async def fetch(self, table: StoredTable, path: Path) -> bool:
        """Nobody has it."""
        return False

    def touch(self, snapshot_id: str) -> None:
        """Nobody wants to know."""

    def idle_seconds(self, snapshot_id: str) -> float:
        """Nobody else reads."""
        return math.inf

    def promise(self, snapshot_id: str, seconds: float) -> None:
        """Nobody wants to know."""

    def promised_seconds(self, snapshot_id: str) -> float:
        """Nobody else keeps it."""
        return 0.0

    async def forget(self, snapshot_id: str) -> None:
        """Nobody wants to know."""

    async def withdraw(self, snapshot_id: str) -> None:
        """Nobody has it."""

    async def shared_secret(self, proposal: bytes) -> bytes | None:
        """Nobody to share with."""
        return None

    async def close(self) -> None:
        """Nothing to let go of."""


class NearAndFar:
    """Peers on this machine before those on others, so that only one of a machine asks afar."""

    def __init__(self, near: Peers, far: Peers) -> None:
        self._near, self._far = near, far
        self._both = (near, far)

    @asynccontextmanager
    async def lease(self, key: SnapshotKey) -> AsyncIterator[None]:
        """Of both, always in the same order."""
        async with self._near.lease(key), self._far.lease(key):
            yield

    @asynccontextmanager
    async def making(self, snapshot_id: str) -> AsyncIterator[None]:
        """Tell both."""
        async with self._near.making(snapshot_id), self._far.making(snapshot_id):
            yield

    async def offer(self, table: StoredTable, path: Path) -> None:
        """To the near ones first, who need no copy."""
        for peers in self._both:
            await peers.offer(table, path)

    async def offers(self, scope: str) -> tuple[StoredTable, ...]:
        """Each once."""
        far = {table.id: table for table in await self._far.offers(scope)}
        near = {table.id: table for table in await self._near.offers(scope)}
        return youngest_first((far | near).values())

    async def find(self, scope: str, snapshot_id: str) -> StoredTable | None:
        """From the nearest who has it."""
        near = await self._near.find(scope, snapshot_id)
        return near or await self._far.find(scope, snapshot_id)

    async def fetch(self, table: StoredTable, path: Path) -> bool:
        """From the nearest who has it; what came from afar is offered to the near ones."""
        if await self._near.fetch(table, path):
            return True
        fetched = await self._far.fetch(table, path)
        if fetched:
            await self._near.offer(table, path)
        return fetched

    def touch(self, snapshot_id: str) -> None:
        """Tell both."""
        for peers in self._both:
            peers.touch(snapshot_id)

    def idle_seconds(self, snapshot_id: str) -> float:
        """The least of both."""
        return min(peers.idle_seconds(snapshot_id) for peers in self._both)

    def promise(self, snapshot_id: str, seconds: float) -> None:
        """Tell both."""
        for peers in self._both:
            peers.promise(snapshot_id, seconds)

    def promised_seconds(self, snapshot_id: str) -> float:
        """The most of both."""
        return max(peers.promised_seconds(snapshot_id) for peers in self._both)

    async def forget(self, snapshot_id: str) -> None:
        """Tell both."""
        for peers in self._both:
            await peers.forget(snapshot_id)

    async def withdraw(self, snapshot_id: str) -> None:
        """From both."""
        for peers in self._both:
            await peers.withdraw(snapshot_id)

    async def shared_secret(self, proposal: bytes) -> bytes | None:
        """What is agreed afar; the near ones' agreement is what to propose there."""
        near = await self._near.shared_secret(proposal)
        return await self._far.shared_secret(near or proposal) or near

    async def close(self) -> None:
        """Of both."""
        for peers in self._both:
            await peers.close()
