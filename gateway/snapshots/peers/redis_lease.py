"""One process at a time, through Redis: a key that expires unless its holder renews it.

The key holds a random text of its holder, which renewing and freeing compare (redis-py's Lock), so
that a process that comes late cannot free what another one holds by then.
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
from gateway.snapshots.waiting import HeldElsewhere, Patience, wait_for_turn


@dataclass(frozen=True, slots=True)
class LeasePolicy:
    """`seconds` after which others no longer wait for a process that died."""

    seconds: float = 15.0
    patience: Patience = field(default_factory=Patience)


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
        """Wait for it; without contact, or patience, go on as if it were held."""
        policy = self._policy
        lock = await wait_for_turn(
            lambda: self._attempt(name), policy.patience, self._clock, self._observer
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
            await self._link.ask(lambda _: _is_owned(lock.release()), otherwise=False)

    async def is_held(self, name: str) -> bool:
        """Whether anyone holds it now; not so without contact."""
        return await self._link.ask(lambda redis: redis.exists(name), otherwise=0) > 0

    async def _attempt(self, name: str) -> Lock | None:
        """None without contact."""

        async def work(redis: Redis) -> Lock | None:
            lock = Lock(redis, name, timeout=self._policy.seconds, thread_local=False)
            return lock if await lock.acquire(blocking=False) else None

        no_contact = object()
        found = await self._link.ask(work, otherwise=no_contact)
        if found is None:
            raise HeldElsewhere
        return found if isinstance(found, Lock) else None

    async def _renew(self, lock: Lock) -> None:
        """Three times in its life; one that was lost, as Redis was, is taken again if free."""

        async def work(_: Redis) -> bool:
            return await _is_owned(lock.reacquire()) or await lock.acquire(blocking=False)

        while True:
            await asyncio.sleep(self._policy.seconds / 3)
            await self._link.ask(work, otherwise=False)


async def _is_owned(request: Awaitable[object]) -> bool:
    """Whether the lock was still its holder's, as renewing and freeing it tell."""
    try:
        await request
    except LockError:
        return False
    return True
