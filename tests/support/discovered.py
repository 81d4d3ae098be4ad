"""Discovery of a variation in process, and its whole feed, to be compared with the truth."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.compute as pc

from gateway.analytics.extract.extractor import Extractor, ExtractPolicy
from gateway.analytics.read.client import AnalyticsClient, RetryPolicy, World
from gateway.analytics.read.request import PageRequest
from gateway.analytics.read.statistics import Figures
from gateway.contract.loader import built_in_contract, load_contract, read_file
from gateway.contract.model import Contract
from gateway.discovery.check import InForce, compare_with
from gateway.discovery.claims.find import find_description
from gateway.discovery.discover import Plan, discover
from gateway.discovery.hints import Hints, hints_of
from gateway.discovery.learned import Learned
from gateway.discovery.probe.caller import Caller, Pace
from gateway.discovery.write import contract_text
from gateway.observe import Clock
from gateway.planner.pushdown import Pushdown
from gateway.sandbox.dataset import Dataset
from gateway.sandbox.variations import Variant, Variation, create_variant

BASE_URL = "http://api.test"
USUAL = read_file(built_in_contract())


@dataclass(frozen=True)
class Discovered:
    """The result of discovery; `problems` are those that `init` would report."""

    learned: Learned
    text: str
    contract: Contract
    problems: tuple[str, ...]
    said: tuple[str, ...]


class Rows:
    """A sink that keeps the rows of an extract."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._parts: list[pa.Table] = []

    def append(self, rows: pa.Table) -> None:
        """Append rows."""
        self._parts.append(rows)

    def replace(self, rows: pa.Table) -> None:
        """Replace rows by their newer versions."""
        keys = rows.column(self._key).combine_chunks()
        others = (
            part.filter(pc.invert(pc.is_in(part.column(self._key), keys))) for part in self._parts
        )
        self._parts = [*others, rows]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows as Python values."""
        found: list[dict[str, Any]] = (
            pa.concat_tables(self._parts).to_pylist() if self._parts else []
        )
        return found


class Time:
    """A clock that only sleeping moves, for an API and for its client alike."""

    def __init__(self) -> None:
        self._now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        """Return the instant, aware, UTC."""
        return self._now

    def monotonic(self) -> float:
        """Return seconds."""
        return self._now.timestamp()

    async def sleep(self, seconds: float) -> None:
        """Move the clock, and let others run."""
        self._now += timedelta(seconds=seconds)
        await asyncio.sleep(0)


@dataclass(frozen=True)
class Upstream:
    """A variation, and the time that it and its client share."""

    variant: Variant
    time: Time


def start(variation: Variation, dataset: Dataset) -> Upstream:
    """Start a variation over a dataset."""
    clock = Time()
    variant = create_variant(
        variation, dataset, secret="s" * 32, clock=clock.now, sleep=clock.sleep
    )
    return Upstream(variant, clock)


def client_of(variant: Variant) -> httpx.AsyncClient:
    """Return a client of the variation."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(variant), base_url=BASE_URL)


async def learn_variant(
    upstream: Upstream, *, described: bool = True, zone: str = "", rare_calls: int = 34
) -> Discovered:
    """Discover a variation as init does.

    Raises:
        DoorProblem: as discovery.
    """
    said: list[str] = []
    variant, clock = upstream.variant, upstream.time
    async with client_of(variant) as http:
        hints = await _described(variant) if described else Hints()
        caller = Caller(
            http, _token(variant), Pace(clock.sleep, clock.monotonic, 0.0), hints.headers
        )
        learned = await discover(
            caller, Plan(USUAL, hints=hints, zone=zone, rare_calls=rare_calls), said.append
        )
        text = contract_text(learned, built_in_contract(), USUAL, BASE_URL)
        contract = load_contract(text)
        client = _client(upstream, http, contract, caller.headers)
        in_force = InForce(read_file(text), contract, BASE_URL)
        findings = await compare_with(client, in_force, learned, built_in_contract(), proves=False)
        problems = tuple(f"{f.subject}: {f.text}" for f in findings if not f.fits)
    return Discovered(learned, text, contract, problems, tuple(said))


async def _described(variant: Variant) -> Hints:
    async with client_of(variant) as http:
        found = await find_description(http, BASE_URL, variant.make_token())
    return Hints() if found.claims is None else hints_of(found.claims, BASE_URL)


async def read_feed(
    upstream: Upstream, found: Discovered, pushdown: Pushdown | None = None
) -> list[dict[str, Any]]:
    """Read all rows of a pushdown with the contract that was written.

    Raises:
        GatewayError: the feed is refused.
    """
    async with client_of(upstream.variant) as http:
        client = _client(upstream, http, found.contract, found.learned.headers)
        clock = Clock(upstream.time.now, upstream.time.monotonic)
        sink = Rows(found.contract.key)
        extractor = Extractor(client.fetch, found.contract, ExtractPolicy(), clock)
        await extractor.begin(pushdown or Pushdown(), sink).read()
    return sink.rows


async def read_total(upstream: Upstream, found: Discovered) -> int | None:
    """Return the total that a request without filters reports."""
    contract = found.contract
    async with client_of(upstream.variant) as http:
        client = _client(upstream, http, contract, found.learned.headers)
        request = PageRequest(Pushdown(), 0, 1, contract.order_column, for_total=True)
        return (await client.fetch(request)).stated


async def read_statistics(upstream: Upstream, found: Discovered) -> Figures:
    """Return the statistics of all rows."""
    async with client_of(upstream.variant) as http:
        client = _client(upstream, http, found.contract, found.learned.headers)
        return await client.fetch_statistics(Pushdown())


def _token(variant: Variant) -> Any:
    token = variant.make_token()

    async def current(refused: str = "") -> str:
        return token

    return current


def _client(
    upstream: Upstream, http: httpx.AsyncClient, contract: Contract, headers: Mapping[str, str]
) -> AnalyticsClient:
    http.headers.update(headers)
    clock = Clock(upstream.time.now, upstream.time.monotonic)
    world = World(_token(upstream.variant), upstream.time.sleep, clock)
    return AnalyticsClient(http, contract, world, RetryPolicy(budget=600))


def differences(
    found: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]], columns: set[str]
) -> list[str]:
    """Return what differs between two feeds, column by column; empty if they are equal."""
    if len(found) != len(wanted):
        return [f"{len(found)} rows, not {len(wanted)}"]
    names = sorted(columns & set(wanted[0]) - {"id"}) if wanted else []
    one, other = (sorted(_plain(row, names) for row in rows) for rows in (found, wanted))
    if one == other:
        return []
    return [name for name in names if _column(found, name) != _column(wanted, name)] or ["rows"]


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    return sorted(_text(row[name]) for row in rows)


def _plain(row: Mapping[str, Any], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(_text(row[name]) for name in names)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat()
    if isinstance(value, list | tuple):
        return repr(sorted(map(str, value)))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(round(float(value), 6))
    return repr(value)
