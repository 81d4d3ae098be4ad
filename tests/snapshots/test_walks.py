"""Random walks over a cache: feeds that begin early or late, while everything around them moves."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.errors import UpstreamUnavailable
from gateway.snapshots.freshness import FreshnessPolicy
from tests.analytics.moving import Version
from tests.snapshots.feeds import Feeds, feeds
from tests.support.examples import sparse

pytestmark = pytest.mark.anyio

SCOPES = ("one", "two", "three")
FRESHNESS = FreshnessPolicy(20, 20, 200, 300)


class Walk:
    """Rows are touched and come, none goes: so each feed has all that were there at first."""

    def __init__(self, f: Feeds, seed: int) -> None:
        self.f = f
        self.random = random.Random(f"walk {seed}")

    async def go(self) -> None:
        weather = asyncio.create_task(self._weather())
        await asyncio.gather(*(self._reader() for _ in range(4)))
        weather.cancel()
        await asyncio.gather(weather, return_exceptions=True)

    async def _weather(self) -> None:
        """Time passes, rows change, and the upstream is down now and then; in the end all is calm.

        On a slow machine the rows would else change faster than they can be read.
        """
        upstream = self.f.upstream
        for _ in range(600):
            await asyncio.sleep(0.002)
            upstream.is_down = self.random.random() < 0.25
            upstream.now += timedelta(seconds=self.random.choice((0, 0, 0, 1, 1, 15, 15, 700)))
            for _ in range(self.random.randrange(3)):
                self.random.choice((upstream.touch, upstream.insert))()
        upstream.is_down = False

    async def _reader(self) -> None:
        """Feeds, until six were read to their ends."""
        ended = 0
        while ended < 6:
            try:
                ended += await self._feed()
            except UpstreamUnavailable:  # before its first row
                await asyncio.sleep(0.003)

    async def _feed(self) -> bool:
        """Whether it came to its end."""
        scope, early = self.random.choice(SCOPES), self.random.random() < 0.7
        async with self.f.first(scope=scope, early=early) as snapshot:
            await asyncio.sleep(self.random.choice((0, 0, 0.004)))
            begun = snapshot.draft is not None
            rows, is_last = await self.f.page(snapshot, 0)
        while not is_last:
            if self.random.random() < 0.03:
                break  # the client has seen enough
            try:
                found = await self.f.next(snapshot.id, len(rows), scope, early=begun)
            except UpstreamUnavailable:
                await asyncio.sleep(0.003)
                continue
            if found is None:
                break
            rows += found[0]
            is_last = found[1]
        self.check(rows, self.first_rows if is_last else set())
        return is_last

    @property
    def first_rows(self) -> set[str]:
        """Keys that were there before any feed began."""
        return {key for key, versions in self.f.upstream.history.items() if versions[0] is not None}

    def check(self, rows: list[Version], at_least: set[str]) -> None:
        keys = [row.id for row in rows]
        assert len(keys) == len(set(keys)), "a row is there twice"
        assert at_least <= set(keys), "a row is lost"
        for row in rows:
            assert row in self.f.upstream.history[row.id], "a row is there that never was"


@pytest.mark.parametrize("where", ["memory", "directory"])
@pytest.mark.parametrize("budget", [1, 10**9], ids=["no room", "room"])
@pytest.mark.parametrize("seed", sparse(range(4)))
async def test_no_feed_has_a_wrong_row_whatever_happens(
    seed: int, budget: int, where: str, tmp_path: Path
) -> None:
    directory = tmp_path if where == "directory" else None
    async with feeds(directory, budget=budget, freshness=FRESHNESS, seed=seed) as f:
        walk = Walk(f, seed)
        async with asyncio.timeout(60):
            await walk.go()
        f.upstream.is_down = False
        await f.at_rest()
        f.wait(700)
        async with f.first(scope="last", early=False):
            pass
        await f.at_rest()
        assert f.drafts() == set()
        assert f.files() == set()
        assert [t for t in f.cache.tables if t.rows < len(walk.first_rows)] == []
