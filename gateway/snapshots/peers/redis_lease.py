"""Leases through Redis: keys that expire unless their holder renews them.

The key holds a random text of its holder, which renewing and releasing compare (redis-py's Lock):
a process that comes late cannot release a lease that another process holds by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.exceptions import LockError

from gateway.observe import Clock, Observer
from gateway.snapshots.peers.redis_link import RedisLink
from gateway.snapshots.waiting import HeldElsewhere, WaitPolicy, retry_while_held


@dataclass(frozen=True, slots=True)
class LeasePolicy:
    """The `seconds` after which a lease of a process that died expires, and how to wait for it."""

    seconds: float = 15.0
    wait: WaitPolicy = field(default_factory=WaitPolicy)


class RedisLeases:
    """Leases by name, each held from the start of a `with` block to its end."""

    def __init__(
        self, link: RedisLink, policy: LeasePolicy, clock: Clock, observer: Observer
    ) -> None:
        self._link = link
        self._policy = policy
        self._clock = clock
        self._observer = observer

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        """Wait for a lease and hold it; go on without it without contact or after too long."""
        policy = self._policy
        lock = await retry_while_held(
            lambda: self._attempt(name), policy.wait, self._clock, self._observer
        )
        if lock is None:
            yield
            return
        renewing = asyncio.create_task(self._renew(lock))
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            await self._link.call(lambda _: _is_owned(lock.release()), otherwise=False)

    async def is_held(self, name: str) -> bool:
        """Return True if a process holds the lease now; False without contact."""
        return await self._link.call(lambda redis: redis.exists(name), otherwise=0) > 0

    async def _attempt(self, name: str) -> Lock | None:
        """Try to take the lease; return None without contact."""

        async def work(redis: Redis) -> Lock | None:
            lock = Lock(redis, name, timeout=self._policy.seconds, thread_local=False)
            return lock if await lock.acquire(blocking=False) else None

        no_contact = object()
        found = await self._link.call(work, otherwise=no_contact)
        if found is None:
            raise HeldElsewhere
        return found if isinstance(found, Lock) else None

    async def _renew(self, lock: Lock) -> None:
        """Renew a lease three times in its life; take it again if Redis lost it and it is free."""

        async def work(_: Redis) -> bool:
            return await _is_owned(lock.reacquire()) or await lock.acquire(blocking=False)

        while True:
            await asyncio.sleep(self._policy.seconds / 3)
            await self._link.call(work, otherwise=False)


async def _is_owned(request: Awaitable[object]) -> bool:
    """Return True if the lock still belonged to its holder when it was renewed or released."""
    try:
        await request
    except LockError:
        return False
    return True
