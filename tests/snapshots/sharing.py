"""Processes that share snapshots, as objects of their own in one process or as real ones."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.observe import Clock, Observer
from gateway.snapshots.facts import StoredTable
from gateway.snapshots.peers.directory import DirectoryPeers
from gateway.snapshots.peers.interface import NearAndFar, Peers
from gateway.snapshots.peers.redis import RedisPeers, RedisPolicy
from gateway.snapshots.peers.redis_lease import LeasePolicy
from gateway.snapshots.peers.redis_link import LinkPolicy
from gateway.snapshots.waiting import WaitPolicy
from tests.snapshots.tables import START, Watch, key, taken
from tests.support.redis_server import RedisServer

ONE, TWO, THREE = "00000000000000a1", "00000000000000b2", "00000000000000c3"
MEBIBYTE = 1_048_576
CONTENT = random.Random(7).randbytes(3 * MEBIBYTE + 12_345)
SNAPSHOT = f"skillhabit-odata:1:snapshot:{ONE}"
SECRET = b"s" * 32
CLOCK = Clock(lambda: datetime.now(UTC), time.monotonic)
HOLDER = [sys.executable, "-m", "tests.snapshots.holder"]


@dataclass
class Member:
    """One process of several: a folder with its snapshots, its peers, and what it said."""

    folder: Path
    watch: Watch = field(default_factory=Watch)

    def __post_init__(self) -> None:
        (self.folder / "building").mkdir(parents=True, exist_ok=True)

    @property
    def observer(self) -> Observer:
        return self.watch.observer

    @property
    def log(self) -> list[str]:
        return self.watch.log

    def path(self, snapshot_id: str = ONE) -> Path:
        return self.folder / f"{snapshot_id}.duckdb"

    def written(self, content: bytes = b"rows", snapshot_id: str = ONE) -> StoredTable:
        """A snapshot's file; peers do not look into it."""
        self.path(snapshot_id).write_bytes(content)
        return table(snapshot_id, size=len(content))

    def by_directory(self, patience: float = 30) -> DirectoryPeers:
        return DirectoryPeers(self.folder, WaitPolicy(patience), CLOCK, self.observer)

    def by_redis(self, url: str, policy: RedisPolicy | None = None) -> RedisPeers:
        drafts = self.folder / "building"
        return RedisPeers(url, drafts, policy or policy_of(), CLOCK, self.observer)

    def by_both(self, url: str) -> Peers:
        return NearAndFar(self.by_directory(), self.by_redis(url))


def policy_of(
    *,
    keep: float = 60,
    lease: float = 5,
    patience: float = 30,
    timeout: float = 1,
    pause: float = 0,
) -> RedisPolicy:
    link, turns = LinkPolicy(timeout, pause), WaitPolicy(patience)
    return RedisPolicy(keep, LeasePolicy(lease, turns), link)


def table(
    snapshot_id: str = ONE, scope: str = "scope", *, minutes: int = 0, size: int = 4
) -> StoredTable:
    extracted = taken(START + timedelta(minutes=minutes), since=START)
    return StoredTable(snapshot_id, key(scope, "FAILED"), extracted, 7, size, START)


@asynccontextmanager
async def queued(peers: Peers) -> AsyncIterator[asyncio.Event]:
    """Someone who waits for the lease behind this block; the event tells that it is theirs."""
    held = asyncio.Event()

    async def hold() -> None:
        async with peers.lease(key()):
            held.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(hold())
    try:
        yield held
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def joined(member: Member, url: str, policy: RedisPolicy) -> AsyncIterator[RedisPeers]:
    peers = member.by_redis(url, policy)
    try:
        yield peers
    finally:
        await peers.close()


@asynccontextmanager
async def pair(
    server: RedisServer, folder: Path, policy: RedisPolicy | None = None
) -> AsyncIterator[tuple[Member, RedisPeers, RedisPeers, Member]]:
    """Two processes on two machines."""
    one, other = Member(folder / "one"), Member(folder / "other")
    policy = policy or policy_of()
    async with (
        joined(one, server.url, policy) as mine,
        joined(other, server.url, policy) as theirs,
    ):
        yield one, mine, theirs, other
