"""Peers on one machine that share a data directory and the files in it.

`<id>.offer` beside a snapshot describes it; its modification time is when a process last read the
snapshot. `<id>.promise` exists if a deltaLink names the snapshot; its time is until when it is
retained. `leases/` holds files that are locked while an extract runs; the system frees the lock of
a process that dies. The directory is on a local disk: over a network, neither locks nor times are
reliable.
"""

from __future__ import annotations

import math
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio.to_thread
import msgspec
from filelock import FileLock, Timeout

from gateway.observe import Clock, Observer
from gateway.snapshots.facts import SnapshotKey, StoredTable
from gateway.snapshots.peers.offers import (
    Offer,
    is_snapshot_id,
    lease_name,
    to_offer,
    to_table,
    youngest_first,
)
from gateway.snapshots.waiting import HeldElsewhere, WaitPolicy, retry_while_held

_TOUCH_SECONDS = 1.0
_LOCK_NAME_DIGITS = 3
"""The hexadecimal digits of a lock's name: at most 4,096 empty files stay. None is ever removed: a
lock on a file that another process has just removed would not exclude any process."""


class DirectoryPeers:
    """Peers through a directory."""

    def __init__(
        self, directory: Path, wait_policy: WaitPolicy, clock: Clock, observer: Observer
    ) -> None:
        self._directory = directory.absolute()
        self._leases = self._directory / "leases"
        self._clock = clock
        self._observer = observer
        self._wait_policy = wait_policy
        self._touched: dict[str, float] = {}

    @asynccontextmanager
    async def lease(self, key: SnapshotKey) -> AsyncIterator[None]:
        """Lock a file."""
        async with self._holding(f"{lease_name(key)[:_LOCK_NAME_DIGITS]}.lock"):
            yield

    @asynccontextmanager
    async def making(self, snapshot_id: str) -> AsyncIterator[None]:
        """Lock a file of its own, which is removed at the end."""
        try:
            async with self._holding(f"{snapshot_id}.making"):
                yield
        finally:
            with suppress(OSError):
                self._making_path(snapshot_id).unlink(missing_ok=True)

    async def offer(self, table: StoredTable, path: Path) -> None:
        """Write the offer beside the file, unless it is there."""
        try:
            await anyio.to_thread.run_sync(self._write, table)
        except OSError as error:
            self._warn(f"snapshot {table.id} cannot be offered to other processes", error)

    async def offers(self, scope: str) -> tuple[StoredTable, ...]:
        """Read the offers of all files in the directory."""
        tables = await anyio.to_thread.run_sync(self._read_all)
        return youngest_first(table for table in tables if table.key.scope == scope)

    async def find(self, scope: str, snapshot_id: str) -> StoredTable | None:
        """Read the offer beside the file."""
        if not is_snapshot_id(snapshot_id):
            return None

        async def attempt() -> StoredTable | None:
            is_being_made = self._is_being_made(snapshot_id)
            table = await anyio.to_thread.run_sync(self._read, snapshot_id)
            if table is None and is_being_made:
                raise HeldElsewhere
            return table

        table = await retry_while_held(attempt, self._wait_policy, self._clock, self._observer)
        return table if table is not None and table.key.scope == scope else None

    async def fetch(self, table: StoredTable, path: Path) -> bool:
        """Return True if the file is there: all processes use the same one."""
        return path == self._file_path(table.id) and _exists(path)

    def touch(self, snapshot_id: str) -> None:
        """Set the time of its offer, once a second at most."""
        now = self._clock.monotonic()
        if now - self._touched.get(snapshot_id, -math.inf) >= _TOUCH_SECONDS:
            self._touched[snapshot_id] = now
            seconds = self._clock.now().timestamp()
            with suppress(OSError):  # evicted meanwhile: its readers have it open
                os.utime(self._offer_path(snapshot_id), (seconds, seconds))

    def idle_seconds(self, snapshot_id: str) -> float:
        """Return the age of its offer's time."""
        try:
            changed = self._offer_path(snapshot_id).stat().st_mtime
        except OSError:
            return math.inf
        return max(0.0, self._clock.now().timestamp() - changed)

    def retain(self, snapshot_id: str, seconds: float) -> None:
        """Write a file whose time is the end of the retention."""
        until = self._clock.now().timestamp() + seconds
        path = self._retention_path(snapshot_id)
        try:
            path.touch(mode=0o600)
            os.utime(path, (until, until))
        except OSError as error:
            self._warn(
                f"snapshot {snapshot_id} may be evicted after a restart, although links name it",
                error,
            )

    def retained_seconds(self, snapshot_id: str) -> float:
        """Return the time until the end of the retention."""
        try:
            until = self._retention_path(snapshot_id).stat().st_mtime
        except OSError:
            return 0.0
        return max(0.0, until - self._clock.now().timestamp())

    async def forget(self, snapshot_id: str) -> None:
        """Remove the files beside it: the snapshot's file is gone for all processes."""
        self._touched.pop(snapshot_id, None)
        with suppress(OSError):
            self._offer_path(snapshot_id).unlink(missing_ok=True)
            self._retention_path(snapshot_id).unlink(missing_ok=True)

    async def withdraw(self, snapshot_id: str) -> None:
        """Remove the files beside it; the store sets the snapshot's file aside."""
        await self.forget(snapshot_id)

    async def shared_secret(self, proposal: bytes) -> bytes | None:
        """Return the proposal: the key is in the directory, so all propose the same."""
        return proposal

    async def close(self) -> None:
        """Do nothing: no connection is open between calls."""

    @asynccontextmanager
    async def _holding(self, name: str) -> AsyncIterator[None]:
        """Hold a lock; without it if it cannot be taken, or another process holds it too long."""
        lock = FileLock(self._leases / name, mode=0o600, thread_local=False)

        async def attempt() -> bool:
            try:
                lock.acquire(blocking=False)
            except Timeout as error:
                raise HeldElsewhere from error
            return True

        try:
            self._leases.mkdir(mode=0o700, exist_ok=True)
            await retry_while_held(attempt, self._wait_policy, self._clock, self._observer)
        except OSError as error:
            self._warn("extracts cannot be coordinated with other processes", error)
        try:
            yield
        finally:
            with suppress(OSError):  # closed nevertheless
                lock.release()

    def _is_being_made(self, snapshot_id: str) -> bool:
        """Return True if its file is locked; remove a file left by a process that died."""
        path = self._making_path(snapshot_id)
        if not path.exists():
            return False
        lock = FileLock(path, mode=0o600, thread_local=False)
        try:
            lock.acquire(blocking=False)
            path.unlink(missing_ok=True)
            lock.release()
        except Timeout:
            return True
        except OSError:
            return False
        return False

    def _write(self, table: StoredTable) -> None:
        """Write the offer by a rename, so that no process reads half of it."""
        current = self._read(table.id)
        if current is not None and current.taken_at >= table.taken_at:
            return
        draft = self._directory / "building" / f"{table.id}.{secrets.token_hex(8)}.offer"
        draft.parent.mkdir(mode=0o700, exist_ok=True)
        draft.touch(mode=0o600)
        draft.write_bytes(msgspec.json.encode(to_offer(table)))
        draft.replace(self._offer_path(table.id))

    def _read_all(self) -> list[StoredTable]:
        """Read all offers; skip unreadable ones, and remove those whose file is gone."""
        names = [path.stem for path in self._directory.glob("*.offer")]
        for name in names:
            if not self._file_path(name).exists():
                with suppress(OSError):  # another process was first, or permission is missing
                    self._offer_path(name).unlink()
        return [table for name in names if (table := self._read(name)) is not None]

    def _read(self, snapshot_id: str) -> StoredTable | None:
        if not self._file_path(snapshot_id).exists():
            return None
        try:
            text = self._offer_path(snapshot_id).read_bytes()
            return to_table(msgspec.json.decode(text, type=Offer), snapshot_id)
        except (OSError, msgspec.DecodeError):
            return None

    def _making_path(self, snapshot_id: str) -> Path:
        return self._leases / f"{snapshot_id}.making"

    def _file_path(self, snapshot_id: str) -> Path:
        return self._directory / f"{snapshot_id}.duckdb"

    def _offer_path(self, snapshot_id: str) -> Path:
        return self._directory / f"{snapshot_id}.offer"

    def _retention_path(self, snapshot_id: str) -> Path:
        return self._directory / f"{snapshot_id}.promise"

    def _warn(self, what: str, error: OSError) -> None:
        self._observer.warn(f"{what}: {error.strerror or type(error).__name__}")


def _exists(path: Path) -> bool:
    """Return True if the path exists; on a local disk this is faster than using a thread."""
    return path.exists()
