"""$search on rows, against the oracle."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from urllib.parse import quote

import duckdb
import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from gateway.engine.run import Relation, count_rows
from gateway.query.bind.query import bind
from gateway.query.request import parse_request
from gateway.query.tree.queries import BoundQuery
from grammar import parse_search
from tests.engine.test_answers import table
from tests.planner.worlds import World, worlds
from tests.support.examples import examples
from tests.support.search_oracle import finds

_WORDS = ("a", "B", "ab", "größe", "ß", "approved", "neil", "\uffff", "zz")
_PHRASES = ('"100 %_"', '"o\'neil"', '"😀"', '"GRÖSSE"', '"started"')


@pytest.fixture(scope="module")
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def expression(random: Random, depth: int) -> str:
    draw = random.random()
    if not depth or draw < 0.3:
        return random.choice((*_WORDS, *_PHRASES))
    if draw < 0.5:
        return f"NOT {expression(random, depth - 1)}"
    joint = random.choice((" ", " AND ", " OR "))
    text = f"{expression(random, depth - 1)}{joint}{expression(random, depth - 1)}"
    return f"({text})" if draw < 0.7 else text


@examples(150, repeatable=True)
@given(world=worlds(), seed=st.integers(0, 2**32))
def test_search_equals_the_oracle(
    cursor: duckdb.DuckDBPyConnection, world: World, seed: int
) -> None:
    random = Random(seed)
    cursor.register("world", table(world))
    for _ in range(8):
        text = expression(random, 3)
        note(text)
        url = f"$search={quote(text)}".encode()
        query = bind(parse_request(b"Results", url), world.contract.schema)
        assert isinstance(query, BoundQuery)
        wanted = sum(finds(parse_search(text), row) for row in world.rows)
        assert count_rows(Relation(cursor, "world"), query.filter) == wanted
