"""A Redis that is full, evicts, is emptied, or holds what is damaged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import redis

from tests.snapshots.sharing import (
    CONTENT,
    ONE,
    SNAPSHOT,
    TWO,
    Member,
    joined,
    pair,
    policy_of,
    table,
)
from tests.support.redis_server import RedisServer, SlowProxy, running_redis

pytestmark = pytest.mark.anyio


def field_of(client: redis.Redis, field: str) -> bytes:
    found = client.hget(SNAPSHOT, field)
    assert isinstance(found, bytes)
    return found


def flip(client: redis.Redis, field: str) -> None:
    """Change one bit in the middle of a chunk."""
    chunk = bytearray(field_of(client, field))
    chunk[len(chunk) // 2] ^= 1
    client.hset(SNAPSHOT, field, bytes(chunk))


def swap(client: redis.Redis) -> None:
    first, second = field_of(client, "0"), field_of(client, "1")
    client.hset(SNAPSHOT, mapping={"0": second, "1": first})


def shorten(client: redis.Redis) -> None:
    client.hset(SNAPSHOT, "3", field_of(client, "3")[:-9])


def drop_last(client: redis.Redis) -> None:
    manifest = msgspec.json.decode(field_of(client, "manifest"))
    manifest["chunks"] -= 1
    client.hset(SNAPSHOT, "manifest", msgspec.json.encode(manifest))


DAMAGES: dict[str, tuple[Callable[[redis.Redis], object], str]] = {
    "a bit": (lambda client: flip(client, "1"), "a chunk is damaged"),
    "the order": (swap, "do not match its digest"),
    "the end of a chunk": (shorten, "a chunk is damaged"),
    "a chunk": (lambda client: client.hdel(SNAPSHOT, "2"), "chunk 3 of 4 is missing"),
    "the last chunk, unnoticed": (drop_last, "do not match its digest"),
    "all of a chunk": (lambda client: client.hset(SNAPSHOT, "0", b""), "a chunk is damaged"),
}


@pytest.mark.parametrize(("damage", "reason"), DAMAGES.values(), ids=DAMAGES)
async def test_what_is_damaged_is_not_used_and_taken_away(
    server: RedisServer, tmp_path: Path, damage: Callable[[redis.Redis], object], reason: str
) -> None:
    async with pair(server, tmp_path) as (one, mine, theirs, other):
        offered = one.written(CONTENT)
        await mine.offer(offered, one.path())
        damage(server.client)
        assert not await theirs.fetch(offered, other.path())
        assert [*other.folder.rglob("*.*")] == []
        assert len(other.log) == 1
        assert reason in other.log[0]
        assert await mine.find("scope", ONE) is None
        await mine.offer(offered, one.path())  # and can be offered anew
        assert await theirs.fetch(offered, other.path())


@pytest.mark.parametrize("text", [b"", b"{}", b"\xff", b"[1]"])
async def test_a_manifest_that_cannot_be_read_is_no_offer(
    server: RedisServer, tmp_path: Path, text: bytes
) -> None:
    async with pair(server, tmp_path) as (one, mine, theirs, other):
        await mine.offer(one.written(), one.path())
        server.client.hset(SNAPSHOT, "manifest", text)
        assert await theirs.find("scope", ONE) is None
        assert await theirs.offers("scope") == ()
        assert not await theirs.fetch(table(), other.path())


@pytest.mark.parametrize(
    ("old", "new"),
    [('"format": ', '"format": 1'), ("values", "shades"), ('"rows"', '"lines"'), ("{", "[")],
)
async def test_what_this_gateway_cannot_read_is_passed_over(
    server: RedisServer, tmp_path: Path, old: str, new: str
) -> None:
    async with pair(server, tmp_path) as (one, mine, theirs, _):
        await mine.offer(one.written(), one.path())
        manifest = msgspec.json.decode(field_of(server.client, "manifest"))
        manifest["offer"]["facts"] = manifest["offer"]["facts"].replace(old, new)
        server.client.hset(SNAPSHOT, "manifest", msgspec.json.encode(manifest))
        assert await theirs.find("scope", ONE) is None
        assert await theirs.offers("scope") == ()


@pytest.mark.parametrize("other_id", [TWO, "../../../tmp/x", ""])
async def test_an_offer_under_a_foreign_id_is_passed_over(
    server: RedisServer, tmp_path: Path, other_id: str
) -> None:
    async with pair(server, tmp_path) as (one, mine, theirs, _):
        await mine.offer(one.written(), one.path())
        server.client.copy(SNAPSHOT, SNAPSHOT.replace(ONE, other_id))
        (name,) = [name for name in server.names() if ":offers:" in name]
        server.client.zadd(name, {other_id: 1})
        assert await theirs.find("scope", other_id) is None
        assert [found.id for found in await theirs.offers("scope")] == [ONE]
        manifest = msgspec.json.decode(field_of(server.client, "manifest"))
        manifest["offer"]["id"] = other_id
        server.client.hset(SNAPSHOT, "manifest", msgspec.json.encode(manifest))
        assert await theirs.find("scope", ONE) is None


async def test_a_redis_that_is_emptied_in_the_middle_of_a_download(
    server: RedisServer, tmp_path: Path
) -> None:
    one, other = Member(tmp_path / "one"), Member(tmp_path / "other")
    proxy = SlowProxy(server.port)
    async with (
        proxy.running(),
        joined(one, server.url, policy_of()) as mine,
        joined(other, f"redis://127.0.0.1:{proxy.port}", policy_of()) as theirs,
    ):
        offered = one.written(CONTENT)
        await mine.offer(offered, one.path())
        assert await theirs.find("scope", ONE) == offered
        proxy.rate = 8e6
        download = asyncio.create_task(theirs.fetch(offered, other.path()))
        await until(lambda: any(p.stat().st_size for p in other.folder.glob("building/*")))
        server.client.flushall()
        proxy.rate = 1e12
        assert not await download
        assert [*other.folder.rglob("*.*")] == []
        assert "is missing" in other.log[0]


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - it is a file's
            await asyncio.sleep(0.005)


async def test_a_full_redis_keeps_no_half(tmp_path: Path) -> None:
    with running_redis(tmp_path, "--maxmemory", "4mb") as server:
        async with pair(server, tmp_path) as (one, mine, theirs, other):
            offered = one.written(CONTENT)
            await mine.offer(offered, one.path())
            assert one.log == [
                f"snapshot {ONE} is not shared through Redis: Redis has no room for it"
            ]
            assert not await theirs.fetch(offered, other.path())
            assert SNAPSHOT not in server.names()


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl", "allkeys-random"])
async def test_a_redis_that_evicts_gives_whole_snapshots_or_none(
    tmp_path: Path, policy: str
) -> None:
    with running_redis(
        tmp_path, "--maxmemory", "8mb", "--maxmemory-policy", policy, "--maxmemory-samples", "1"
    ) as server:
        async with pair(server, tmp_path) as (one, mine, theirs, other):
            for number in range(6):
                snapshot_id = f"{number:016x}"
                offered = one.written(CONTENT, snapshot_id)
                await mine.offer(offered, one.path(snapshot_id))
            kept = [found.id for found in await theirs.offers("scope")]
            assert len(kept) < 6
            for snapshot_id in kept:
                path = other.path(snapshot_id)
                if await theirs.fetch(table(snapshot_id), path):
                    assert path.read_bytes() == CONTENT


async def test_a_draft_that_cannot_be_written_is_told(server: RedisServer, tmp_path: Path) -> None:
    async with pair(server, tmp_path) as (one, mine, theirs, other):
        offered = one.written()
        await mine.offer(offered, one.path())
        (other.folder / "building").rmdir()
        assert not await theirs.fetch(offered, other.path())
        (other.folder / "building").mkdir()
        other.path().mkdir()
        await mine.offer(offered, one.path())
        assert not await theirs.fetch(offered, other.path())
        one.path(TWO).mkdir()
        await mine.offer(table(TWO), one.path(TWO))
    assert "No such file" in other.log[0]
    assert "cannot be moved to the data directory" in other.log[1]
    assert "not shared" in one.log[0]
