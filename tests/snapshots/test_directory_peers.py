"""A data directory that several processes use at once."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import time
from pathlib import Path

import pytest

from gateway.snapshots.peers.directory import DirectoryPeers
from tests.docs.render import ROOT
from tests.snapshots.sharing import HOLDER, ONE, TWO, Member, queued, table
from tests.snapshots.tables import key
from tests.support.process import started

pytestmark = pytest.mark.anyio


@pytest.fixture
def member(tmp_path: Path) -> Member:
    return Member(tmp_path / "data")


@pytest.fixture
def peers(member: Member) -> DirectoryPeers:
    return member.by_directory()


async def test_an_offer_is_for_its_owner_only(member: Member, peers: DirectoryPeers) -> None:
    await peers.offer(member.written(), member.path())
    assert (member.folder / f"{ONE}.offer").stat().st_mode & 0o077 == 0


async def test_reading_is_seen_by_others_at_once(member: Member, peers: DirectoryPeers) -> None:
    other = member.by_directory()
    await peers.offer(member.written(), member.path())
    old = time.time() - 1000
    os.utime(member.folder / f"{ONE}.offer", (old, old))
    assert 999 < other.idle_seconds(ONE) < 1100
    peers.touch(ONE)
    assert other.idle_seconds(ONE) < 100


async def test_a_page_after_another_costs_no_second_mark(
    member: Member, peers: DirectoryPeers
) -> None:
    await peers.offer(member.written(), member.path())
    peers.touch(ONE)
    os.utime(member.folder / f"{ONE}.offer", (0, 0))
    for _ in range(100):
        peers.touch(ONE)
    assert peers.idle_seconds(ONE) > 1e9


async def test_a_promise_is_known_to_others_and_ends(member: Member, peers: DirectoryPeers) -> None:
    """By its file: a process that comes later knows of it, too."""
    await peers.offer(member.written(), member.path())
    peers.retain(ONE, 1000)
    assert 990 < member.by_directory().retained_seconds(ONE) <= 1000
    assert (member.folder / f"{ONE}.promise").stat().st_mode & 0o077 == 0
    peers.retain(ONE, 0)
    assert member.by_directory().retained_seconds(ONE) == 0
    await peers.forget(ONE)
    assert not (member.folder / f"{ONE}.promise").exists()


async def test_a_promise_that_cannot_be_written_is_told(
    member: Member, peers: DirectoryPeers
) -> None:
    (member.folder / f"{ONE}.promise").symlink_to(member.folder / "nowhere" / "file")
    peers.retain(ONE, 1000)
    assert "may be evicted after a restart" in member.watch.log[-1]
    assert peers.retained_seconds(ONE) == 0


async def test_what_was_dropped_is_no_offer_and_leaves_nothing(
    member: Member, peers: DirectoryPeers
) -> None:
    other = member.by_directory()
    await peers.offer(member.written(), member.path())
    assert len(await other.offers("scope")) == 1
    member.path().unlink()  # its process died before it could forget it
    assert await other.find("scope", ONE) is None
    assert await other.offers("scope") == ()
    other.touch(ONE)
    assert other.idle_seconds(ONE) == math.inf
    assert [*member.folder.glob(f"{ONE}.*")] == []


@pytest.mark.parametrize(
    "text",
    [b"", b"{}", b"\xff\xfe", b'{"id": 1}', b"[]"],
)
async def test_an_offer_that_cannot_be_read_is_none(
    member: Member, peers: DirectoryPeers, text: bytes
) -> None:
    member.written()
    (member.folder / f"{ONE}.offer").write_bytes(text)
    assert await peers.offers("scope") == ()


async def test_an_offer_counts_only_for_its_own_file(member: Member, peers: DirectoryPeers) -> None:
    await peers.offer(member.written(), member.path())
    member.written(snapshot_id=TWO)
    text = (member.folder / f"{ONE}.offer").read_bytes()
    (member.folder / f"{TWO}.offer").write_bytes(text)
    (member.folder / "notes.offer").write_bytes(text)
    assert [found.id for found in await peers.offers("scope")] == [ONE]
    (member.folder / f"{ONE}.offer").write_bytes(text.replace(b"format", b"fashion"))
    assert await peers.offers("scope") == ()


async def test_a_file_of_another_folder_is_not_here(
    member: Member, peers: DirectoryPeers, tmp_path: Path
) -> None:
    offered = member.written()
    assert await peers.fetch(offered, member.path())
    assert not await peers.fetch(offered, tmp_path / f"{ONE}.duckdb")
    assert not await peers.fetch(table(TWO), member.path(TWO))


async def test_a_directory_without_locks_stops_nobody(
    member: Member, peers: DirectoryPeers
) -> None:
    (member.folder / "leases").write_text("a file is in the way")
    async with peers.lease(key()), peers.lease(key()):
        pass
    assert "cannot be coordinated" in member.log[0]
    (member.folder / "leases").unlink()
    (member.folder / "leases" / f"{ONE}.making").mkdir(parents=True)
    assert await peers.find("scope", ONE) is None


async def test_a_directory_that_takes_no_offer_stops_nobody(
    member: Member, peers: DirectoryPeers
) -> None:
    offered = member.written()
    (member.folder / "building").rmdir()
    (member.folder / "building").write_text("a file is in the way")
    await peers.offer(offered, member.path())
    assert f"snapshot {ONE} cannot be offered to other processes" in member.log[0]


async def test_who_hangs_with_a_lease_is_not_waited_for_for_ever(member: Member) -> None:
    patient, impatient = member.by_directory(), member.by_directory(patience=0.3)
    async with patient.lease(key()):
        begun = time.monotonic()
        async with impatient.lease(key()):
            assert 0.3 <= time.monotonic() - begun < 3
        assert "stopped waiting" in member.log[0]
        async with queued(member.by_directory()) as held:
            await asyncio.sleep(0.2)
            assert not held.is_set()  # the impatient one has freed nothing


async def test_a_process_that_stands_still_keeps_its_lease(
    member: Member, peers: DirectoryPeers, tmp_path: Path
) -> None:
    command = [*HOLDER, "directory", str(member.folder), "0.2"]
    with started(command, cwd=tmp_path, environment={"PYTHONPATH": str(ROOT)}) as process:
        await asyncio.to_thread(process.wait_for, "(held)")
        process.signal(signal.SIGSTOP)
        async with queued(peers) as held, asyncio.timeout(10):
            await asyncio.sleep(0.5)
            assert not held.is_set()
            process.signal(signal.SIGCONT)
            await held.wait()
