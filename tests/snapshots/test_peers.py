"""What holds for all who share snapshots, however they do it."""

from __future__ import annotations

import asyncio
import math
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.snapshots.peers.directory import DirectoryPeers
from gateway.snapshots.peers.interface import Alone, NearAndFar, Peers
from gateway.snapshots.peers.selection import Sharing, build_peers
from tests.docs.render import ROOT
from tests.snapshots.sharing import CLOCK, HOLDER, ONE, THREE, TWO, Member, queued, table
from tests.snapshots.tables import key
from tests.support.process import Process, started
from tests.support.redis_server import running_redis

pytestmark = pytest.mark.anyio
CONTENT = bytes(range(256)) * 20_000
KINDS = ("directory", "redis", "both")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(kind: str, tmp_path: Path) -> Iterator[str]:
    if kind == "directory":
        yield ""
        return
    with running_redis(tmp_path) as server:
        yield server.url


@asynccontextmanager
async def two(
    kind: str, url: str, folder: Path
) -> AsyncIterator[tuple[Member, Peers, Peers, Member]]:
    """Two processes: with a Redis between them on two machines, else on one."""
    one = Member(folder / "one")
    other = Member(folder / ("one" if kind == "directory" else "other"))

    def by(member: Member) -> Peers:
        match kind:
            case "directory":
                return member.by_directory()
            case "redis":
                return member.by_redis(url)
        return member.by_both(url)

    mine, theirs = by(one), by(other)
    try:
        yield one, mine, theirs, other
    finally:
        await mine.close()
        await theirs.close()
    assert one.log == []
    assert other.log == []


async def test_what_one_offers_another_finds_and_has_byte_for_byte(
    kind: str, url: str, tmp_path: Path
) -> None:
    async with two(kind, url, tmp_path) as (one, mine, theirs, other):
        offered = one.written(CONTENT)
        assert await theirs.offers("scope") == ()
        for _ in range(2):
            await mine.offer(offered, one.path())
        assert await theirs.offers("scope") == (offered,)
        assert await theirs.find("scope", ONE) == offered
        assert await theirs.fetch(offered, other.path())
        assert other.path().read_bytes() == CONTENT
        assert other.path().stat().st_mode & 0o077 == 0 or kind == "directory"
        assert list((other.folder / "building").iterdir()) == []


async def test_offers_come_youngest_first_and_each_once(
    kind: str, url: str, tmp_path: Path
) -> None:
    async with two(kind, url, tmp_path) as (one, mine, theirs, other):
        for minutes, snapshot_id in ((5, ONE), (9, TWO), (1, THREE)):
            one.written(snapshot_id=snapshot_id)
            await mine.offer(table(snapshot_id, minutes=minutes), one.path(snapshot_id))
        for offered in await theirs.offers("scope"):
            assert await theirs.fetch(offered, other.path(offered.id))
        assert [offered.id for offered in await mine.offers("scope")] == [TWO, ONE, THREE]
        assert [offered.id for offered in await theirs.offers("scope")] == [TWO, ONE, THREE]


async def test_an_extract_that_found_no_change_makes_an_offer_younger(
    kind: str, url: str, tmp_path: Path
) -> None:
    async with two(kind, url, tmp_path) as (one, mine, theirs, other):
        one.written()
        for minutes in (0, 5, 3):
            await mine.offer(table(minutes=minutes), one.path())
        assert await theirs.offers("scope") == (table(minutes=5),)
        assert await theirs.fetch(table(), other.path())


async def test_a_next_link_waits_for_a_snapshot_that_another_makes(
    kind: str, url: str, tmp_path: Path
) -> None:
    async with two(kind, url, tmp_path) as (one, mine, theirs, _):
        async with mine.making(ONE):
            finding = asyncio.create_task(theirs.find("scope", ONE))
            await asyncio.sleep(0.3)
            assert not finding.done()
            assert await theirs.find("scope", TWO) is None
            await mine.offer(one.written(), one.path())
        async with asyncio.timeout(5):
            assert await finding == table()


async def test_a_next_link_does_not_wait_for_an_extract_that_failed(
    kind: str, url: str, tmp_path: Path
) -> None:
    async with two(kind, url, tmp_path) as (one, mine, theirs, _):
        with suppress(ZeroDivisionError):
            async with mine.making(ONE):
                finding = asyncio.create_task(theirs.find("scope", ONE))
                await asyncio.sleep(0.1)
                raise ZeroDivisionError
        async with asyncio.timeout(5):
            assert await finding is None
        assert [*one.folder.rglob("*.making")] == []


async def test_another_scope_sees_nothing(kind: str, url: str, tmp_path: Path) -> None:
    async with two(kind, url, tmp_path) as (one, mine, theirs, _):
        await mine.offer(one.written(), one.path())
        assert await theirs.offers("other scope") == ()
        assert await theirs.find("other scope", ONE) is None
        assert await theirs.find("scope", TWO) is None
        assert await theirs.find("scope", "../one") is None


async def test_what_is_withdrawn_is_gone_for_all(kind: str, url: str, tmp_path: Path) -> None:
    async with two(kind, url, tmp_path) as (one, mine, theirs, other):
        offered = one.written()
        await mine.offer(offered, one.path())
        one.path().unlink()
        await mine.withdraw(ONE)
        assert await theirs.find("scope", ONE) is None
        assert await theirs.offers("scope") == ()
        assert not await theirs.fetch(offered, other.path())
        assert not other.path().exists()


async def test_one_at_a_time_extracts_the_same(kind: str, url: str, tmp_path: Path) -> None:
    inside: list[int] = []
    turns = 0

    async def work(peers: Peers) -> None:
        nonlocal turns
        async with peers.lease(key()):
            inside.append(1)
            assert len(inside) == 1
            await asyncio.sleep(0.02)
            inside.pop()
            turns += 1

    async with two(kind, url, tmp_path) as (_, mine, theirs, _), asyncio.timeout(30):
        await asyncio.gather(*(work(peers) for peers in (mine, theirs) for _ in range(4)))
    assert turns == 8


async def test_different_extracts_run_side_by_side(kind: str, url: str, tmp_path: Path) -> None:
    async with two(kind, url, tmp_path) as (_, mine, theirs, _), asyncio.timeout(10):
        async with mine.lease(key()), theirs.lease(key(state="FAILED")):
            pass
        async with mine.lease(key()), theirs.lease(key(scope="other")):
            pass


async def test_a_lease_ends_when_its_work_fails_or_is_cancelled(
    kind: str, url: str, tmp_path: Path
) -> None:
    async with two(kind, url, tmp_path) as (_, mine, theirs, _), asyncio.timeout(10):
        with pytest.raises(ZeroDivisionError):
            async with mine.lease(key()):
                raise ZeroDivisionError
        async with queued(mine) as held:
            await held.wait()
            async with queued(theirs) as waiting:
                await asyncio.sleep(0.1)
            assert not waiting.is_set()
        async with theirs.lease(key()):
            pass


async def test_all_agree_on_one_secret(kind: str, url: str, tmp_path: Path) -> None:
    async with two(kind, url, tmp_path) as (_, mine, theirs, _):
        proposal = b"1" * 32
        assert await mine.shared_secret(proposal) == proposal
        assert (
            await theirs.shared_secret(proposal if kind == "directory" else b"2" * 32) == proposal
        )


async def test_reading_and_forgetting_what_is_not_there_is_no_trouble(
    kind: str, url: str, tmp_path: Path
) -> None:
    async with two(kind, url, tmp_path) as (_, mine, theirs, other):
        mine.touch(ONE)
        assert mine.idle_seconds(ONE) == math.inf
        assert mine.retained_seconds(ONE) == 0
        mine.retain(ONE, 100)
        await mine.forget(ONE)
        assert mine.retained_seconds(ONE) == 0
        await mine.withdraw(ONE)
        assert not await theirs.fetch(table(), other.path())


@pytest.mark.parametrize("kind", ["both"])
async def test_what_one_brought_from_afar_all_of_its_machine_have(
    kind: str, url: str, tmp_path: Path
) -> None:
    async with two(kind, url, tmp_path) as (one, mine, theirs, other):
        offered = one.written(CONTENT)
        await mine.offer(offered, one.path())
        assert await theirs.fetch(offered, other.path())
        assert await theirs.fetch(offered, other.path())  # now from its own directory
        neighbour = other.by_directory()
        assert await neighbour.offers("scope") == (offered,)
        theirs.touch(ONE)
        assert neighbour.idle_seconds(ONE) < 10
        assert theirs.idle_seconds(ONE) < 10
        theirs.retain(ONE, 1000)
        for promised in (theirs, neighbour):
            assert 990 < promised.retained_seconds(ONE) <= 1000
        await mine.forget(ONE)  # by the one who made it
        assert await theirs.find("scope", ONE) == offered


@pytest.mark.parametrize("kind", ["directory", "redis"])
async def test_a_killed_process_lets_go_of_its_lease_and_its_extract(
    kind: str, url: str, tmp_path: Path
) -> None:
    async with two(kind, url, tmp_path) as (one, _, theirs, _):
        with holder(kind, url or str(one.folder), tmp_path) as process:
            async with queued(theirs) as held:
                finding = asyncio.create_task(theirs.find("scope", ONE))
                await asyncio.sleep(1.5 if kind == "redis" else 0.3)  # longer than a lease is
                assert not held.is_set()
                assert not finding.done()
                process.stop(signal.SIGKILL)
                async with asyncio.timeout(0.5 if kind == "directory" else 3):
                    await held.wait()
                    assert await finding is None


@contextmanager
def holder(kind: str, place: str, cwd: Path) -> Iterator[Process]:
    """A process that has the lease."""
    with started(
        [*HOLDER, kind, place, "60"], cwd=cwd, environment={"PYTHONPATH": str(ROOT)}
    ) as process:
        process.wait_for("(held)")
        yield process


async def test_alone_nobody_waits_and_nobody_has_anything(tmp_path: Path) -> None:
    alone: Peers = Alone()
    async with alone.lease(key()), alone.lease(key()), alone.making(ONE):
        await alone.offer(table(), tmp_path / "file")
    assert await alone.offers("scope") == ()
    assert await alone.find("scope", ONE) is None
    assert not await alone.fetch(table(), tmp_path / "file")
    assert await alone.shared_secret(b"1" * 32) is None
    alone.touch(ONE)
    assert alone.idle_seconds(ONE) == math.inf
    alone.retain(ONE, 100)
    assert alone.retained_seconds(ONE) == 0
    await alone.forget(ONE)
    await alone.withdraw(ONE)
    await alone.close()


def test_peers_are_built_by_what_is_shared(tmp_path: Path) -> None:
    observer = Member(tmp_path / "one").observer
    sharing = Sharing(tmp_path, 60)
    assert isinstance(build_peers(None, CLOCK, observer), Alone)
    assert isinstance(build_peers(sharing, CLOCK, observer), DirectoryPeers)
    far = replace(sharing, redis="redis://:open-sesame@127.0.0.1:1")
    assert isinstance(build_peers(far, CLOCK, observer), NearAndFar)
    assert "sesame" not in repr(far)


def test_who_needs_no_redis_does_not_load_its_client() -> None:
    imports = "import sys, gateway.cli, gateway.snapshots.peers.selection"
    text = f"{imports}; sys.exit('redis' in sys.modules)"
    subprocess.run([sys.executable, "-c", text], cwd=ROOT, check=True, timeout=60)
