"""An API that takes 60 calls a minute, in each way of saying so: the extract completes."""

from __future__ import annotations

import httpx
import pytest
from anyio.lowlevel import checkpoint

from gateway.analytics.extract.extractor import Extractor, ExtractPolicy
from gateway.analytics.read.client import AnalyticsClient, World, retry_policy
from gateway.auth.tokens import CallerTokenSource
from gateway.contract.loader import built_in_contract, load_contract
from gateway.planner.pushdown import Pushdown
from gateway.sandbox import Dataset, make_token
from gateway.sandbox.variations import VARIATIONS, create_variant
from tests.analytics.kept import Kept
from tests.snapshots.tables import Watch
from tests.support.live import SECRET

pytestmark = pytest.mark.anyio

PACES = [name for name in VARIATIONS if name.startswith("pace-")]
PAGE = 10
TOKEN_SECONDS = 1e6


class Wire(httpx.ASGITransport):
    """The network, with the statuses of all calls."""

    statuses: list[int]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        self.statuses.append(response.status_code)
        return response


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("name", PACES)
async def test_an_extract_of_200_calls_completes(
    name: str, concurrency: int, dataset: Dataset
) -> None:
    watch = Watch()

    async def sleep(seconds: float) -> None:
        watch.seconds += seconds
        await checkpoint()

    variant = create_variant(VARIATIONS[name], dataset, secret=SECRET, clock=watch.clock.now)
    wire = Wire(variant)
    wire.statuses = []
    contract = load_contract(built_in_contract().replace("largest = 1000", f"largest = {PAGE}"))
    token = CallerTokenSource(
        make_token(SECRET, expires_in_seconds=TOKEN_SECONDS, clock=watch.clock.now)
    )
    world = World(token, sleep, watch.clock)
    async with httpx.AsyncClient(transport=wire, base_url="http://api") as http:
        client = AnalyticsClient(http, contract, world, retry_policy(60))
        policy = ExtractPolicy(concurrency=concurrency)
        extractor = Extractor(client.fetch, contract, policy, watch.clock)
        kept = Kept(contract)
        await extractor.begin(Pushdown(), kept).read()
    assert kept.rows.num_rows == len(dataset)
    assert wire.statuses.count(429) <= 0.1 * len(wire.statuses), watch.seconds
    assert watch.seconds < 2 * 60 * len(wire.statuses) / 60 + 60
