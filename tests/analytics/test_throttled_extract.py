"""An extract from an upstream that says 429, over a real socket: all workers slow down."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from statistics import mean

import anyio
import httpx
import pytest

from gateway.analytics.extract.extractor import Extractor, ExtractPolicy
from gateway.analytics.read.client import AnalyticsClient, RetryPolicy, World
from gateway.auth.tokens import CallerTokenSource
from gateway.contract.loader import built_in_contract, load_contract
from gateway.observe import Clock
from gateway.planner.pushdown import Pushdown
from gateway.sandbox import Faults, create_sandbox, generate, make_token
from tests.analytics.kept import Kept
from tests.support.live import SECRET, running

pytestmark = pytest.mark.anyio

HURRY = 20
"""Seconds of the client in one of ours."""
ROWS, PAGE, TOLD, EVERY = 1_000, 20, 5, 30


@contextmanager
def upstream(faults: Faults) -> Iterator[str]:
    sandbox = create_sandbox(generate(ROWS), secret=SECRET, faults=faults)
    with running(sandbox, date_header=False) as base:
        yield base


class Calls:
    """A client in a hurry, and when it called."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.starts: list[float] = []
        self.refusals = 0
        http.event_hooks = {"request": [self._started], "response": [self._answered]}
        text = built_in_contract().replace("largest = 1000", f"largest = {PAGE}")
        self._contract = load_contract(text)
        self._clock = Clock(lambda: datetime.now(UTC), lambda: time.monotonic() * HURRY)
        world = World(CallerTokenSource(make_token(SECRET)), self._sleep, self._clock)
        self._client = AnalyticsClient(http, self._contract, world, RetryPolicy(budget=600))

    async def extract(self) -> int:
        policy = ExtractPolicy(concurrency=4)
        extractor = Extractor(self._client.fetch, self._contract, policy, self._clock)
        kept = Kept(self._contract)
        await extractor.begin(Pushdown(), kept).read()
        return int(kept.rows.num_rows)

    async def _sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds / HURRY)

    async def _started(self, _request: httpx.Request) -> None:
        self.starts.append(self._clock.monotonic())

    async def _answered(self, response: httpx.Response) -> None:
        self.refusals += response.status_code == 429


async def test_a_refusal_holds_and_slows_all_workers_and_the_extract_completes() -> None:
    with upstream(Faults(rate_limit_every=EVERY, retry_after_seconds=TOLD)) as base:
        async with httpx.AsyncClient(base_url=base) as http:
            calls = Calls(http)
            assert await calls.extract() == ROWS
    assert calls.refusals == len(calls.starts) // EVERY > 0
    pauses = [after - before for before, after in pairwise(calls.starts)]
    assert len([pause for pause in pauses if pause >= TOLD]) >= calls.refusals
    held = next(number for number, pause in enumerate(pauses) if pause >= TOLD)
    assert mean(pauses[held + 1 : held + 9]) > 1.2 * mean(pauses[:held])
