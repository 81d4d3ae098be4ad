"""Turns are shared round robin between callers: order and counts, no clock."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import GatewayError, QueryTimeout, ServiceUnavailable, TooManyRequests
from gateway.fairness.allowance import Allowance, Meter
from gateway.fairness.budget import BudgetScope, RequestBudget, current_budget, part_budget
from gateway.fairness.call_limit import CallLimit
from gateway.fairness.parsing import Parser
from gateway.fairness.round_robin import RoundRobin
from gateway.snapshots.load.extract_limit import ExtractLimit
from gateway.snapshots.query_threads import QueryPool, QueryThreads
from tests.support.examples import examples

GREEDY, MODEST = "key:greedy", "key:modest"


async def settled() -> None:
    """As `anyio.wait_all_tasks_blocked`, which polls ten times a second."""
    for _ in range(20):
        await checkpoint()


class Recorder:
    """Notes who begins a turn, and lets one turn at a time end."""

    def __init__(self, turns: RoundRobin) -> None:
        self.turns = turns
        self.begun: list[str] = []
        self.running: list[tuple[str, anyio.Event]] = []

    async def take(self, caller: str) -> None:
        async with self.turns.turn(caller):
            end = anyio.Event()
            self.begun.append(caller)
            self.running.append((caller, end))
            await end.wait()

    async def end(self, index: int = 0) -> None:
        self.running.pop(index)[1].set()
        await settled()


@pytest.mark.anyio
async def test_sixty_turns_of_one_caller_cost_another_no_more_than_one() -> None:
    recorder = Recorder(RoundRobin(1))
    async with anyio.create_task_group() as group:
        for _ in range(60):
            group.start_soon(recorder.take, GREEDY)
        await settled()
        for _ in range(3):
            group.start_soon(recorder.take, MODEST)
            await settled()
        for _ in range(63):
            await recorder.end()
    assert recorder.begun[:8] == [GREEDY] + [GREEDY, MODEST] * 3 + [GREEDY]
    assert recorder.turns.is_idle


@pytest.mark.anyio
async def test_long_turns_of_one_caller_leave_room_for_another() -> None:
    """The reserve is for callers that have no turn; not even a second one of theirs gets it."""
    recorder = Recorder(RoundRobin(2, reserve=1))
    async with anyio.create_task_group() as group:
        for caller in (GREEDY, GREEDY, GREEDY, MODEST, MODEST):
            group.start_soon(recorder.take, caller)
            await settled()
        assert recorder.begun == [GREEDY, GREEDY, MODEST]
        await recorder.end(2)  # the modest one's: its next goes where the first was
        assert recorder.begun[3:] == [MODEST]
        while recorder.running:
            await recorder.end()
    assert recorder.begun[4:] == [GREEDY]


@given(
    at_once=st.integers(1, 3),
    reserve=st.integers(0, 2),
    steps=st.lists(
        st.tuples(st.sampled_from(["take", "take", "end", "leave"]), st.integers(0, 9)), max_size=60
    ),
)
@examples(80)
@pytest.mark.anyio
async def test_no_turn_is_lost_none_is_too_many_and_nobody_is_passed_twice(
    at_once: int, reserve: int, steps: list[tuple[str, int]]
) -> None:
    recorder = Recorder(RoundRobin(at_once, reserve))
    waiting: list[tuple[str, anyio.CancelScope]] = []
    passed: dict[str, Counter[str]] = {}

    async def take(caller: str) -> None:
        with anyio.CancelScope() as scope:
            waiting.append((caller, scope))
            try:
                async with recorder.turns.turn(caller):
                    waiting.remove((caller, scope))
                    _check_order(recorder, caller, passed)
                    end = anyio.Event()
                    recorder.running.append((caller, end))
                    await end.wait()
            finally:
                if (caller, scope) in waiting:
                    waiting.remove((caller, scope))

    async with anyio.create_task_group() as group:
        for step, number in steps:
            if step == "take":
                caller = "abc"[number % 3]
                if recorder.turns.waiting(caller) == 0:
                    passed[caller] = Counter()
                group.start_soon(take, caller)
            elif step == "end" and recorder.running:
                recorder.running.pop(number % len(recorder.running))[1].set()
            elif step == "leave" and waiting:
                waiting[number % len(waiting)][1].cancel()
            await settled()
            running = Counter(caller for caller, _ in recorder.running)
            assert running.total() <= at_once + reserve
            assert all(count <= at_once for count in running.values())
            assert not waiting or running.total() >= at_once
        while recorder.running:
            await recorder.end()
    assert (waiting, recorder.turns.is_idle) == ([], True)


def _check_order(recorder: Recorder, caller: str, passed: dict[str, Counter[str]]) -> None:
    """Whoever waits without a turn sees each other caller begin one at most."""
    running = {name for name, _ in recorder.running}
    passed[caller] = Counter()
    for other in "abc":
        if other != caller and recorder.turns.waiting(other) and other not in running:
            passed[other][caller] += 1
            assert passed[other][caller] <= 1


# --- what takes turns -----------------------------------------------------------------------------

Run = Callable[[Callable[[], object]], Awaitable[object]]


def _runners() -> dict[str, Run]:
    pool, parser = QueryPool(QueryThreads(), 60, at_once=1), Parser()
    return {"queries": pool.run, "parsing": lambda work: parser.run(60, work)}


@pytest.mark.parametrize("name", _runners())
@pytest.mark.anyio
async def test_queries_and_parsing_are_done_in_turns_of_callers(name: str) -> None:
    """All but the first three of the greedy wait for the modest, who must get their turns first."""
    run, begin, done = _runners()[name], threading.Event(), []
    in_time = threading.Event()

    async def ask(caller: str, number: int) -> None:
        def work() -> None:
            begin.wait()
            if caller == GREEDY and number > 2:
                assert in_time.wait(20)
            done.append((caller, number))
            if {(MODEST, 0), (MODEST, 1)} <= set(done):
                in_time.set()

        with BudgetScope():
            current_budget().caller = caller
            await run(work)

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(ask, GREEDY, number)
        await settled()
        for number in range(2):
            group.start_soon(ask, MODEST, number)
        await settled()
        begin.set()
    greedy = [number for caller, number in done if caller == GREEDY]
    assert greedy == sorted(greedy)
    assert len(done) == 22


@pytest.mark.anyio
async def test_extracts_are_begun_in_turns_and_each_caller_has_a_line_of_its_own() -> None:
    limit, begun, refused = ExtractLimit(1, max_waiting=5), list[str](), list[str]()
    go_on = anyio.Event()

    async def extract(caller: str) -> None:
        with BudgetScope():
            current_budget().caller = caller
            try:
                async with limit.turn("workspace"):
                    begun.append(caller)
                    await go_on.wait()
            except ServiceUnavailable:
                refused.append(caller)

    async with anyio.create_task_group() as group:
        for caller in [GREEDY] * 10 + [MODEST]:
            group.start_soon(extract, caller)
            await settled()
        go_on.set()
    assert refused == [GREEDY] * 4
    assert begun[:3] == [GREEDY, GREEDY, MODEST] or begun[:2] == [GREEDY, MODEST]
    assert begun.count(MODEST) == 1


@pytest.mark.anyio
async def test_calls_to_the_analytics_api_are_made_in_turns_and_not_waited_for_for_ever() -> None:
    calls, begun, go_on = CallLimit(1), list[str](), anyio.Event()

    async def call(caller: str) -> None:
        with BudgetScope():
            current_budget().caller = caller
            async with calls.turn():
                begun.append(caller)
                await go_on.wait()

    async with anyio.create_task_group() as group:
        for caller in [GREEDY] * 9 + [MODEST] * 2:
            group.start_soon(call, caller)
            await settled()
        assert begun == [GREEDY, GREEDY, MODEST]
        go_on.set()
    assert begun.index(MODEST, 3) <= 5
    hurried = CallLimit(1, patience_seconds=0.05)
    async with hurried.turn(), hurried.turn():
        with pytest.raises(ServiceUnavailable, match="--upstream-concurrency"):
            async with hurried.turn():
                pass


# --- one time limit -------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("budget", "left"),
    [
        (RequestBudget(waited=10, worked=30), 80),
        (RequestBudget(query_seconds=50, waited=10, worked=30), 10),
        (RequestBudget(query_seconds=500, waited=10, worked=30), 80),  # a key only lowers it
    ],
)
async def test_a_request_has_one_time_for_parsing_waiting_and_queries(
    budget: RequestBudget, left: float
) -> None:
    async with budget.turn(RoundRobin(1), 120) as seconds:
        assert left - 1 < seconds <= left


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("budget", "expected", "remedy"),
    [
        (RequestBudget(waited=100, worked=20), ServiceUnavailable, "try again"),
        (RequestBudget(waited=20, worked=100), QueryTimeout, "--query-timeout"),
        (RequestBudget(query_seconds=30, worked=30), QueryTimeout, "query_seconds"),
        (RequestBudget(query_seconds=500, worked=120), QueryTimeout, "--query-timeout"),
    ],
)
async def test_the_way_out_depends_on_where_the_time_went(
    budget: RequestBudget, expected: type[GatewayError], remedy: str
) -> None:
    turns = RoundRobin(1)
    with pytest.raises(expected, match=remedy):
        async with budget.turn(turns, 120):
            pass
    assert turns.is_idle


@pytest.mark.anyio
async def test_a_turn_that_comes_too_late_is_given_up() -> None:
    turns = RoundRobin(1)
    async with turns.turn(GREEDY):
        with pytest.raises(ServiceUnavailable):
            async with RequestBudget(MODEST).turn(turns, 0.05):
                pass
        assert turns.waiting(MODEST) == 0
    assert turns.is_idle


@pytest.mark.anyio
async def test_a_query_that_began_late_is_ended_by_the_requests_limit_not_its_own() -> None:
    pool, used = QueryPool(QueryThreads(), 120), list[float]()

    async def measured() -> None:
        current_budget().worked = 119.9
        end = threading.Event()
        asyncio.get_running_loop().call_later(0.2, end.set)
        await pool.run(end.wait)  # nothing here can be interrupted
        with pytest.raises(QueryTimeout):
            await pool.run(lambda: None)
        used.append(current_budget().worked)

    with BudgetScope():
        await measured()
    assert used[0] >= 120


def test_parts_of_a_batch_have_their_own_time_in_their_callers_line() -> None:
    with BudgetScope():
        outer = current_budget()
        outer.caller, outer.worked = MODEST, 100.0
        with part_budget():
            assert (current_budget().caller, current_budget().worked) == (MODEST, 0.0)
        assert current_budget() is outer


# --- the meter ------------------------------------------------------------------------------------


@given(
    most=st.integers(1, 5),
    waits=st.lists(st.floats(0, 40, allow_nan=False), max_size=40),
)
@example(most=1, waits=[1.607313413966363, 0.0])  # 60 seconds, as floats add, are a bit more
def test_never_more_requests_in_any_minute_and_retry_after_is_when_the_next_may_come(
    most: int, waits: list[float]
) -> None:
    now, admitted = [1_000.0], list[float]()
    meter, allowance = Meter(lambda: now[0]), Allowance(per_minute=most)
    for wait in waits:
        now[0] += wait
        try:
            meter.count(GREEDY, allowance)
        except TooManyRequests as error:
            seconds = error.retry_after_seconds
            assert 0 < seconds <= 60
            now[0] += seconds + 0.001
            meter.count(GREEDY, allowance)
        admitted.append(now[0])
        assert len([at for at in admitted if at > now[0] - 60]) <= most
    meter.count(MODEST, allowance)  # another key has its own


def test_a_request_that_is_refused_counts_for_nothing() -> None:
    meter, both = Meter(lambda: 0.0), Allowance(at_once=1, per_minute=2)
    meter.begin(GREEDY, both)
    for _ in range(5):
        with pytest.raises(GatewayError, match="requests_at_once"):
            meter.begin(GREEDY, both)
    meter.end(GREEDY)
    meter.begin(GREEDY, both)
    meter.end(GREEDY)
    with pytest.raises(GatewayError, match="requests_per_minute"):
        meter.begin(GREEDY, both)
