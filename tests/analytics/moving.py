"""An upstream in memory whose rows move between every two calls, and that remembers all of it.

Written without the gateway's own notions: rows are plain, filters are a few lines of Python. It
counts and reads at one moment, sorts newest first, and leaves ties in any order it likes.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from gateway.analytics.read.page import Page, arrow_schema
from gateway.analytics.read.request import PageRequest
from gateway.analytics.read.validate import check_length, check_rows
from gateway.contract.model import Contract, RangeFilter
from gateway.observe import Clock
from gateway.planner.pushdown import Pushdown, PushedRange, PushedValues

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
STATES = ("A", "B", "C")
GROUPS = ("g1", "g2", "g3")


@dataclass(frozen=True)
class Version:
    id: str
    state: str
    groups: tuple[str, ...]
    changed: datetime


@dataclass
class Upstream:
    """`drift` is called before every page but the first; `shuffle_ties` on each call anew.

    `history` holds all versions of each row, None while it was not there; `moments` all rows as
    each call met them.
    """

    contract: Contract
    seed: int = 0
    rows: dict[str, Version] = field(default_factory=dict)
    drift: Callable[[Upstream], None] = lambda _: None
    shuffle_ties: bool = False
    tells_date: bool = True
    now: datetime = BEGIN
    requests: list[PageRequest] = field(default_factory=list)
    history: dict[str, list[Version | None]] = field(default_factory=dict)
    moments: list[dict[str, Version]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.numbers = 0

    def fill(self, rows: int, *, instants: int = 10**9) -> None:
        """Rows changed at one of `instants` moments of the last hours."""
        for _ in range(rows):
            age = timedelta(milliseconds=1000 * self.random.randrange(min(instants, 20_000)))
            self.put(self.draw(f"r{self.numbers}", BEGIN - timedelta(hours=1) - age))
            self.numbers += 1

    def draw(self, key: str, changed: datetime) -> Version:
        groups = tuple(g for g in GROUPS if self.random.random() < 0.4)
        return Version(key, self.random.choice(STATES), groups, changed)

    def put(self, row: Version) -> None:
        self.rows[row.id] = row
        self.history.setdefault(row.id, [None] if self.requests else []).append(row)

    def touch(self, late: timedelta = timedelta()) -> None:
        """Change a row; `late` is how long ago its transaction began. No row becomes older."""
        changed = self.now - late
        keys = [row.id for row in self.rows.values() if row.changed <= changed]
        if keys:
            self.put(self.draw(self.random.choice(keys), changed))

    def late(self) -> None:
        """Change a row in a transaction that took a second and a half."""
        self.touch(timedelta(milliseconds=1_500))

    def insert(self) -> None:
        self.put(self.draw(f"r{self.numbers}", self.now))
        self.numbers += 1

    def delete(self) -> None:
        if self.rows:
            key = self.random.choice(list(self.rows))
            del self.rows[key]
            self.history[key].append(None)

    def matching(self, pushdown: Pushdown) -> list[Version]:
        checks = predicates(pushdown, self.contract)
        return [row for row in self.rows.values() if all(check(row) for check in checks)]

    def throughout(self, pushdown: Pushdown) -> set[str]:
        """Keys of rows that matched in every version they had since the first call."""
        checks = predicates(pushdown, self.contract)
        return {
            key
            for key, versions in self.history.items()
            if all(v is not None and all(check(v) for check in checks) for v in versions)
        }

    async def fetch(self, request: PageRequest) -> Page:
        """One page; calls overtake each other on their way there and back."""
        await self._dawdle()
        if self.requests:
            self.now += timedelta(seconds=1)
            self.drift(self)
        self.requests.append(request)
        self.moments.append(dict(self.rows))
        answer = self.answer(request)
        check_rows(request, answer, self.contract)
        check_length(request, answer)
        await self._dawdle()
        return answer

    def answer(self, request: PageRequest) -> Page:
        found = self.matching(request.pushdown)
        if self.shuffle_ties:
            self.random.shuffle(found)
        found.sort(key=lambda row: row.changed, reverse=True)
        page = found[request.skip : request.skip + request.limit]
        date = self.now.replace(microsecond=0) if self.tells_date else None
        return Page(to_table(page, self.contract), len(found), date)

    async def _dawdle(self) -> None:
        for _ in range(self.random.randrange(3)):
            await asyncio.sleep(0)

    def clock(self, ahead: timedelta = timedelta()) -> Clock:
        """The gateway's clock, which may go wrong."""
        return Clock(lambda: self.now + ahead, lambda: (self.now - EPOCH).total_seconds())


def matches(row: Version, pushdown: Pushdown, contract: Contract) -> bool:
    return all(check(row) for check in predicates(pushdown, contract))


def predicates(pushdown: Pushdown, contract: Contract) -> list[Callable[[Version], bool]]:
    return [
        _in_range(term, contract) if isinstance(term, PushedRange) else _in_values(term)
        for term in pushdown.terms
    ]


def _in_range(term: PushedRange, contract: Contract) -> Callable[[Version], bool]:
    filter_ = contract.column("changed").filter
    assert isinstance(filter_, RangeFilter)
    low, high = term.lower or BEGIN.replace(year=1), term.upper or BEGIN.replace(year=9999)
    if filter_.from_inclusive:
        return lambda row: low <= row.changed <= high
    return lambda row: low < row.changed < high


def _in_values(term: PushedValues) -> Callable[[Version], bool]:
    wanted = set(term.values)
    if term.column == "state":
        return lambda row: row.state in wanted
    return lambda row: not wanted.isdisjoint(row.groups)


def to_table(rows: list[Version], contract: Contract) -> pa.Table:
    members = [
        {
            "id": r.id,
            "state": r.state,
            "groups": list(r.groups),
            "changed": r.changed.replace(tzinfo=None),
        }
        for r in rows
    ]
    return pa.Table.from_pylist(members, schema=arrow_schema(contract))


def from_table(table: pa.Table) -> list[Version]:
    return [
        Version(r["id"], r["state"], tuple(r["groups"]), r["changed"].replace(tzinfo=UTC))
        for r in table.to_pylist()
    ]
