"""Peers on several machines that share snapshots, extracts and a key through Redis or Valkey.

Each process has its own copy of the files that it serves; Redis has one for all, as long as it is
in use. Names of keys are digests and random ids. Everything expires; nothing here raises.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio.to_thread
from msgspec.structs import replace
from redis.asyncio import Redis

from gateway.observe import Clock, Observer
from gateway.snapshots.facts import SnapshotKey, StoredTable
from gateway.snapshots.peers.offers import (
    lease_name,
    scope_name,
    to_offer,
    to_table,
    youngest_first,
)
from gateway.snapshots.peers.redis_file import (
    FileLocation,
    Manifest,
    NotExchanged,
    read_file,
    read_manifests,
    write_file,
    write_manifest,
)
from gateway.snapshots.peers.redis_lease import LeasePolicy, RedisLeases
from gateway.snapshots.peers.redis_link import LinkPolicy, RedisLink
from gateway.snapshots.waiting import HeldElsewhere, retry_while_held

_PREFIX = "skillhabit-odata:1"
"""The number is the version of the exchange; files state their own format."""
_MAX_OFFERS = 64
_SECRET_SECONDS = 30 * 86_400
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class RedisPolicy:
    """The times that the processes agree on.

    `keep_seconds` is how long a snapshot stays after it was last offered, fetched or read.
    """

    keep_seconds: float
    lease: LeasePolicy = field(default_factory=LeasePolicy)
    link: LinkPolicy = field(default_factory=LinkPolicy)


class RedisPeers:
    """Peers through Redis at `url`, which may hold a password; files arrive in `drafts`."""

    def __init__(
        self, url: str, drafts: Path, policy: RedisPolicy, clock: Clock, observer: Observer
    ) -> None:
        self._link = RedisLink(url, policy.link, clock, observer)
        self._leases = RedisLeases(self._link, policy.lease, clock, observer)
        self._drafts = drafts
        self._policy = policy
        self._clock = clock
        self._observer = observer
        self._secret: bytes | None = None
        self._touched: dict[str, float] = {}
        self._retained: dict[str, float] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def lease(self, key: SnapshotKey) -> AbstractAsyncContextManager[None]:
        """Hold a key that expires if its holder dies."""
        return self._leases.hold(f"{_PREFIX}:lease:{lease_name(key)}")

    def making(self, snapshot_id: str) -> AbstractAsyncContextManager[None]:
        """Hold a lease on the id."""
        return self._leases.hold(_making_name(snapshot_id))

    async def offer(self, table: StoredTable, path: Path) -> None:
        """Upload the file, unless it is there."""
        location = self._location(table.id)

        async def work(redis: Redis) -> None:
            (manifest,) = await read_manifests(redis, [location.key])
            offered = _table(manifest, table.id)
            if manifest is None or offered is None:
                await write_file(redis, location, path, to_offer(table))
            elif offered.taken_at < table.taken_at:
                await write_manifest(redis, location, replace(manifest, offer=to_offer(table)))
            await self._list(redis, table)

        self._touched[table.id] = self._clock.monotonic()
        try:
            await self._link.call(work, otherwise=None)
        except NotExchanged as problem:
            self._observer.warn(f"snapshot {table.id} is not shared through Redis: {problem}")
        if self._secret is not None:  # Redis may have lost it
            await self.shared_secret(self._secret)

    async def offers(self, scope: str) -> tuple[StoredTable, ...]:
        """Return the newest offers, 64 at most; remove those that are gone from the list."""
        name = self._list_name(scope)

        async def work(redis: Redis) -> list[tuple[Manifest, str]]:
            listed: Any = await redis.zrevrange(name, 0, _MAX_OFFERS - 1)
            ids = [each.decode() for each in listed]
            found = await read_manifests(redis, [self._location(each).key for each in ids])
            gone = [each for each, manifest in zip(ids, found, strict=True) if manifest is None]
            if gone:
                await redis.zrem(name, *gone)
            return [
                (manifest, snapshot_id)
                for manifest, snapshot_id in zip(found, ids, strict=True)
                if manifest is not None
            ]

        manifests = await self._link.call(work, otherwise=None) or ()
        tables = (_table(manifest, snapshot_id) for manifest, snapshot_id in manifests)
        return youngest_first(table for table in tables if table and table.key.scope == scope)

    async def find(self, scope: str, snapshot_id: str) -> StoredTable | None:
        """Read its manifest."""
        keys = [self._location(snapshot_id).key]

        async def attempt() -> StoredTable | None:
            is_being_made = await self._leases.is_held(_making_name(snapshot_id))
            (manifest,) = await self._link.call(lambda redis: read_manifests(redis, keys), [None])
            if manifest is None and is_being_made:
                raise HeldElsewhere
            return _table(manifest, snapshot_id)

        policy = self._policy.lease.wait
        table = await retry_while_held(attempt, policy, self._clock, self._observer)
        return table if table is not None and table.key.scope == scope else None

    async def fetch(self, table: StoredTable, path: Path) -> bool:
        """Download into a draft, check and rename it; withdraw a damaged file from all."""
        location = self._location(table.id)
        draft = self._drafts / f"{table.id}.{secrets.token_hex(8)}.part"
        try:
            found = await self._link.call(lambda redis: read_file(redis, location, draft), False)
            if found:
                draft.replace(path)
                self.touch(table.id)
        except NotExchanged as problem:
            self._observer.warn(f"snapshot {table.id} from Redis cannot be used: {problem}")
            await self.withdraw(table.id)
        except OSError as error:
            self._observer.warn(
                f"snapshot {table.id} cannot be moved to the data directory: {error.strerror}"
            )
        else:
            return found
        finally:
            with suppress(OSError):
                await anyio.to_thread.run_sync(lambda: draft.unlink(missing_ok=True))
        return False

    def touch(self, snapshot_id: str) -> None:
        """Renew its expiry in the background, at most ten times within that time."""
        now = self._clock.monotonic()
        if now - self._touched.get(snapshot_id, -math.inf) < self._policy.keep_seconds / 10:
            return
        self._touched[snapshot_id] = now
        self._renew(self._location(snapshot_id))

    def idle_seconds(self, snapshot_id: str) -> float:
        """Return infinity: other processes read copies of their own."""
        return math.inf

    def retain(self, snapshot_id: str, seconds: float) -> None:
        """Make it expire later; only a process that does not retain it may renew it for less."""
        if seconds > self._policy.keep_seconds:
            self._retained[snapshot_id] = self._clock.monotonic() + seconds
            self._renew(self._location(snapshot_id))

    def retained_seconds(self, snapshot_id: str) -> float:
        """Return 0: each machine retains its own copy."""
        return 0.0

    def _renew(self, location: FileLocation) -> None:
        task = asyncio.create_task(
            self._link.call(lambda redis: redis.pexpire(location.key, location.milliseconds), False)
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def forget(self, snapshot_id: str) -> None:
        """Stop renewing it; the copy in Redis stays for other processes and nextLinks."""
        self._touched.pop(snapshot_id, None)
        self._retained.pop(snapshot_id, None)

    async def withdraw(self, snapshot_id: str) -> None:
        """Remove it from Redis."""
        await self.forget(snapshot_id)
        key = self._location(snapshot_id).key
        await self._link.call(lambda redis: redis.unlink(key), otherwise=0)

    async def shared_secret(self, proposal: bytes) -> bytes | None:
        """Return the key; it expires thirty days after its last use or the last offer."""
        name = f"{_PREFIX}:secret"

        async def work(redis: Redis) -> Any:
            await redis.set(name, proposal, nx=True, ex=_SECRET_SECONDS)
            await redis.expire(name, _SECRET_SECONDS)
            return await redis.get(name)

        found: bytes | None = await self._link.call(work, otherwise=None)
        if found is None or len(found) < _SECRET_BYTES:
            return None
        self._secret = self._secret or found
        return found

    async def close(self) -> None:
        """End renewals and close the connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._link.close()

    async def _list(self, redis: Redis, table: StoredTable) -> None:
        """Add a table to its scope's list, which expires with the newest offer."""
        name = self._list_name(table.key.scope)
        pipeline = redis.pipeline(transaction=False)
        pipeline.zadd(name, {table.id: table.taken_at.timestamp()})
        pipeline.zremrangebyrank(name, 0, -_MAX_OFFERS - 1)
        pipeline.pexpire(name, self._location(table.id).milliseconds)
        await pipeline.execute()

    def _location(self, snapshot_id: str) -> FileLocation:
        left = self._retained.get(snapshot_id, 0.0) - self._clock.monotonic()
        seconds = max(self._policy.keep_seconds, left)
        return FileLocation(f"{_PREFIX}:snapshot:{snapshot_id}", seconds)

    def _list_name(self, scope: str) -> str:
        return f"{_PREFIX}:offers:{scope_name(scope)}"


def _table(manifest: Manifest | None, snapshot_id: str) -> StoredTable | None:
    """Return the table of a manifest; None without one, or if this gateway cannot read it."""
    return None if manifest is None else to_table(manifest.offer, snapshot_id)


def _making_name(snapshot_id: str) -> str:
    return f"{_PREFIX}:making:{snapshot_id}"
