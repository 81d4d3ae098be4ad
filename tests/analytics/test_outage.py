"""An upstream that is down is left alone, and nobody waits for it; nobody waits here either."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from gateway.analytics.read.client import RetryPolicy
from gateway.errors import GatewayError, UpstreamUnavailable
from tests.analytics.upstream_app import FIRST_PAGE, Answer, Scene, ok

pytestmark = pytest.mark.anyio

DOWN: list[Answer] = [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), httpx.Response(502)]


async def asked(scene: Scene, number: int) -> GatewayError | None:
    """What a client gets to know whose question nobody has asked before."""
    try:
        await scene.client.fetch(replace(FIRST_PAGE, skip=5 * number))
    except GatewayError as error:
        return error
    return None


async def down(answer: Answer) -> Scene:
    """A scene in which the upstream has been down for long enough."""
    scene = Scene([answer])
    for number in range(2):
        assert await asked(scene, number) is not None
        scene.seconds += 2
    return scene


@pytest.mark.parametrize("answer", DOWN, ids=repr)
async def test_many_clients_of_a_dead_upstream_fail_at_once(answer: Answer) -> None:
    scene = await down(answer)
    before, slept = len(scene.sent), len(scene.slept)
    for number in range(50):
        error = await asked(scene, 10 + number)
        assert isinstance(error, UpstreamUnavailable)
        assert 1 <= error.retry_after_seconds <= 10
        assert "pauses its calls" in error.message
    assert (len(scene.sent), len(scene.slept)) == (before, slept)


async def test_one_call_a_pause_sees_whether_it_is_back() -> None:
    scene = await down(httpx.ConnectError("refused"))
    before = len(scene.sent)
    for pause in range(1, 4):
        scene.seconds += 10
        for number in range(10):
            assert await asked(scene, 100 * pause + number) is not None
        assert len(scene.sent) == before + pause
    scene.answers = [ok()]
    assert await asked(scene, 1) is not None
    scene.seconds += 10
    assert [await asked(scene, number) for number in range(1000, 1003)] == [None] * 3


async def test_one_call_that_is_repeated_is_no_outage() -> None:
    scene = Scene([*[httpx.ConnectError("refused")] * 4, ok()])
    assert await asked(scene, 0) is None
    policy = RetryPolicy(tries=5)
    scene = Scene([*[httpx.ConnectError("refused")] * 5, ok()], policy=policy)
    assert await asked(scene, 0) is not None
    assert await asked(scene, 1) is None


@pytest.mark.parametrize("code", [400, 401, 403, 404, 429])
async def test_a_refusal_is_an_answer(code: int) -> None:
    scene = Scene([httpx.Response(code)], policy=RetryPolicy(tries=1))
    for number in range(20):
        await asked(scene, number)
        scene.seconds += 20
    assert len(scene.sent) == 20


async def test_failures_that_are_far_apart_are_no_outage() -> None:
    scene = Scene([httpx.Response(500)], policy=RetryPolicy(tries=1))
    for number in range(20):
        await asked(scene, number)
        scene.seconds += 61
    assert len(scene.sent) == 20
