"""Feeds that are read while their extract is still running, fails, goes on, or ends."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.errors import UpstreamBrokeContract, UpstreamUnavailable
from gateway.planner.pushdown import Pushdown, PushedValues
from gateway.snapshots.freshness import FreshnessPolicy
from tests.analytics.moving import Version
from tests.snapshots.feeds import PAGE, Feeds, feeds

pytestmark = pytest.mark.anyio

FAILED = Pushdown((PushedValues("state", ("A",)),))


@pytest.fixture(params=["memory", "directory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path if request.param == "directory" else None


def natural(f: Feeds) -> list[Version]:
    return sorted(f.upstream.rows.values(), key=lambda row: (-row.changed.timestamp(), row.id))


async def test_the_first_page_comes_before_the_extract_ends(place: Path | None) -> None:
    async with feeds(place) as f:
        f.upstream.stops_at = 3
        async with f.first() as snapshot:
            assert snapshot.status == "fwd=miss; detail=reading"
            assert not snapshot.is_complete
            rows, is_last = await f.page(snapshot, 0)
            assert rows == natural(f)[: len(rows)]
            assert 0 < len(rows) <= PAGE
            assert not is_last
        f.upstream.gate.set()
        assert rows + await f.rest(snapshot.id, len(rows)) == natural(f)
        assert f.upstream.called == 11
        await f.tidied()


async def test_who_comes_early_and_who_waits_get_one_extract(place: Path | None) -> None:
    async with feeds(place) as f, AsyncExitStack() as stack:
        f.upstream.stops_at = 3
        waiter = asyncio.create_task(_whole(f))
        early = await stack.enter_async_context(f.first())
        again = await stack.enter_async_context(f.first())
        assert early.id == again.id
        assert not waiter.done()
        f.upstream.gate.set()
        assert await waiter == (early.id, natural(f))
        rows, _ = await f.page(early, 0)
        assert rows == natural(f)[:PAGE]


async def _whole(f: Feeds) -> tuple[str, list[Version]]:
    async with f.first(early=False) as snapshot:
        assert snapshot.is_complete
        return snapshot.id, await f.rest(snapshot.id, 0)


async def test_an_early_reader_keeps_what_it_reads_while_others_want_its_room(
    place: Path | None,
) -> None:
    async with feeds(place, budget=1) as f:
        f.upstream.stops_at = 3
        async with f.first() as snapshot:
            f.upstream.gate.set()
            await f.at_rest()
            for scope in ("other", "another"):
                async with f.first(scope=scope, early=False):
                    pass
            rows, _ = await f.page(snapshot, 0)
            assert rows == natural(f)[:PAGE]
        async with f.first(scope="one more", early=False):
            pass
        assert await f.next(snapshot.id, PAGE) is None


async def test_a_row_that_changes_is_there_once_and_in_the_end_of_one_moment(
    place: Path | None,
) -> None:
    async with feeds(place) as f:
        f.upstream.stops_at = 4
        async with f.first() as snapshot:
            first, _ = await f.page(snapshot, 0)
        for _ in range(20):
            f.upstream.touch()
        f.upstream.insert()
        f.upstream.gate.set()
        keys = [row.id for row in first + await f.rest(snapshot.id, len(first))]
        assert sorted(keys) == sorted(f.upstream.rows)
        _, whole = await _whole(f)
        assert whole == natural(f)


async def test_what_fails_half_way_goes_on_when_it_is_wanted_again(place: Path | None) -> None:
    async with feeds(place) as f:
        f.upstream.stops_at = 5
        async with f.first() as snapshot:
            rows, _ = await f.page(snapshot, 0)
            f.upstream.is_down = True
            f.upstream.gate.set()
            with pytest.raises(UpstreamUnavailable, match="down") as failure:
                await f.page(snapshot, 5 * PAGE)
            assert failure.value.retry_after_seconds == 5
        for _ in range(3):
            with pytest.raises(UpstreamUnavailable):
                await f.rest(snapshot.id, len(rows))
        f.wait(590)
        f.upstream.is_down = False
        asked = len(f.upstream.requests)
        assert rows + await f.rest(snapshot.id, len(rows)) == natural(f)
        assert asked + len(f.upstream.requests[asked:]) <= 13
        await f.tidied()


async def test_what_nobody_wanted_again_in_time_is_gone(place: Path | None) -> None:
    async with feeds(place) as f:
        snapshot_id = await _paused(f)
        assert f.drafts() == {snapshot_id}
        f.wait(601)
        assert await f.next(snapshot_id, PAGE) is None
        await f.tidied()
        assert (await _whole(f))[1] == natural(f)


async def test_what_nobody_wanted_again_goes_when_something_else_is_wanted(
    place: Path | None,
) -> None:
    async with feeds(place) as f:
        snapshot_id = await _paused(f)
        async with f.first(FAILED, early=False):
            pass
        await f.at_rest()
        assert f.drafts() == {snapshot_id}
        f.wait(601)
        async with f.first(FAILED, early=False):
            pass
        await f.tidied()


async def _paused(f: Feeds) -> str:
    """An extract that failed after its first rows."""
    f.upstream.stops_at = 5
    async with f.first() as snapshot:
        await f.page(snapshot, 0)
        f.upstream.is_down = True
        f.upstream.gate.set()
        with pytest.raises(UpstreamUnavailable):
            await f.page(snapshot, 5 * PAGE)
    f.upstream.is_down = False
    return snapshot.id


async def test_what_will_not_pass_ends_the_feed(place: Path | None) -> None:
    """Two rows with one key."""
    async with feeds(place) as f:
        f.upstream.stops_at = 5
        async with f.first() as snapshot:
            await f.page(snapshot, 0)
            f.upstream.rows["r0"] = f.upstream.rows["r1"]
            f.upstream.gate.set()
            with pytest.raises(UpstreamBrokeContract):
                await snapshot.reach(10**6)
            await f.at_rest()
            assert f.drafts() == {snapshot.id}
            assert len(f.read(snapshot.table_name, 0, PAGE)) == PAGE
        with pytest.raises(UpstreamBrokeContract):  # a link that comes later is told the same
            await f.next(snapshot.id, PAGE)
        assert await f.next(snapshot.id, PAGE, "another scope") is None
        f.wait(601)
        assert await f.next(snapshot.id, PAGE) is None
        await f.tidied()


async def test_an_old_snapshot_answers_when_not_even_one_row_comes(place: Path | None) -> None:
    async with feeds(place) as f:
        old, rows = await _whole(f)
        f.wait(400)
        f.upstream.is_down = True
        async with f.first() as snapshot:
            assert (snapshot.id, snapshot.status) == (old, "hit; detail=UpstreamUnavailable")
            assert (await f.page(snapshot, 0))[0] == rows[:PAGE]
        assert f.drafts() == set()


async def test_closing_tells_early_readers_and_leaves_nothing(place: Path | None) -> None:
    async with feeds(place) as f:
        f.upstream.stops_at = 5
        async with f.first() as snapshot:
            reader = asyncio.create_task(snapshot.reach(10**6))
            await asyncio.sleep(0.01)
            await f.cache.close()
            with pytest.raises(UpstreamUnavailable, match="shutting down"):
                await reader
            assert f.files() == set()
        assert f.files() == set()


async def test_all_rows_answer_where_a_selection_cannot_be_told(place: Path | None) -> None:
    async with feeds(place) as f:
        f.upstream.is_restless = True
        async with f.first(FAILED, early=False) as snapshot:
            assert snapshot.pushdown == Pushdown()
            assert snapshot.is_complete
        assert [table.key.pushdown for table in f.cache.tables] == [Pushdown()]


# --- refreshes ------------------------------------------------------------------------------------


async def test_when_nothing_changed_a_snapshot_becomes_younger_for_one_call(
    place: Path | None,
) -> None:
    async with feeds(place) as f:
        old, rows = await _whole(f)
        for _ in range(3):
            f.wait(400)
            asked = len(f.upstream.requests)
            async with f.first() as snapshot:
                assert (snapshot.id, snapshot.status) == (old, "fwd=stale")
                assert (f.upstream.now - snapshot.taken_at).total_seconds() <= 2
            assert len(f.upstream.requests) == asked + 1
        assert (await _whole(f)) == (old, rows)
        assert [table.id for table in f.cache.tables] == [old]


async def test_what_changed_comes_first_and_the_old_feed_stays(place: Path | None) -> None:
    async with feeds(place) as f:
        old, rows = await _whole(f)
        f.wait(400)
        f.upstream.touch()
        f.wait(1)
        f.upstream.insert()
        asked = len(f.upstream.requests)
        new, now = await _whole(f)
        assert new != old
        assert now == natural(f)
        assert len(f.upstream.requests) <= asked + 3
        assert await f.rest(old, 0) == rows
        assert f.drafts() == set()
        assert f.files() == set()


async def test_a_row_that_went_makes_all_be_read_again(place: Path | None) -> None:
    async with feeds(place) as f:
        old, _ = await _whole(f)
        f.wait(400)
        f.upstream.delete()
        asked = len(f.upstream.requests)
        new, now = await _whole(f)
        assert new != old
        assert now == natural(f)
        assert len(f.upstream.requests) >= asked + 10


@pytest.mark.parametrize(("full_refresh_every", "calls"), [(1000, [1, 1, 13, 1]), (0, [13] * 4)])
async def test_all_is_read_again_when_it_is_time(
    full_refresh_every: float, calls: list[int]
) -> None:
    """Counted from the last time when all was read; a change without a new date is seen then.

    All are ten pages, the first one again, and the totals of two halves.
    """
    freshness = FreshnessPolicy(300, 0, 3600, full_refresh_every)
    async with feeds(freshness=freshness) as f:
        await _whole(f)
        asked = []
        for _ in calls:
            f.wait(400)
            before = len(f.upstream.requests)
            await _whole(f)
            asked.append(len(f.upstream.requests) - before)
        assert asked == calls


async def test_a_refresh_that_fails_leaves_the_old_snapshot_and_no_draft(
    place: Path | None,
) -> None:
    async with feeds(place) as f:
        old, rows = await _whole(f)
        f.wait(400)
        f.upstream.touch()
        f.upstream.is_down = True
        async with f.first(early=False) as snapshot:
            assert snapshot.status == "hit; detail=UpstreamUnavailable"
        assert await f.rest(old, 0) == rows
        assert f.drafts() == set()
        f.upstream.is_down = False
        assert (await _whole(f))[1] == natural(f)
