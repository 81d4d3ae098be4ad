"""Snapshots and leases through a Redis that does its work."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from tests.docs.render import ROOT
from tests.snapshots.sharing import (
    CONTENT,
    HOLDER,
    MEBIBYTE,
    ONE,
    SECRET,
    SNAPSHOT,
    TWO,
    Member,
    joined,
    pair,
    policy_of,
    queued,
    table,
)
from tests.snapshots.tables import key
from tests.support.process import started
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.anyio


async def test_nothing_is_named_after_people_and_everything_expires(
    server: RedisServer, tmp_path: Path
) -> None:
    async with pair(server, tmp_path) as (one, mine, _, _):
        offered = replace(one.written(CONTENT), key=key("Jane's workspace", "jane@example.com"))
        async with mine.lease(offered.key):
            await mine.offer(offered, one.path())
            await mine.shared_secret(SECRET)
            names = server.names()
            assert len(names) == 4
            for name in names:
                assert name.startswith("skillhabit-odata:1:")
                assert "jane" not in name.lower()
                seconds = server.client.ttl(name)
                assert seconds is not None
                assert 0 < seconds <= 30 * 86_400


async def test_a_snapshot_is_kept_compressed(server: RedisServer, tmp_path: Path) -> None:
    async with pair(server, tmp_path) as (one, mine, _, _):
        await mine.offer(one.written(b"rows " * MEBIBYTE), one.path())
        used = server.client.memory_usage(SNAPSHOT)
        assert used is not None
        assert used < MEBIBYTE / 2


@pytest.mark.parametrize("size", [0, 1, MEBIBYTE - 1, MEBIBYTE, MEBIBYTE + 1])
async def test_a_file_of_any_size_comes_whole(
    server: RedisServer, tmp_path: Path, size: int
) -> None:
    async with pair(server, tmp_path) as (one, mine, theirs, other):
        await mine.offer(one.written(CONTENT[:size]), one.path())
        assert await theirs.fetch(table(), other.path())
        assert other.path().read_bytes() == CONTENT[:size]


async def test_it_stays_as_long_as_it_is_read(server: RedisServer, tmp_path: Path) -> None:
    async with pair(server, tmp_path, policy_of(keep=0.6)) as (one, mine, theirs, other):
        await mine.offer(one.written(), one.path())
        for _ in range(8):
            await asyncio.sleep(0.2)
            theirs.touch(ONE)
        assert await theirs.fetch(table(), other.path())
        await asyncio.sleep(0.8)
        assert await theirs.find("scope", ONE) is None
        assert await theirs.offers("scope") == ()


async def test_it_stays_as_long_as_a_link_may_come_back(
    server: RedisServer, tmp_path: Path
) -> None:
    """Neither a page that is read meanwhile nor another offer shortens that."""
    async with pair(server, tmp_path) as (one, mine, _, _):
        offered = one.written(CONTENT)
        await mine.offer(offered, one.path())
        mine.retain(ONE, 90_000)
        mine.retain(TWO, 90_000)  # which is not there
        mine.touch(ONE)
        await mine.offer(offered, one.path())
        await asyncio.sleep(0.2)
        left = server.client.ttl(SNAPSHOT)
        assert left is not None
        assert 89_000 < left <= 90_000
        mine.retain(ONE, 1)  # no reason to have it expire any sooner
        await asyncio.sleep(0.2)
        assert server.client.ttl(SNAPSHOT) > 89_000


async def test_touching_costs_one_call_in_a_while(server: RedisServer, tmp_path: Path) -> None:
    async with pair(server, tmp_path) as (one, mine, _, _):
        await mine.offer(one.written(), one.path())
        before = server.client.info("commandstats").get("cmdstat_pexpire", {"calls": 0})["calls"]
        for _ in range(1000):
            mine.touch(ONE)
        await asyncio.sleep(0.1)
        after = server.client.info("commandstats")["cmdstat_pexpire"]["calls"]
        assert after == before


async def test_what_is_gone_leaves_the_list(server: RedisServer, tmp_path: Path) -> None:
    async with pair(server, tmp_path) as (one, mine, theirs, _):
        for snapshot_id in (ONE, TWO):
            offered = one.written(snapshot_id=snapshot_id)
            await mine.offer(offered, one.path(snapshot_id))
        server.client.delete(SNAPSHOT)
        assert [found.id for found in await theirs.offers("scope")] == [TWO]
        (name,) = [name for name in server.names() if ":offers:" in name]
        assert server.client.zcard(name) == 1


async def test_a_lease_is_renewed_as_long_as_it_is_held(
    server: RedisServer, tmp_path: Path
) -> None:
    policy = policy_of(lease=0.4)
    async with (
        pair(server, tmp_path, policy) as (_, mine, theirs, _),
        mine.lease(key()),
        queued(theirs) as held,
    ):
        await asyncio.sleep(1.5)
        assert not held.is_set()


async def test_a_lease_that_redis_lost_is_taken_again(server: RedisServer, tmp_path: Path) -> None:
    policy = policy_of(lease=0.6)
    async with pair(server, tmp_path, policy) as (_, mine, theirs, _), mine.lease(key()):
        server.client.flushall()
        await asyncio.sleep(0.4)
        async with queued(theirs) as held:
            await asyncio.sleep(1)
            assert not held.is_set()


async def test_a_process_that_stands_still_loses_its_lease_and_frees_nothing(
    server: RedisServer, tmp_path: Path
) -> None:
    member = Member(tmp_path / "one")
    command = [*HOLDER, "redis", server.url, "0.1"]
    async with joined(member, server.url, policy_of()) as peers:
        with started(command, cwd=tmp_path, environment={"PYTHONPATH": str(ROOT)}) as process:
            await asyncio.to_thread(process.wait_for, "(held)")
            process.signal(signal.SIGSTOP)
            async with asyncio.timeout(5), peers.lease(key()):
                (name,) = [name for name in server.names() if ":lease:" in name]
                mine = server.client.get(name)
                process.signal(signal.SIGCONT)
                await asyncio.to_thread(process.wait_for, "(free)")
                assert server.client.get(name) == mine
        assert server.names() == []


async def test_a_secret_that_is_none_is_not_taken(server: RedisServer, tmp_path: Path) -> None:
    async with pair(server, tmp_path) as (_, mine, theirs, _):
        assert await mine.shared_secret(SECRET) == SECRET
        (name,) = server.names()
        server.client.set(name, b"short")
        assert await theirs.shared_secret(b"t" * 32) is None
