"""A draft: the rows of a running extract, readable while more arrive.

The extract never waits. A task writes its rows in batches, and immediately if a reader waits for
them. Runs on the event loop; the store's blocking work runs in worker threads.
"""

from __future__ import annotations

import asyncio
from copy import copy

import anyio.to_thread
import pyarrow as pa

from gateway.errors import GatewayError
from gateway.snapshots.keep.store import SnapshotStore

_BATCH_ROWS = 8_000
"""Rows in a batch when no reader waits: a small batch costs three times as much per row."""


class DraftTable:
    """The rows of one draft; the first `rows` of them are readable, in an order that stays."""

    def __init__(self, store: SnapshotStore, snapshot_id: str) -> None:
        self.id = snapshot_id
        self.rows = 0
        self.received = 0
        self._store = store
        self._is_created = False
        self._pending: list[pa.Table] = []
        self._updates: list[pa.Table] = []
        self._wanted = 0
        self._writer: asyncio.Task[None] | None = None
        self._failure: GatewayError | None = None
        self._is_ended = False
        self._changed = asyncio.Event()

    @property
    def is_complete(self) -> bool:
        """True if all rows are readable."""
        return self._is_ended and self._failure is None

    def append(self, rows: pa.Table) -> None:
        """Add rows behind those received before.

        Raises:
            InternalError: earlier rows could not be written.
        """
        if self._failure is not None:
            raise self._failure
        self._pending.append(rows)
        self.received += rows.num_rows
        if self._is_due():
            self._write_soon()

    def replace(self, rows: pa.Table) -> None:
        """Add newer versions of rows received before; `flush` writes them."""
        self._updates.append(rows)

    async def reach(self, rows: int) -> int:
        """Wait until this many rows, or all that will arrive, are readable; return how many are.

        Raises:
            GatewayError: the extract failed first.
        """
        while self.rows < rows and not self._is_ended:
            self._wanted = max(self._wanted, rows)
            self._write_soon()
            await self._changed.wait()
        if self.rows < rows and self._failure is not None:
            raise copy(self._failure)
        return self.rows

    async def flush(self) -> None:
        """Write all rows received so far, so that they are readable when this returns.

        Raises:
            InternalError: they could not be written.
        """
        self._wanted = max(self._wanted, self.received)
        self._write_soon()
        while self._writer is not None:
            await asyncio.shield(self._writer)
        if self._failure is not None:
            raise self._failure
        for rows in self._updates:
            await anyio.to_thread.run_sync(self._store.replace, self.id, rows)
        self._updates.clear()

    def end(self, failure: GatewayError | None = None) -> None:
        """Mark the draft as ended: it has all rows, or the extract failed."""
        self._failure, self._is_ended = failure, True
        self._notify()

    def resume(self) -> None:
        """Mark a draft that failed as running again."""
        self._failure, self._is_ended = None, False

    async def close(self) -> None:
        """Wait for the batch that is being written."""
        if self._writer is not None:
            await asyncio.wait([self._writer])

    def _is_due(self) -> bool:
        return self.received - self.rows >= _BATCH_ROWS or self.rows < self._wanted

    def _write_soon(self) -> None:
        """Start writing, except after a failure: rows behind missing ones must not be readable."""
        if (
            self._writer is None
            and self._failure is None
            and (self._pending or not self._is_created)
        ):
            self._writer = asyncio.create_task(self._write())

    async def _write(self) -> None:
        """Write until too little is left; a failure ends the draft and reaches its readers."""
        try:
            if not self._is_created:
                await anyio.to_thread.run_sync(self._store.begin, self.id)
                self._is_created = True
            while self._pending and self._is_due() and self._failure is None:
                parts = len(self._pending)
                batch = pa.concat_tables(self._pending)
                await anyio.to_thread.run_sync(self._store.append, self.id, batch, self.rows)
                del self._pending[:parts]  # only now: after a failure they must still be there
                self.rows += batch.num_rows
                self._notify()
        except GatewayError as error:
            self.end(error)
        finally:
            self._writer = None

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
