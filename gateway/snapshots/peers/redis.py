"""Processes on several machines that share snapshots, extracts and a key through Redis or Valkey.

Each process has its own copy of what it serves; Redis has one for all, for as long as somebody
reads it. Names of keys are digests and random ids. Everything expires; nothing here raises.
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
from gateway.snapshots.waiting import HeldElsewhere, wait_for_turn

_PREFIX = "skillhabit-odata:1"
"""The number is the version of the exchange; files tell their format themselves."""
_MOST_OFFERS = 64
_SECRET_SECONDS = 30 * 86_400
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class RedisPolicy:
    """What is agreed with the other processes.

    `keep_seconds`: how long a snapshot stays after it was last offered, fetched or read.
    """

    keep_seconds: float
    lease: LeasePolicy = field(default_factory=LeasePolicy)
    link: LinkPolicy = field(default_factory=LinkPolicy)


class RedisPeers:
    """Peers through Redis at `url`, which may hold a password; `drafts` is where files arrive."""

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
        self._promised: dict[str, float] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def lease(self, key: SnapshotKey) -> AbstractAsyncContextManager[None]:
        """A key that expires when its holder died."""
        return self._leases.hold(f"{_PREFIX}:lease:{lease_name(key)}")

    def making(self, snapshot_id: str) -> AbstractAsyncContextManager[None]:
        """A lease of the id."""
        return self._leases.hold(_making_name(snapshot_id))

    async def offer(self, table: StoredTable, path: Path) -> None:
        """Upload the file, unless it is there."""
        place = self._place(table.id)

        async def work(redis: Redis) -> None:
            (there,) = await read_manifests(redis, [place.key])
            told = _table(there, table.id)
            if there is None or told is None:
                await write_file(redis, place, path, to_offer(table))
            elif told.taken_at < table.taken_at:
                await write_manifest(redis, place, replace(there, offer=to_offer(table)))
            await self._list(redis, table)

        self._touched[table.id] = self._clock.monotonic()
        try:
            await self._link.ask(work, otherwise=None)
        except NotExchanged as problem:
            self._observer.warn(f"snapshot {table.id} is not shared through Redis: {problem}")
        if self._secret is not None:  # Redis may have lost it
            await self.shared_secret(self._secret)

    async def offers(self, scope: str) -> tuple[StoredTable, ...]:
        """The youngest of them, 64 at most; those that are gone are taken off the list."""
        name = self._list_name(scope)

        async def work(redis: Redis) -> list[tuple[Manifest, str]]:
            listed: Any = await redis.zrevrange(name, 0, _MOST_OFFERS - 1)
            ids = [one.decode() for one in listed]
            found = await read_manifests(redis, [self._place(one).key for one in ids])
            gone = [one for one, manifest in zip(ids, found, strict=True) if manifest is None]
            if gone:
                await redis.zrem(name, *gone)
            return [(one, name) for one, name in zip(found, ids, strict=True) if one is not None]

        manifests = await self._link.ask(work, otherwise=None) or ()
        tables = (_table(manifest, snapshot_id) for manifest, snapshot_id in manifests)
        return youngest_first(table for table in tables if table and table.key.scope == scope)

    async def find(self, scope: str, snapshot_id: str) -> StoredTable | None:
        """Look at its manifest."""
        keys = [self._place(snapshot_id).key]

        async def attempt() -> StoredTable | None:
            is_on_its_way = await self._leases.is_held(_making_name(snapshot_id))
            (manifest,) = await self._link.ask(lambda redis: read_manifests(redis, keys), [None])
            if manifest is None and is_on_its_way:
                raise HeldElsewhere
            return _table(manifest, snapshot_id)

        patience = self._policy.lease.patience
        table = await wait_for_turn(attempt, patience, self._clock, self._observer)
        return table if table is not None and table.key.scope == scope else None

    async def fetch(self, table: StoredTable, path: Path) -> bool:
        """Download into a draft, check it, and rename it; what is damaged is removed for all."""
        place = self._place(table.id)
        draft = self._drafts / f"{table.id}.{secrets.token_hex(8)}.part"
        try:
            found = await self._link.ask(lambda redis: read_file(redis, place, draft), False)
            if found:
                draft.rename(path)
                self.touch(table.id)
        except NotExchanged as problem:
            self._observer.warn(f"snapshot {table.id} from Redis is not used: {problem}")
            await self.withdraw(table.id)
        except OSError as error:
            self._observer.warn(f"snapshot {table.id} cannot be put in place: {error.strerror}")
        else:
            return found
        finally:
            with suppress(OSError):
                await anyio.to_thread.run_sync(lambda: draft.unlink(missing_ok=True))
        return False

    def touch(self, snapshot_id: str) -> None:
        """Renew its expiry behind the caller's back, ten times in that time at most."""
        now = self._clock.monotonic()
        if now - self._touched.get(snapshot_id, -math.inf) < self._policy.keep_seconds / 10:
            return
        self._touched[snapshot_id] = now
        self._renew(self._place(snapshot_id))

    def idle_seconds(self, snapshot_id: str) -> float:
        """Not known: others read copies of their own."""
        return math.inf

    def promise(self, snapshot_id: str, seconds: float) -> None:
        """Let it expire later; only who does not know of that may renew it for less."""
        if seconds > self._policy.keep_seconds:
            self._promised[snapshot_id] = self._clock.monotonic() + seconds
            self._renew(self._place(snapshot_id))

    def promised_seconds(self, snapshot_id: str) -> float:
        """Not known: each machine keeps the copy that it has promised."""
        return 0.0

    def _renew(self, place: FileLocation) -> None:
        task = asyncio.create_task(
            self._link.ask(lambda redis: redis.pexpire(place.key, place.milliseconds), False)
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def forget(self, snapshot_id: str) -> None:
        """The copy in Redis stays, for others and for a nextLink that comes back."""
        self._touched.pop(snapshot_id, None)
        self._promised.pop(snapshot_id, None)

    async def withdraw(self, snapshot_id: str) -> None:
        """Remove it."""
        await self.forget(snapshot_id)
        key = self._place(snapshot_id).key
        await self._link.ask(lambda redis: redis.unlink(key), otherwise=0)

    async def shared_secret(self, proposal: bytes) -> bytes | None:
        """Kept for thirty days after it was last asked for or a snapshot was offered."""
        name = f"{_PREFIX}:secret"

        async def work(redis: Redis) -> Any:
            await redis.set(name, proposal, nx=True, ex=_SECRET_SECONDS)
            await redis.expire(name, _SECRET_SECONDS)
            return await redis.get(name)

        found: bytes | None = await self._link.ask(work, otherwise=None)
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
        """The list of a scope lives as long as what was offered last, which is the youngest."""
        name = self._list_name(table.key.scope)
        pipeline = redis.pipeline(transaction=False)
        pipeline.zadd(name, {table.id: table.taken_at.timestamp()})
        pipeline.zremrangebyrank(name, 0, -_MOST_OFFERS - 1)
        pipeline.pexpire(name, self._place(table.id).milliseconds)
        await pipeline.execute()

    def _place(self, snapshot_id: str) -> FileLocation:
        left = self._promised.get(snapshot_id, 0.0) - self._clock.monotonic()
        seconds = max(self._policy.keep_seconds, left)
        return FileLocation(f"{_PREFIX}:snapshot:{snapshot_id}", seconds)

    def _list_name(self, scope: str) -> str:
        return f"{_PREFIX}:offers:{scope_name(scope)}"


def _table(manifest: Manifest | None, snapshot_id: str) -> StoredTable | None:
    """None when there is none under this id, or one that this gateway cannot read."""
    return None if manifest is None else to_table(manifest.offer, snapshot_id)


def _making_name(snapshot_id: str) -> str:
    return f"{_PREFIX}:making:{snapshot_id}"
