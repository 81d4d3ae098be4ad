"""A Redis that is away, slow, or refuses, and comes back."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
import trustme

from gateway.snapshots.peers.redis import RedisPeers
from tests.snapshots.sharing import (
    CONTENT,
    ONE,
    SECRET,
    TWO,
    Member,
    joined,
    pair,
    policy_of,
    queued,
    table,
)
from tests.snapshots.tables import key
from tests.support.redis_server import RedisServer, SlowProxy, running_redis

pytestmark = pytest.mark.anyio


async def everything(peers: RedisPeers, member: Member) -> None:
    """Each method once, with the answer of one who stands alone."""
    async with peers.lease(key()):
        await peers.offer(member.written(), member.path())
    assert await peers.offers("scope") == ()
    assert await peers.find("scope", ONE) is None
    assert not await peers.fetch(table(), member.path(TWO))
    assert await peers.shared_secret(SECRET) is None
    peers.touch(ONE)
    await peers.withdraw(ONE)
    await peers.forget(ONE)


async def test_without_a_redis_everyone_stands_alone_and_is_told_once(tmp_path: Path) -> None:
    member = Member(tmp_path / "one")
    async with joined(member, "redis://127.0.0.1:1", policy_of()) as peers:
        for _ in range(3):
            await everything(peers, member)
    assert member.log == [
        "redis://127.0.0.1:1 cannot be used (no connection): this process shares nothing with"
        " other machines until it can"
    ]


async def test_a_redis_that_dies_and_comes_back_is_told_of_twice(
    server: RedisServer, tmp_path: Path
) -> None:
    async with pair(server, tmp_path) as (one, mine, theirs, other):
        await mine.offer(one.written(CONTENT), one.path())
        await mine.shared_secret(SECRET)
        server.kill()
        await everything(mine, one)
        server.start()
        assert await mine.find("scope", ONE) is None  # it is empty
        await mine.offer(table(), one.path())
        assert await theirs.fetch(table(), other.path())
        assert await theirs.shared_secret(b"t" * 32) == SECRET
        assert len(one.log) == 2
        assert "shares nothing" in one.log[0]
        assert "can be used again" in one.log[1]
        assert other.log == []  # a lost connection is no outage


async def test_a_redis_that_dies_under_a_lease_stops_nobody(
    server: RedisServer, tmp_path: Path
) -> None:
    async with (
        pair(server, tmp_path, policy_of(lease=0.3)) as (_, mine, theirs, _),
        mine.lease(key()),
        queued(theirs) as held,
        asyncio.timeout(5),
    ):
        await asyncio.sleep(0.5)
        assert not held.is_set()
        server.kill()
        await held.wait()


async def test_a_redis_that_stands_still_costs_one_timeout_and_then_nothing(
    server: RedisServer, tmp_path: Path
) -> None:
    member = Member(tmp_path / "one")
    proxy = SlowProxy(server.port)
    policy = policy_of(timeout=0.3, pause=30)
    async with (
        proxy.running(),
        joined(member, f"redis://127.0.0.1:{proxy.port}", policy) as peers,
    ):
        assert await peers.shared_secret(SECRET) == SECRET
        proxy.flowing.clear()
        begun = time.monotonic()
        for _ in range(20):
            await everything(peers, member)
        assert 0.3 <= time.monotonic() - begun < 2
        proxy.flowing.set()
    assert len(member.log) == 1
    assert "no response within 0.3 seconds" in member.log[0]


async def test_after_a_pause_it_is_asked_again(server: RedisServer, tmp_path: Path) -> None:
    member = Member(tmp_path / "one")
    async with joined(member, server.url, policy_of(pause=0.5)) as peers:
        server.kill()
        assert await peers.shared_secret(SECRET) is None
        server.start()
        assert await peers.shared_secret(SECRET) is None
        await asyncio.sleep(0.6)
        assert await peers.shared_secret(SECRET) == SECRET


async def test_a_redis_that_only_answers_with_errors_is_an_outage(
    server: RedisServer, tmp_path: Path
) -> None:
    member = Member(tmp_path / "one")
    server.client.config_set("min-replicas-to-write", "1")
    async with joined(member, server.url, policy_of()) as peers:
        await peers.offer(member.written(), member.path())
    assert len([line for line in member.log if "shares nothing" in line]) == 1
    assert "responds with an error" in member.log[0]


async def test_who_is_told_to_end_as_redis_answers_ends(
    server: RedisServer, tmp_path: Path
) -> None:
    async with pair(server, tmp_path) as (_, mine, theirs, _), mine.lease(key()):
        for number in range(200):
            task = asyncio.create_task(theirs.lease(key()).__aenter__())
            for _ in range(number % 40):
                await asyncio.sleep(0)
            task.cancel()
            async with asyncio.timeout(2):
                await asyncio.gather(task, return_exceptions=True)


async def test_a_password_is_never_told(tmp_path: Path) -> None:
    member = Member(tmp_path / "one")
    with running_redis(tmp_path, password="open-sesame") as server:
        async with joined(member, server.url, policy_of()) as peers:
            assert await peers.shared_secret(SECRET) == SECRET
        wrong = server.url.replace("sesame", "barley")
        async with joined(member, wrong, policy_of()) as peers:
            assert await peers.shared_secret(SECRET) is None
            told = f"{peers!r} {vars(peers)!r} {member.log}"
    assert "refuses the user name or the password" in member.log[0]
    assert "barley" not in told
    assert "sesame" not in told


async def test_a_redis_behind_tls_must_prove_who_it_is(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    files = {name: str(tmp_path / name) for name in ("ca.pem", "cert.pem", "key.pem")}
    authority.cert_pem.write_to_path(files["ca.pem"])
    certificate.private_key_pem.write_to_path(files["key.pem"])
    certificate.cert_chain_pems[0].write_to_path(files["cert.pem"])
    options = (
        *("--tls-cert-file", files["cert.pem"], "--tls-key-file", files["key.pem"]),
        *("--tls-ca-cert-file", files["ca.pem"], "--tls-auth-clients", "no"),
    )
    with running_redis(tmp_path) as probe:  # a free port that Redis will listen on with TLS
        port = probe.port
    with running_redis(tmp_path, *options, "--tls-port", str(port)):
        member = Member(tmp_path / "one")
        url = f"rediss://127.0.0.1:{port}"
        async with joined(member, f"{url}?ssl_ca_certs={files['ca.pem']}", policy_of()) as peers:
            assert await peers.shared_secret(SECRET) == SECRET
        assert member.log == []
        async with joined(member, url, policy_of()) as peers:
            assert await peers.shared_secret(SECRET) is None
        assert len(member.log) == 1
