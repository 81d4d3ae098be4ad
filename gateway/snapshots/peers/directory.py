"""Processes on one machine that share a data directory, whose files are theirs together.

`<id>.offer` beside a snapshot tells what it is; its time of change tells when a process last read
the snapshot. `<id>.promise` is there when a deltaLink names it, and its time is until when that
holds. `leases/` holds files that are locked while an extract runs; the system frees the
lock of a process that dies at once. The directory is on a local disk: over a network, neither
locks nor times can be relied on.
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
from gateway.snapshots.waiting import HeldElsewhere, Patience, wait_for_turn

_MARK_SECONDS = 1.0
_SLOT_DIGITS = 3
"""So many hexadecimal digits name a lock: at most 4,096 empty files stay, and none is removed,
for a lock on a file that another process has just removed would keep nobody out."""


class DirectoryPeers:
    """Peers through a directory."""

    def __init__(
        self, directory: Path, patience: Patience, clock: Clock, observer: Observer
    ) -> None:
        self._directory = directory.absolute()
        self._leases = self._directory / "leases"
        self._clock = clock
        self._observer = observer
        self._patience = patience
        self._marked: dict[str, float] = {}

    @asynccontextmanager
    async def lease(self, key: SnapshotKey) -> AsyncIterator[None]:
        """A locked file."""
        async with self._holding(f"{lease_name(key)[:_SLOT_DIGITS]}.lock"):
            yield

    @asynccontextmanager
    async def making(self, snapshot_id: str) -> AsyncIterator[None]:
        """A locked file of its own, which is removed at the end."""
        try:
            async with self._holding(f"{snapshot_id}.making"):
                yield
        finally:
            with suppress(OSError):
                self._making_path(snapshot_id).unlink(missing_ok=True)

    async def offer(self, table: StoredTable, path: Path) -> None:
        """Write what it is beside it, unless that is there."""
        try:
            await anyio.to_thread.run_sync(self._write, table)
        except OSError as error:
            self._warn(f"others cannot be told of snapshot {table.id}", error)

    async def offers(self, scope: str) -> tuple[StoredTable, ...]:
        """Of all files that are there."""
        tables = await anyio.to_thread.run_sync(self._read_all)
        return youngest_first(table for table in tables if table.key.scope == scope)

    async def find(self, scope: str, snapshot_id: str) -> StoredTable | None:
        """Read what lies beside the file."""
        if not is_snapshot_id(snapshot_id):
            return None

        async def attempt() -> StoredTable | None:
            is_on_its_way = self._is_being_made(snapshot_id)
            table = await anyio.to_thread.run_sync(self._read, snapshot_id)
            if table is None and is_on_its_way:
                raise HeldElsewhere
            return table

        table = await wait_for_turn(attempt, self._patience, self._clock, self._observer)
        return table if table is not None and table.key.scope == scope else None

    async def fetch(self, table: StoredTable, path: Path) -> bool:
        """It is there already, or nowhere."""
        return path == self._file_path(table.id) and _exists(path)

    def touch(self, snapshot_id: str) -> None:
        """Change the time of its offer, once a second at most."""
        now = self._clock.monotonic()
        if now - self._marked.get(snapshot_id, -math.inf) >= _MARK_SECONDS:
            self._marked[snapshot_id] = now
            seconds = self._clock.now().timestamp()
            with suppress(OSError):  # dropped meanwhile: its readers have it open
                os.utime(self._offer_path(snapshot_id), (seconds, seconds))

    def idle_seconds(self, snapshot_id: str) -> float:
        """By the time of its offer."""
        try:
            changed = self._offer_path(snapshot_id).stat().st_mtime
        except OSError:
            return math.inf
        return max(0.0, self._clock.now().timestamp() - changed)

    def promise(self, snapshot_id: str, seconds: float) -> None:
        """Write a file of that time."""
        until = self._clock.now().timestamp() + seconds
        path = self._promise_path(snapshot_id)
        try:
            path.touch(mode=0o600)
            os.utime(path, (until, until))
        except OSError as error:
            self._warn(f"a restart may forget that links name snapshot {snapshot_id}", error)

    def promised_seconds(self, snapshot_id: str) -> float:
        """By the time of that file."""
        try:
            until = self._promise_path(snapshot_id).stat().st_mtime
        except OSError:
            return 0.0
        return max(0.0, until - self._clock.now().timestamp())

    async def forget(self, snapshot_id: str) -> None:
        """The file is gone for all, so what lies beside it goes too."""
        self._marked.pop(snapshot_id, None)
        with suppress(OSError):
            self._offer_path(snapshot_id).unlink(missing_ok=True)
            self._promise_path(snapshot_id).unlink(missing_ok=True)

    async def withdraw(self, snapshot_id: str) -> None:
        """As `forget`: the store sets the file aside."""
        await self.forget(snapshot_id)

    async def shared_secret(self, proposal: bytes) -> bytes | None:
        """As proposed, for the key lies in the directory: all propose the same."""
        return proposal

    async def close(self) -> None:
        """Nothing is open between calls."""

    @asynccontextmanager
    async def _holding(self, name: str) -> AsyncIterator[None]:
        """A lock, or none when it cannot be had or is held for too long: then nobody waits."""
        lock = FileLock(self._leases / name, mode=0o600, thread_local=False)

        async def attempt() -> bool:
            try:
                lock.acquire(blocking=False)
            except Timeout as error:
                raise HeldElsewhere from error
            return True

        try:
            self._leases.mkdir(mode=0o700, exist_ok=True)
            await wait_for_turn(attempt, self._patience, self._clock, self._observer)
        except OSError as error:
            self._warn("extracts cannot be coordinated with other processes", error)
        try:
            yield
        finally:
            with suppress(OSError):  # closed all the same
                lock.release()

    def _is_being_made(self, snapshot_id: str) -> bool:
        """Whether its file is locked; one that is not was left by a process that died."""
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
        """At once, so that nobody reads a half."""
        told = self._read(table.id)
        if told is not None and told.taken_at >= table.taken_at:
            return
        draft = self._directory / "building" / f"{table.id}.{secrets.token_hex(8)}.offer"
        draft.parent.mkdir(mode=0o700, exist_ok=True)
        draft.touch(mode=0o600)
        draft.write_bytes(msgspec.json.encode(to_offer(table)))
        draft.rename(self._offer_path(table.id))

    def _read_all(self) -> list[StoredTable]:
        """What cannot be read is no offer; what outlived its file is removed."""
        names = [path.stem for path in self._directory.glob("*.offer")]
        for name in names:
            if not self._file_path(name).exists():
                with suppress(OSError):  # another process was first, or may not
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

    def _promise_path(self, snapshot_id: str) -> Path:
        return self._directory / f"{snapshot_id}.promise"

    def _warn(self, what: str, error: OSError) -> None:
        self._observer.warn(f"{what}: {error.strerror or type(error).__name__}")


def _exists(path: Path) -> bool:
    """On a local disk this takes microseconds, a thread would take longer."""
    return path.exists()
