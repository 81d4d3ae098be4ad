"""The rows that the fuzzer asks about: few, and full of what is easily got wrong.

Nulls beside empty texts, quotes, percent signs, letters of all sizes, equal instants and instants
at both ends of time, people in no group and in many, keys that must be encoded in a URL, one
person under two names. The tables made of them come from `tests.support.star_oracle`, plain Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from gateway.contract.loader import built_in_contract
from tests.planner.worlds import GROUPS, INTEGERS, NUMBERS, TEXTS
from tests.support.flat import feed_order, flat_row
from tests.support.live import FIELDS
from tests.support.star_oracle import Star

Nested = dict[str, Any]
STATES = ("NOT_STARTED", "IN_PROGRESS", "APPROVED", "FAILED", "EXPIRED")
ENROLLMENTS = ("MANDATORY", "OPTIONAL", "NOT_ENROLLED")
TABLES = (
    *("Users", "Contents", "Groups", "GroupMembers", "ResultRows"),
    *("ContentStatistics", "UserStatistics", "GroupStatistics", "Statistics"),
)
KEYS: Mapping[str, tuple[str, ...]] = {
    "Results": ("id",),
    "ResultRows": ("rowId",),
    "Users": ("id",),
    "Contents": ("id",),
    "Groups": ("id",),
    "GroupMembers": ("userId", "groupId"),
    "ContentStatistics": ("contentId",),
    "UserStatistics": ("userId",),
    "GroupStatistics": ("groupId",),
    "Statistics": ("id",),
}
WAYS: Mapping[str, Mapping[str, tuple[str, str, str, bool]]] = {
    "Results": {
        "user": ("Users", "userId", "id", False),
        "content": ("Contents", "contentId", "id", False),
    },
    "Users": {
        "results": ("Results", "id", "userId", True),
        "memberships": ("GroupMembers", "id", "userId", True),
        "statistics": ("UserStatistics", "id", "userId", False),
    },
    "Contents": {
        "results": ("Results", "id", "contentId", True),
        "statistics": ("ContentStatistics", "id", "contentId", False),
    },
    "Groups": {
        "members": ("GroupMembers", "id", "groupId", True),
        "statistics": ("GroupStatistics", "id", "groupId", False),
    },
    "GroupMembers": {
        "user": ("Users", "userId", "id", False),
        "group": ("Groups", "groupId", "id", False),
    },
    "ContentStatistics": {"content": ("Contents", "contentId", "id", False)},
    "UserStatistics": {"user": ("Users", "userId", "id", False)},
    "GroupStatistics": {"group": ("Groups", "groupId", "id", False)},
}
"""For each navigation property: set, own property, the other's, and whether it leads to many."""
EXTRA = (("score", "Edm.Int64"), ("flag", "Edm.Boolean"), ("other", "Edm.String"))
"""Columns beside those of the shipped contract, so that all types are asked about."""
UPSTREAM_PAGE = 20
_DAY = datetime(2024, 2, 29, 12, 0, tzinfo=UTC)
_INSTANTS = (
    *(_DAY + timedelta(milliseconds=n) for n in (0, 0, 1, 999, 1000, 86_400_000)),
    _DAY + timedelta(microseconds=500),
    datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=UTC),
)
_KEYS = ("a", "O'Neil", "100 %_", "ü/", "+ 😀", "#?&=", "(x)", "A", "")


class Entity(dict[str, Any]):
    """A row; its navigation properties are found when they are wanted."""

    def __init__(
        self, columns: Mapping[str, Any], set_name: str, find: Callable[[Entity, str], Any]
    ) -> None:
        super().__init__(columns)
        self.set_name = set_name
        self.find = find

    def __missing__(self, name: str) -> Any:
        return self.find(self, name)

    def plus(self, name: str, value: Any) -> Entity:
        """Return the row with one more column."""
        return Entity({**self, name: value}, self.set_name, self.find)


@dataclass(frozen=True, slots=True)
class World:
    """All tables in the service's order; `nested` is what the Analytics API holds."""

    nested: tuple[Nested, ...]
    tables: Mapping[str, list[Entity]]


def contract_toml() -> str:
    """Return the shipped contract with the extra columns and a small page."""
    text = built_in_contract().replace("largest = 1000 ", f"largest = {UPSTREAM_PAGE} # ", 1)
    tables = [
        f'[[columns]]\nname = "{name}"\npath = "{name}"\ntype = "{type_}"\noptional = true\n'
        f'label = "{name}"\nsource = "assumed"\n'
        for name, type_ in EXTRA
    ]
    return text + "\n" + "\n".join(tables)


def make_rows(random: Random, number: int = 48) -> tuple[Nested, ...]:
    """Return rows in the nested shape of the Analytics API."""
    people = [_person(random, key) for key in random.sample(_KEYS, k=7)]
    contents = [
        {"id": key, "name": _maybe(random, TEXTS), "type": _maybe(random, ("COURSE", "QUIZ", ""))}
        for key in random.sample(_KEYS, k=6)
    ]
    return tuple(_row(random, n, people, contents) for n in range(number))


def _person(random: Random, key: str) -> Nested:
    groups = [{"id": g, "name": f"Group {g}"} for g in random.sample(GROUPS, k=random.randrange(4))]
    fields = [
        {"customFieldId": i, "name": n, "value": _maybe(random, TEXTS)} for n, i in FIELDS[:2]
    ]
    own = {name: _maybe(random, TEXTS) for name in ("name", "email", "avatar")}
    return {"id": key, **own, "groups": groups, "customFields": fields}


def _row(random: Random, n: int, people: list[Nested], contents: list[Nested]) -> Nested:
    user = random.choice(people)
    if random.random() < 0.1:
        user = {**user, "name": "another name"}
    row = {
        "id": f"{random.choice(_KEYS)}{n}",
        "user": user,
        "content": random.choice(contents),
        "progress": _maybe(random, NUMBERS),
        "state": random.choice(STATES),
        "enrollmentType": random.choice(ENROLLMENTS),
        "updatedAt": _text(random.choice(_INSTANTS[:7])),
        "score": _maybe(random, INTEGERS),
        "flag": _maybe(random, (True, False)),
        "other": _maybe(random, TEXTS),
    }
    for name in ("startedAt", "completedAt", "expiryDate", "certificateIssuedAt"):
        at = _maybe(random, _INSTANTS)
        row[name] = None if at is None else _text(at)
    return row


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _maybe(random: Random, pool: tuple[Any, ...]) -> Any:
    return None if random.random() < 0.2 else random.choice(pool)


def world_of(nested: Iterable[Nested]) -> World:
    """Return the tables made of the rows; for a role, of those that it sees."""
    rows = tuple(nested)
    extra = {row["id"]: {name: row[name] for name, _ in EXTRA} for row in rows}
    star = Star(rows, datetime.now(UTC))
    flat = feed_order(map(flat_row, rows))
    found: dict[str, list[dict[str, Any]]] = {name: star.table(name) for name in TABLES}
    found["ResultRows"] = [{**row, **extra[row["id"]]} for row in found["ResultRows"]]
    found["Results"] = [{**row, **extra[row["id"]]} for row in flat]
    tables: dict[str, list[Entity]] = {}

    def find(row: Entity, name: str) -> Any:
        target, own, other, many = WAYS[row.set_name][name]
        others = [entity for entity in tables[target] if entity[other] == row[own]]
        return others if many else (others[0] if others else None)

    for name, items in found.items():
        tables[name] = [Entity(_typed(item), name, find) for item in items]
    return World(rows, tables)


def _typed(row: Mapping[str, Any]) -> dict[str, Any]:
    """Instants that the tables have as text are instants."""
    at = row.get("partitionDay")
    if at is None:
        return dict(row)
    return {**row, "partitionDay": datetime.fromisoformat(at)}
