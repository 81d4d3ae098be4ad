"""The line of calls: the contract's limit in any window, the upstream's refusals, fairness."""

from __future__ import annotations

from functools import partial

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analytics.read.rate_limit import RateLimiter
from gateway.contract.model import RateLimit
from gateway.errors import UpstreamThrottled
from tests.analytics.virtual_time import Job, VirtualTime
from tests.support.examples import examples

pytestmark = pytest.mark.anyio

NEVER = float("inf")
SLACK = 1e-6
LIMITS = st.builds(RateLimit, st.floats(0.05, 50), st.integers(1, 20))
PAUSES = st.sampled_from([0.0, 0.001, 0.03, 0.5, 2.0, 40.0])


class Calls:
    """Calls in a line, in the order in which they were asked for and in which they went."""

    def __init__(self, limit: RateLimit | None) -> None:
        self.time = VirtualTime()
        self.pace = RateLimiter(limit, self.time.now, self.time.sleep)
        self.asked: list[int] = []
        self.went: list[int] = []
        self.starts: list[float] = []
        self.refused: list[UpstreamThrottled] = []

    async def call(self, number: int, deadline: float = NEVER) -> float:
        self.asked.append(number)
        try:
            began = await self.pace.turn(deadline)
        except UpstreamThrottled as error:
            self.refused.append(error)
            raise
        self.went.append(number)
        self.starts.append(began)
        return began

    def later(self, number: int, seconds: float, outcome: str = "succeeds") -> Job:
        return partial(self._later, number, seconds, outcome)

    async def _later(self, number: int, seconds: float, outcome: str) -> None:
        await self.time.sleep(seconds)
        if outcome == "leaves":
            with anyio.CancelScope() as scope:
                await self._leaving(number, scope)
            return
        began = await self.call(number)
        await self.time.sleep(0.2)
        if outcome == "throttled":
            self.pace.throttle(began, 3.0)
        else:
            self.pace.recover()

    async def _leaving(self, number: int, scope: anyio.CancelScope) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(self.call, number)
            await self.time.sleep(0.1)
            scope.cancel()


def most(starts: list[float], limit: RateLimit) -> float:
    """By how many calls the worst window exceeds what the limit allows."""
    return max(
        (last - first + 1) - (limit.burst + limit.calls_per_second * (end - begin + SLACK))
        for first, begin in enumerate(starts)
        for last, end in enumerate(starts[first:], first)
    )


@examples(60)
@given(LIMITS, st.lists(st.tuples(PAUSES, st.sampled_from(["succeeds", "throttled", "leaves"]))))
async def test_no_window_holds_more_calls_than_the_limit_allows(
    limit: RateLimit, calls: list[tuple[float, str]]
) -> None:
    scene, at = Calls(limit), 0.0
    jobs = []
    for number, (pause, outcome) in enumerate(calls):
        at += pause
        jobs.append(scene.later(number, at, outcome))
    await scene.time.run(jobs)
    stayed = [n for n in scene.asked if calls[n][1] != "leaves" or n in scene.went]
    assert scene.went == stayed
    assert not scene.starts or most(scene.starts, limit) <= 0


@examples(30)
@given(LIMITS, st.integers(1, 60))
async def test_the_limit_is_used_to_the_full(limit: RateLimit, calls: int) -> None:
    scene = Calls(limit)
    await scene.time.run([scene.later(number, 0) for number in range(calls)])
    needed = max(0, calls - limit.burst) / limit.calls_per_second
    assert scene.starts[-1] - scene.starts[0] == pytest.approx(needed, abs=SLACK)


async def test_without_a_limit_nobody_waits() -> None:
    scene = Calls(None)
    await scene.time.run([scene.later(number, 0) for number in range(100)])
    assert set(scene.starts) == {1000.0}


@pytest.mark.parametrize("limit", [None, RateLimit(100.0, 50)], ids=["no limit", "a limit"])
async def test_one_refusal_holds_everybody_and_halves_the_rate(limit: RateLimit | None) -> None:
    scene = Calls(limit)
    refused = [scene.later(n, n / 4, "throttled" if n == 8 else "succeeds") for n in range(9)]
    held = [scene.later(9 + n, 2.3) for n in range(4)]
    await scene.time.run(refused + held)
    assert scene.starts[9] == pytest.approx(1002.2 + 3.0)
    gaps = [b - a for a, b in zip(scene.starts[9:], scene.starts[10:], strict=False)]
    assert gaps[0] == pytest.approx(2 * 2.2 / 8)  # there were 8 after the first in 2.2 seconds
    assert 0.4 < gaps[2] < gaps[1] < gaps[0]


async def test_refusals_of_calls_on_their_way_halve_the_rate_once() -> None:
    scene = Calls(None)
    await scene.time.run([scene.later(n, 0, "throttled") for n in range(5)])
    await scene.time.run([scene.later(n, 0) for n in range(5, 7)])
    assert scene.starts[6] - scene.starts[5] == pytest.approx(1 / 2)  # 4 in a second, halved


async def test_each_new_refusal_halves_again_down_to_a_call_a_second() -> None:
    scene = Calls(RateLimit(20.0, 1))
    await scene.time.run([scene.later(n, n * 100, "throttled") for n in range(9)])
    started = len(scene.starts)
    await scene.time.run([scene.later(n, 0) for n in range(9, 11)])
    assert scene.starts[started + 1] - scene.starts[started] == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("limit", [None, RateLimit(8.0, 4)], ids=["no limit", "a limit"])
async def test_successes_bring_the_old_rate_back(limit: RateLimit | None) -> None:
    scene = Calls(limit)
    await scene.time.run([scene.later(n, n, "throttled" if n == 5 else "") for n in range(6)])
    for _ in range(400):
        scene.time.seconds += 10
        await scene.call(0)
        scene.pace.recover()
    before = len(scene.starts)
    await scene.time.run([scene.later(n, 0) for n in range(8)])
    lately = scene.starts[before:]
    assert lately[-1] - lately[0] == pytest.approx(
        0 if limit is None else 5 / 8  # the bucket holds 3: one has just gone
    )


async def test_who_would_wait_beyond_the_deadline_is_told_for_how_long_and_waits_no_more() -> None:
    scene = Calls(None)
    await scene.call(0)
    scene.pace.throttle(1000.0, 40.5)
    with pytest.raises(UpstreamThrottled, match="41 seconds, later than --retry-budget") as raised:
        await scene.call(1, deadline=1040.0)
    assert dict(raised.value.headers) == {"Retry-After": "41"}
    assert scene.time.seconds == 1000.0


async def test_a_hold_that_grows_refuses_those_who_cannot_wait_for_its_new_end() -> None:
    scene = Calls(None)
    scene.pace.throttle(1000.0, 5.0)

    async def waits(number: int, deadline: float) -> None:
        try:
            await scene.call(number, deadline)
        except UpstreamThrottled:
            assert scene.time.seconds <= deadline

    async def extends() -> None:
        await scene.time.sleep(2.0)
        scene.pace.throttle(1002.0, 20.0)

    await scene.time.run([partial(waits, 0, 1010.0), partial(waits, 1, 1030.0), extends])
    assert (len(scene.refused), scene.went, scene.starts) == (1, [1], [1022.0])
