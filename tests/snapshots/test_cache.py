"""Which snapshot answers, how many extracts that takes, and what is dropped when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from gateway.errors import (
    GatewayError,
    InsufficientStorage,
    InternalError,
    ServiceUnavailable,
    Stopgap,
    UpstreamBrokeContract,
    UpstreamDeniedAccess,
    UpstreamKeepsChanging,
    UpstreamRejectedRequest,
    UpstreamRejectedToken,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from gateway.observe.oddities import OddRows
from gateway.planner.pushdown import Pushdown
from gateway.snapshots.cache import SnapshotCache
from gateway.snapshots.freshness import FreshnessPolicy
from gateway.snapshots.keep.catalog import Catalog, RetentionPolicy
from gateway.snapshots.keep.store import SnapshotStore
from gateway.snapshots.load.draft import DraftTable
from gateway.snapshots.load.extract_run import ExtractTools
from gateway.snapshots.load.extract_source import BaseSnapshot, ChangesReader, ExtractReader
from gateway.snapshots.peers.interface import Alone
from tests.snapshots.tables import LAYOUT, START, Watch, add, contents, key, rows_of, taken

pytestmark = pytest.mark.anyio

PLENTY = 10**9
FRESH, STALE, ERROR = 300.0, 60.0, 3600.0


class Upstream:
    """Counts what it is asked, waits at a gate when it is shut, and fails when told to.

    `doomed` is the number of the only question that gate and failure are for; 0 is all.
    """

    def __init__(self) -> None:
        self.asked: list[Pushdown] = []
        self.open = asyncio.Event()
        self.open.set()
        self.failure: Exception | None = None
        self.doomed = 0
        self.rows = 10
        self.ended = 0

    def begin(self, pushdown: Pushdown, sink: DraftTable, /) -> ExtractReader:
        return Reading(self, pushdown, sink)

    async def changes(
        self, pushdown: Pushdown, since: datetime, base: BaseSnapshot, /
    ) -> ChangesReader | None:
        raise AssertionError("no extract here builds on another")

    def oddities(self, pushdown: Pushdown, before: tuple[OddRows, ...], /) -> tuple[OddRows, ...]:
        return before

    async def fill(self, pushdown: Pushdown) -> pa.Table:
        self.asked.append(pushdown)
        number = len(self.asked)
        try:
            if self.doomed in (0, number):
                await self.open.wait()
            if self.failure is not None and self.doomed in (0, number):
                raise self.failure
            return rows_of(self.rows, prefix=f"{number}-")
        finally:
            self.ended += 1


@dataclass
class Reading:
    """An extract whose rows come at its end."""

    upstream: Upstream
    pushdown: Pushdown
    sink: DraftTable
    is_gradual: bool = False
    total: int | None = None

    async def read(self) -> datetime | None:
        self.sink.append(await self.upstream.fill(self.pushdown))
        return START


class World:
    """A cache and all that is around it; `id_of` opens a snapshot and closes it again."""

    def __init__(
        self, budget: int, lifetime: float, directory: Path | None, promised: float
    ) -> None:
        self.watch = Watch()
        self.upstream = Upstream()
        self.store = SnapshotStore(LAYOUT, directory, self.watch.observer)
        policies = FreshnessPolicy(FRESH, STALE, ERROR), RetentionPolicy(lifetime, budget, promised)
        clock, observer = self.watch.clock, self.watch.observer
        peers = Alone()
        catalog = Catalog(self.store, peers, policies, clock)
        self.cache = SnapshotCache(
            ExtractTools(self.store, catalog, peers, self.upstream, clock, observer)
        )

    async def id_of(self, scope: str = "scope", *, fresher: bool = False) -> str:
        async with self.cache.open(key(scope), fresher=fresher) as snapshot:
            return snapshot.id

    async def status_of(self, scope: str = "scope", *, fresher: bool = False) -> str:
        async with self.cache.open(key(scope), fresher=fresher) as snapshot:
            return snapshot.status

    async def is_kept(self, snapshot_id: str) -> bool:
        scopes = {t.id: t.key.scope for t in self.cache.tables}
        async with self.cache.pinned(scopes.get(snapshot_id, ""), snapshot_id) as snapshot:
            return snapshot is not None

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.001)


@asynccontextmanager
async def world(
    *,
    budget: int = PLENTY,
    lifetime: float = 3600.0,
    directory: Path | None = None,
    promised: float = 0.0,
) -> AsyncIterator[World]:
    made = World(budget, lifetime, directory, promised)
    await made.cache.recover()
    try:
        yield made
    finally:
        made.upstream.open.set()
        await made.cache.close()


Use = Callable[[World], Awaitable[None]]


# --- single flight --------------------------------------------------------------------------------


async def test_a_hundred_requests_for_one_extract_cause_one() -> None:
    async with world() as w:
        w.upstream.open.clear()
        waiters = [asyncio.create_task(w.id_of()) for _ in range(100)]
        await w.until(lambda: len(w.upstream.asked) == 1)
        w.upstream.open.set()
        assert len(set(await asyncio.gather(*waiters))) == 1
        assert len(w.upstream.asked) == 1


async def test_other_workspaces_and_other_selections_fly_alone() -> None:
    async with world() as w:
        ids = {await w.id_of("a"), await w.id_of("b")}
        async with w.cache.open(key("c", "FAILED")) as one, w.cache.open(key("c")) as other:
            ids |= {one.id, other.id}
        assert len(ids) == 4
        assert len(w.upstream.asked) == 4


async def test_waiters_that_leave_do_not_end_the_extract() -> None:
    async with world() as w:
        w.upstream.open.clear()
        waiters = [asyncio.create_task(w.id_of()) for _ in range(5)]
        await w.until(lambda: len(w.upstream.asked) == 1)
        for waiter in waiters[1:]:
            waiter.cancel()
        await asyncio.wait(waiters[1:])
        assert all(waiter.cancelled() for waiter in waiters[1:])
        w.upstream.open.set()
        assert await waiters[0] == await w.id_of()
        assert len(w.upstream.asked) == 1


async def test_an_extract_that_nobody_waits_for_any_more_is_kept_all_the_same() -> None:
    async with world() as w:
        w.upstream.open.clear()
        waiter = asyncio.create_task(w.id_of())
        await w.until(lambda: len(w.upstream.asked) == 1)
        waiter.cancel()
        await asyncio.wait([waiter])
        w.upstream.open.set()
        await w.until(lambda: w.cache.is_fresh(key()))
        assert await w.status_of() == "hit"
        assert len(w.upstream.asked) == 1


async def test_a_failure_reaches_every_waiter_and_the_next_request_tries_again() -> None:
    async with world() as w:
        w.upstream.open.clear()
        w.upstream.failure = UpstreamDeniedAccess("no access")
        waiters = [asyncio.create_task(w.id_of()) for _ in range(10)]
        await w.until(lambda: len(w.upstream.asked) == 1)
        w.upstream.open.set()
        failures = await asyncio.gather(*waiters, return_exceptions=True)
        assert {type(failure) for failure in failures} == {UpstreamDeniedAccess}
        w.upstream.failure = None
        assert await w.status_of() == "fwd=miss"
        assert len(w.upstream.asked) == 2
        assert w.watch.log == ["an extract failed: no access", w.watch.log[-1]]


async def test_a_fault_of_the_gateway_itself_is_logged_as_one() -> None:
    async with world() as w:
        w.upstream.failure = ZeroDivisionError("a bug")
        with pytest.raises(ZeroDivisionError):
            await w.id_of()
        assert w.watch.log == ["an extract failed"]


async def test_closing_ends_extracts_and_tells_waiters_to_come_again() -> None:
    async with world() as w:
        w.upstream.open.clear()
        waiter, leaver = asyncio.create_task(w.id_of()), asyncio.create_task(w.id_of())
        await w.until(lambda: len(w.upstream.asked) == 1)
        leaver.cancel()
        await w.cache.close()
        with pytest.raises(UpstreamUnavailable, match="shutting down"):
            await waiter
        with pytest.raises(asyncio.CancelledError):
            await leaver
        assert w.upstream.ended == 1


# --- freshness ------------------------------------------------------------------------------------


async def test_a_snapshot_answers_while_it_is_fresh_counted_from_the_start_of_its_extract() -> None:
    async with world() as w:
        w.upstream.open.clear()
        waiter = asyncio.create_task(w.id_of())
        await w.until(lambda: len(w.upstream.asked) == 1)
        w.watch.seconds = 100
        w.upstream.open.set()
        await waiter
        w.watch.seconds = FRESH
        assert w.cache.is_fresh(key())
        assert await w.status_of() == "hit"
        w.watch.seconds = FRESH + 0.1
        assert not w.cache.is_fresh(key())


async def test_a_stale_snapshot_answers_at_once_while_one_other_is_made() -> None:
    async with world() as w:
        old = await w.id_of()
        w.watch.seconds = FRESH + STALE
        w.upstream.open.clear()
        for _ in range(5):
            assert await w.status_of() == "hit; detail=refreshing"
            assert await w.id_of() == old
        w.upstream.open.set()
        await w.until(lambda: w.cache.is_fresh(key()))
        assert await w.id_of() != old
        assert len(w.upstream.asked) == 2


async def test_an_old_snapshot_answers_only_when_no_new_one_can_be_made() -> None:
    async with world() as w:
        old = await w.id_of()
        w.watch.seconds = FRESH + ERROR
        w.upstream.failure = UpstreamUnavailable("down")
        async with w.cache.open(key()) as snapshot:
            assert (snapshot.id, snapshot.status) == (old, "hit; detail=UpstreamUnavailable")
        w.watch.seconds += 0.1
        with pytest.raises(UpstreamUnavailable, match="down"):
            await w.id_of()
        w.upstream.failure = None
        assert await w.status_of() == "fwd=stale"


async def test_what_the_upstream_refuses_for_good_is_not_hidden_by_an_old_snapshot() -> None:
    async with world() as w:
        await w.id_of()
        w.watch.seconds = FRESH + STALE + 1
        w.upstream.failure = UpstreamDeniedAccess("no access any more")
        with pytest.raises(UpstreamDeniedAccess):
            await w.id_of()


STALE_AGE, OLD_AGE, EXPIRED_AGE = FRESH + STALE, FRESH + ERROR, FRESH + ERROR + 1
STANDS_IN = {
    Stopgap.NEVER: (),
    Stopgap.WHILE_STALE: (STALE_AGE,),
    Stopgap.IF_ERROR: (STALE_AGE, OLD_AGE),
}


@pytest.mark.parametrize("age", [STALE_AGE, OLD_AGE, EXPIRED_AGE])
@pytest.mark.parametrize(
    "failure",
    [
        UpstreamUnavailable("down"),
        UpstreamThrottled("429"),
        UpstreamKeepsChanging("restless"),
        UpstreamBrokeContract("another shape"),
        UpstreamRejectedToken("401"),
        UpstreamDeniedAccess("403"),
        UpstreamRejectedRequest("400"),
        ServiceUnavailable("too many extracts"),
        InsufficientStorage("full"),
        InternalError("a fault"),
    ],
    ids=lambda failure: failure.code,
)
async def test_how_old_a_snapshot_may_be_depends_on_what_fails(
    failure: GatewayError, age: float
) -> None:
    """The client asks for newer data, so that also a stale snapshot is served only in need."""
    async with world() as w:
        await w.id_of()
        w.watch.seconds, w.upstream.failure = age, failure
        if age in STANDS_IN[failure.stopgap]:
            async with w.cache.open(key(), fresher=True) as snapshot:
                assert snapshot.status == f"hit; detail={failure.code}"
                assert snapshot.instead_of == failure.code
        else:
            with pytest.raises(type(failure)):
                await w.id_of(fresher=True)


@pytest.mark.parametrize("fails_for_good", [False, True])
async def test_a_refresh_that_fails_for_good_is_not_hidden_by_the_next_one(
    *, fails_for_good: bool
) -> None:
    """Stale rows are served while it is not known what a refresh finds, and no longer."""
    async with world() as w:
        await w.id_of()
        w.watch.seconds = FRESH + 1
        failure = UpstreamRejectedToken("401") if fails_for_good else UpstreamUnavailable("down")
        w.upstream.failure = failure
        assert await w.status_of() == "hit; detail=refreshing"
        await w.until(lambda: w.cache.last_failure("scope") is not None)
        if fails_for_good:
            with pytest.raises(UpstreamRejectedToken):
                await w.id_of()
        else:
            assert await w.status_of() == "hit; detail=refreshing"
        w.upstream.failure = None
        await w.until(lambda: not w.cache.progress())
        assert await w.status_of() in ("fwd=stale", "hit; detail=refreshing", "hit")


async def test_the_age_counts_when_the_extract_has_failed_not_when_it_began() -> None:
    async with world() as w:
        await w.id_of()
        w.watch.seconds, w.upstream.failure = FRESH + ERROR, UpstreamUnavailable("down")
        w.upstream.open.clear()
        waiter = asyncio.create_task(w.id_of())
        await w.until(lambda: len(w.upstream.asked) == 2)
        w.watch.seconds += 60
        w.upstream.open.set()
        with pytest.raises(UpstreamUnavailable):
            await waiter


async def test_later_pages_say_too_why_their_snapshot_is_old() -> None:
    async with world() as w:
        old = await w.id_of()
        w.watch.seconds, w.upstream.failure = FRESH + STALE + 1, UpstreamUnavailable("down")
        await w.id_of()
        async with w.cache.pinned("scope", old) as snapshot:
            assert snapshot is not None
            assert snapshot.instead_of == "UpstreamUnavailable"
        w.upstream.failure = None
        await w.id_of()
        async with w.cache.pinned("scope", old) as snapshot:
            assert snapshot is not None
            assert snapshot.status == "hit"


async def test_a_client_may_ask_for_newer_data_than_is_at_hand() -> None:
    async with world() as w:
        old = await w.id_of()
        w.watch.seconds = 5
        assert await w.id_of(fresher=True) == old
        w.watch.seconds = 6
        assert await w.status_of(fresher=True) == "fwd=stale"
        assert await w.id_of() != old


async def test_a_clock_that_is_set_back_does_not_keep_a_snapshot_fresh() -> None:
    async with world() as w:
        old = await w.id_of()
        w.watch.seconds = -100_000
        assert await w.id_of() != old


# --- room -----------------------------------------------------------------------------------------


async def test_over_budget_what_was_read_longest_ago_goes_first() -> None:
    async with world() as w:
        size = await _size_of_one(w)
    async with world(budget=int(size * 3.5)) as w:
        first, second, third = [await _made_at(w, at, f"s{at}") for at in (1, 2, 3)]
        w.watch.seconds = 4
        assert await w.is_kept(first)
        fourth = await _made_at(w, 5, "s5")
        assert [await w.is_kept(i) for i in (first, second, third, fourth)] == [
            *(True, False, True, True)
        ]
        assert not w.cache.is_fresh(key("s2"))


async def _made_at(w: World, seconds: float, scope: str) -> str:
    w.watch.seconds = seconds
    w.upstream.rows = 50_000
    return await w.id_of(scope)


async def _size_of_one(w: World) -> int:
    w.upstream.rows = 50_000
    stored = await asyncio.to_thread(
        add, w.store, "f" * 16, key(), taken(), rows_of(50_000, prefix="1-")
    )
    return stored.bytes


async def test_a_snapshot_in_use_is_never_dropped() -> None:
    async with world(budget=1) as w, AsyncExitStack() as stack:
        used = [await stack.enter_async_context(w.cache.open(key(f"s{n}"))) for n in range(5)]
        for snapshot in used:
            assert len(contents(w.store, snapshot.id)) == snapshot.rows == 10
            assert await w.is_kept(snapshot.id)


async def test_without_any_room_a_snapshot_lives_as_long_as_it_is_read() -> None:
    async with world(budget=1) as w:
        first = await w.id_of("a")
        second = await w.id_of("b")
        assert not await w.is_kept(first)
        assert await w.is_kept(second)


async def test_many_extracts_at_once_without_room_serve_every_waiter() -> None:
    """A snapshot may be dropped for the next one, but not before those who waited have read it."""
    async with world(budget=1) as w:

        async def read(number: int) -> int:
            async with w.cache.open(key(f"s{number % 8}")) as snapshot:
                await asyncio.sleep(0.001 * (number % 3))
                return len(await asyncio.to_thread(contents, w.store, snapshot.id))

        assert await asyncio.gather(*map(read, range(64))) == [10] * 64


async def test_an_old_snapshot_that_is_to_answer_is_not_dropped_meanwhile() -> None:
    async with world(budget=1) as w:
        old = await w.id_of("a")
        w.watch.seconds = FRESH + STALE + 1
        w.upstream.open.clear()
        w.upstream.doomed, w.upstream.failure = 2, UpstreamUnavailable("down")
        waiter = asyncio.create_task(w.id_of("a"))
        await w.until(lambda: len(w.upstream.asked) == 2)
        await w.id_of("b")
        w.upstream.open.set()
        assert await waiter == old


async def test_a_waiter_that_leaves_at_the_last_moment_holds_nothing_back() -> None:
    async with world(budget=1) as w:
        for number in range(30):
            waiter = asyncio.create_task(w.id_of(f"s{number}"))
            await w.until(lambda n=number: len(w.upstream.asked) == n + 1)  # type: ignore[misc]
            for _ in range(number):
                await asyncio.sleep(0)
            waiter.cancel()
            await asyncio.wait([waiter])
        last = await w.id_of("last")
        await w.id_of("one more")
        assert not await w.is_kept(last)
        await w.until(lambda: w.upstream.ended == 32)


# --- links ----------------------------------------------------------------------------------------


async def test_a_link_leads_into_its_snapshot_when_a_newer_one_exists() -> None:
    async with world() as w:
        old = await w.id_of()
        w.watch.seconds = FRESH + STALE + 1
        assert await w.id_of() != old
        async with w.cache.pinned("scope", old) as snapshot:
            assert snapshot is not None
            assert {row["id"][:2] for row in contents(w.store, snapshot.id)} == {"1-"}


async def test_a_snapshot_is_kept_for_a_token_s_lifetime_after_it_was_last_read() -> None:
    async with world(lifetime=1000) as w:
        old = await w.id_of("a")
        w.watch.seconds = 900
        assert await w.is_kept(old)
        w.watch.seconds = 1800
        await w.id_of("a")
        await w.id_of("b")
        assert await w.is_kept(old)
        w.watch.seconds = 3900
        await w.id_of("c")
        assert not await w.is_kept(old)


async def test_a_snapshot_is_kept_as_long_as_a_link_may_come_back() -> None:
    async with world(lifetime=10, promised=50_000) as w:
        old, other = await w.id_of("a"), await w.id_of("b")
        w.cache.retain(old)
        w.cache.retain("0" * 16)
        for w.watch.seconds in (20_000, 49_000):
            await w.id_of("a")
            await w.id_of("b")
            await w.id_of("c")
            assert await w.is_kept(old)
        assert not await w.is_kept(other)
        w.watch.seconds = 50_001
        await w.id_of("a")
        await w.id_of("c")
        assert not await w.is_kept(old)


async def test_what_links_name_goes_only_when_what_is_useless_has_gone() -> None:
    """And then what was read longest ago."""
    async with world(lifetime=10, promised=50_000) as w:
        first, second = await w.id_of("a"), await w.id_of("b")
        size = max(table.bytes for table in w.cache.tables)
    async with world(lifetime=10, promised=50_000, budget=int(3.5 * size)) as w:
        first, useless = await w.id_of("a"), await w.id_of("b")
        w.cache.retain(first)
        w.watch.seconds = 10_000
        second = await w.id_of("a")
        w.cache.retain(second)
        await w.id_of("b")  # four, one of them useless
        assert not await w.is_kept(useless)
        assert await w.is_kept(second)
        assert await w.is_kept(first)
        w.watch.seconds = 20_000
        await w.is_kept(first)
        w.watch.seconds = 20_020
        await w.id_of("a")
        await w.id_of("c")
        assert not await w.is_kept(second)  # first was read later
        assert await w.is_kept(first)


async def test_the_newest_snapshot_is_kept_while_it_may_answer_in_need() -> None:
    async with world(lifetime=10) as w:
        newest = await w.id_of("a")
        w.watch.seconds = FRESH + ERROR
        await w.id_of("b")
        assert await w.is_kept(newest)
        w.watch.seconds += 10.1
        await w.id_of("c")
        assert not await w.is_kept(newest)


async def test_a_link_of_another_scope_yields_nothing(tmp_path: Path) -> None:
    async with world(directory=tmp_path) as w:
        mine = await w.id_of("mine")
        async with w.cache.pinned("theirs", mine) as snapshot:
            assert snapshot is None


async def test_a_link_into_a_snapshot_that_never_was_yields_nothing() -> None:
    async with world() as w:
        assert not await w.is_kept("0" * 16)


# --- restart --------------------------------------------------------------------------------------


async def test_after_a_restart_the_youngest_snapshot_answers_by_its_own_age(tmp_path: Path) -> None:
    async with world(directory=tmp_path) as w:
        for at in (0, 400, 800):
            await _made_at(w, at, "a")
        youngest = await w.id_of("a")
    async with world(directory=tmp_path) as w:
        w.watch.seconds = 800 + FRESH
        assert await w.id_of("a") == youngest
        w.watch.seconds += STALE + 1
        assert await w.status_of("a") == "fwd=stale"
        assert len(w.upstream.asked) == 1


async def test_a_restart_with_less_room_keeps_within_it(tmp_path: Path) -> None:
    async with world(directory=tmp_path) as w:
        ids = [await w.id_of(f"s{n}") for n in range(4)]
    async with world(directory=tmp_path, budget=1) as w:
        assert not any([await w.is_kept(i) for i in ids])
    async with world(directory=tmp_path) as w:
        assert not any([await w.is_kept(i) for i in ids])


async def test_a_file_that_cannot_be_dropped_is_said_and_does_not_fail_an_extract(
    tmp_path: Path,
) -> None:
    async with world(directory=tmp_path, budget=1) as w:
        first = await w.id_of("a")
        path = tmp_path / f"{first}.duckdb"
        path.unlink()
        path.mkdir()
        await w.id_of("b")
        assert [line for line in w.watch.log if "cannot be removed" in line]
