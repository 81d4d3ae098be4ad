"""CPU of the gateway's process for one upstream page: fetched, decoded, checked, as columns.

`python -m benchmarks.pages [PAGES]`; PAGES of 1,000 rows is 60 unless given. Compared with decoding
the same bytes to plain Python values, and with fetching them by plain httpx and dropping them.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import msgspec
import uvloop
from httpx_aiohttp import HttpxAiohttpClient

from benchmarks.support import SECRET, Line, sandbox, table
from gateway.analytics.read.client import AnalyticsClient, RetryPolicy, World
from gateway.analytics.read.page import PageReader
from gateway.analytics.read.request import PageRequest, to_payload
from gateway.auth.tokens import GivenToken
from gateway.contract.loader import built_in_contract, load_contract
from gateway.observe import Clock
from gateway.planner.pushdown import Pushdown
from gateway.sandbox import make_token

_LIMIT = 1_000
_PASSES = 5
_FETCHED, _COLUMNS = "fetched, as columns", "columns of its bytes"
_DROPPED, _ANY = "plain httpx, dropped", "msgspec of its bytes"
_COMPARED = ((_FETCHED, _DROPPED, 2.5), (_FETCHED, _ANY, 2.5), (_COLUMNS, _ANY, 1.5))
_FIELDS = (("department", "cf_department"), ("region", "cf_region"))


@dataclass
class Bench:
    """Return CPU milliseconds a page, by kind of work and by pass."""

    contract = load_contract(built_in_contract(), _FIELDS)
    token = make_token(SECRET)
    spent: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    async def run(self, base_url: str, requests: list[PageRequest]) -> None:
        """Do each request in all ways in turn, so that other load affects all of them."""
        world = World(
            GivenToken(self.token), asyncio.sleep, Clock(lambda: datetime.now(UTC), time.monotonic)
        )
        async with (
            HttpxAiohttpClient(base_url=base_url) as ours,
            httpx.AsyncClient(base_url=base_url) as plain,
        ):
            client = AnalyticsClient(ours, self.contract, world, RetryPolicy())
            reader = PageReader(self.contract)
            for _ in range(_PASSES):
                for request in requests:
                    body = await self._timed(_DROPPED, lambda r=request: self._fetch(plain, r))
                    await self._timed(_FETCHED, lambda r=request: client.fetch(r))
                    await self._timed(_COLUMNS, lambda b=body: _now(lambda: reader.read(b)))
                    await self._timed(_ANY, lambda b=body: _now(lambda: msgspec.json.decode(b)))

    async def _fetch(self, http: httpx.AsyncClient, request: PageRequest) -> bytes:
        headers = {"Authorization": f"Bearer {self.token}"}
        payload = to_payload(request, self.contract)
        answer = await http.post(self.contract.results_path, json=payload, headers=headers)
        return answer.raise_for_status().content

    async def _timed(self, name: str, work: Callable[[], Awaitable[object]]) -> object:
        started = time.process_time()
        found = await work()
        self.spent[name].append((time.process_time() - started) * 1000)
        return found

    def median(self, name: str) -> float:
        """Return the figures of all pages and passes."""
        return statistics.median(self.spent[name])


async def _now(work: Callable[[], object]) -> object:
    return work()


def main(pages: int) -> None:
    """Print the table."""
    bench = Bench()
    skips = range(0, pages * _LIMIT, _LIMIT)
    requests = [PageRequest(Pushdown(), skip, _LIMIT, "updatedAt") for skip in skips]
    with sandbox(pages * _LIMIT) as upstream:
        gc.collect()
        gc.freeze()
        uvloop.run(bench.run(upstream.url, requests))
    lines = []
    for ours, theirs, goal in _COMPARED:
        left, right = bench.median(ours), bench.median(theirs)
        figures = f"{left:.1f} ms vs {right:.1f} ms"
        lines.append(Line(f"{ours} / {theirs}", left / right, goal, figures))
    table(f"CPU of a page of {_LIMIT:,} rows", lines)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
