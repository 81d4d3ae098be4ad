"""Groups of every table by any columns, sorted by any of them, against a brute-force evaluation.

The key and a table's own order are among them: rows that $apply makes have neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import permutations
from random import Random
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.apply_oracle import applied
from tests.support.examples import QUARTERS
from tests.support.live import Bridge
from tests.support.oracle import ordered
from tests.support.oracle_values import value_of
from tests.web.test_star import INSTANTS, TABLES

KEYS = {"GroupMembers": ("userId", "groupId"), "ResultRows": ("rowId",), "Statistics": ("id",)}
OWN_ORDER = {
    "Results": ("updatedAt desc", "id"),
    "ResultRows": ("updatedAt desc", "id"),
}
INNER = ("", ",aggregate($count as n)", ",filter(1 eq 1)", ",top(1)/aggregate($count as n)")


def key_of(table: str, row: dict[str, Any]) -> tuple[str, ...]:
    return KEYS.get(table) or (next(iter(row)),)


def with_instants(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value)
        if name in INSTANTS and isinstance(value, str)
        else value
        for name, value in row.items()
        if "@" not in name and name != "partitionDay"
    }


def questions(table: str, row: dict[str, Any], random: Random) -> list[tuple[str, str]]:
    """Pairs of $apply and $orderby."""
    key = key_of(table, row)
    own = OWN_ORDER.get(table, key)
    names = [name for name, value in row.items() if not isinstance(value, list)]
    found = [
        (f"groupby(({','.join(by)}){inner})", ",".join(order))
        for by in permutations(dict.fromkeys(item.split()[0] for item in (*own, *key)))
        for inner in ("", ",aggregate($count as n)")
        for order in ((), own, key, tuple(f"{name} desc" for name in key))
    ]
    found.append((f"groupby(({','.join(names)}))", ",".join(own)))
    found += [(f"{text}(1)/identity", ",".join(own)) for text in ("skip", "top")]
    for _ in range(10):
        by = random.sample(names, k=min(len(names), random.choice([1, 2, 3])))
        order = (f"{name}{random.choice(['', ' desc'])}" for name in random.sample(by, k=len(by)))
        found.append((f"groupby(({','.join(by)}){random.choice(INNER)})", ",".join(order)))
    return found


@pytest.mark.parametrize("quarter", QUARTERS)
@pytest.mark.parametrize("table", ["Results", *TABLES])
def test_groups_of_any_columns_equal_the_oracle(live: Bridge, table: str, quarter: int) -> None:
    shown = "" if table != "ResultRows" else "?$top=300"
    rows = [with_instants(row) for row in live.feed(f"{table}{shown}")]
    for apply, order in questions(table, rows[0], Random(table))[quarter::4]:
        leading = "top(300)/" if shown else ""
        query = f"$apply={leading}{apply}" + (f"&$orderby={order}" if order else "")
        found = live.feed(f"{table}?{quote(query, safe='$&=')}", {"Prefer": "maxpagesize=1000"})
        wanted: list[Mapping[str, Any]] = [*applied(apply, rows)]
        wanted = ordered(wanted, order) if order else wanted
        given = [{n: value_of(v) for n, v in with_instants(row).items()} for row in found]
        assert given == [{n: value_of(v) for n, v in row.items()} for row in wanted], query


def test_navigation_does_not_start_at_groups_that_look_like_entities(live: Bridge) -> None:
    answer = live.get("GroupMembers?$apply=groupby((userId,groupId))&$filter=user/name%20ne%20null")
    assert answer.status_code == 400
    assert "user" in answer.json()["error"]["message"]
