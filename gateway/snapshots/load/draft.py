"""A draft that takes an extract's rows while others read those that are there already.

The extract never waits: what it hands over is written in batches by a task of its own, at once when
a reader waits for more. Runs on the event loop; the store's blocking work goes to worker threads.
"""

from __future__ import annotations

import asyncio
from copy import copy

import anyio.to_thread
import pyarrow as pa

from gateway.errors import GatewayError
from gateway.snapshots.keep.store import SnapshotStore

_BATCH = 8_000
"""Rows written at once when nobody waits: a small batch costs three times as much a row."""


class DraftTable:
    """The rows of one draft; `rows` of them are readable, in an order that stays."""

    def __init__(self, store: SnapshotStore, snapshot_id: str) -> None:
        self.id = snapshot_id
        self.rows = 0
        self.came = 0
        self._store = store
        self._begun = False
        self._waiting: list[pa.Table] = []
        self._newer: list[pa.Table] = []
        self._wanted = 0
        self._writer: asyncio.Task[None] | None = None
        self._failure: GatewayError | None = None
        self._ended = False
        self._pulse = asyncio.Event()

    @property
    def is_complete(self) -> bool:
        """Whether all rows are readable."""
        return self._ended and self._failure is None

    def append(self, rows: pa.Table) -> None:
        """Rows behind those that came before.

        Raises:
            InternalError: what came before could not be written.
        """
        if self._failure is not None:
            raise self._failure
        self._waiting.append(rows)
        self.came += rows.num_rows
        if self._is_due():
            self._write_soon()

    def replace(self, rows: pa.Table) -> None:
        """Newer versions of rows that came before; written by `flush`."""
        self._newer.append(rows)

    async def reach(self, rows: int) -> int:
        """Wait until so many rows are readable, or all that will come; how many are readable.

        Raises:
            GatewayError: the extract failed before.
        """
        while self.rows < rows and not self._ended:
            self._wanted = max(self._wanted, rows)
            self._write_soon()
            await self._pulse.wait()
        if self.rows < rows and self._failure is not None:
            raise copy(self._failure)
        return self.rows

    async def flush(self) -> None:
        """Everything that came is readable when this returns.

        Raises:
            InternalError: it could not be written.
        """
        self._wanted = max(self._wanted, self.came)
        self._write_soon()
        while self._writer is not None:
            await asyncio.shield(self._writer)
        if self._failure is not None:
            raise self._failure
        for rows in self._newer:
            await anyio.to_thread.run_sync(self._store.replace, self.id, rows)
        self._newer.clear()

    def end(self, failure: GatewayError | None = None) -> None:
        """No more rows will come, because that is all or because of a failure."""
        self._failure, self._ended = failure, True
        self._tell()

    def go_on(self) -> None:
        """More rows will come after all."""
        self._failure, self._ended = None, False

    async def close(self) -> None:
        """Let a batch that is being written come to its end."""
        if self._writer is not None:
            await asyncio.wait([self._writer])

    def _is_due(self) -> bool:
        return self.came - self.rows >= _BATCH or self.rows < self._wanted

    def _write_soon(self) -> None:
        """Nothing more after a failure: behind rows that are missing none may be read."""
        if self._writer is None and self._failure is None and (self._waiting or not self._begun):
            self._writer = asyncio.create_task(self._write())

    async def _write(self) -> None:
        """Write until what is left is not worth it; a failure is told to who waits or appends."""
        try:
            if not self._begun:
                await anyio.to_thread.run_sync(self._store.begin, self.id)
                self._begun = True
            while self._waiting and self._is_due() and self._failure is None:
                parts = len(self._waiting)
                batch = pa.concat_tables(self._waiting)
                await anyio.to_thread.run_sync(self._store.append, self.id, batch, self.rows)
                del self._waiting[:parts]  # not before: who goes on after a failure has them still
                self.rows += batch.num_rows
                self._tell()
        except GatewayError as error:
            self.end(error)
        finally:
            self._writer = None

    def _tell(self) -> None:
        self._pulse.set()
        self._pulse = asyncio.Event()
