"""$apply on rows equals a brute-force evaluation, for random rows and transformations."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from random import Random
from typing import Any
from urllib.parse import quote

import duckdb
import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from gateway.engine.run import Relation, Selection, count_rows, fetch_rows
from gateway.errors import NotSupported
from gateway.planner.plan import natural_order, plan_query
from gateway.query.bind.query import bind
from gateway.query.request import parse_request
from gateway.query.tree.queries import BoundQuery
from gateway.writer.bodies import projection_for
from gateway.writer.format import Format
from gateway.writer.links import Links
from grammar import parse_apply
from grammar.tree.transformations import FilterStep, Identity, SearchStep
from tests.engine.test_answers import table
from tests.planner.sequences import Sequences, entity_columns
from tests.planner.worlds import World, worlds
from tests.support.apply_oracle import Row, applied
from tests.support.examples import examples
from tests.support.oracle import matching, ordered
from tests.support.oracle_values import Instant, instant_of, value_of

LINKS = Links("https://h/odata/v4/")


@pytest.fixture(scope="module")
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def relation_of(cursor: duckdb.DuckDBPyConnection, world: World) -> Relation:
    """The world's rows as a snapshot keeps them: in the feed's order, numbered."""
    cursor.register("world", table(world))
    cursor.execute(
        "CREATE OR REPLACE TABLE positioned AS SELECT *, (row_number() OVER ()) - 1 AS"
        ' "$position" FROM (SELECT * FROM world ORDER BY "updatedAt" DESC NULLS LAST, id)'
    )
    return Relation(cursor, "positioned", natural_order(world.contract))


def rows_of(relation: Relation, world: World, url: str) -> tuple[list[Any], int]:
    query = bind(parse_request(b"Results", quote(url, safe="$&=").encode()), world.contract.schema)
    assert isinstance(query, BoundQuery)
    plan = plan_query(query, world.contract)
    projection = projection_for(query, Format("4.01"), LINKS, "Test")
    selection = Selection(query.filter, plan.order, apply=query.apply)
    texts = fetch_rows(relation, selection, projection)
    number = count_rows(relation, query.filter, query.apply)
    return [json.loads(text, parse_float=Decimal) for text in texts], number


@examples(250, repeatable=True)
@given(world=worlds(25), seed=st.integers(0, 2**32))
def test_transformations_equal_the_oracle(
    cursor: duckdb.DuckDBPyConnection, world: World, seed: int
) -> None:
    random = Random(seed)
    relation = relation_of(cursor, world)
    feed = ordered(sorted(world.rows, key=lambda row: row["id"]), "updatedAt desc")
    for _ in range(4):
        sequences = Sequences(random)
        text, columns = sequences.sequence(entity_columns())
        wanted: list[Mapping[str, Any]] = [*applied(text, feed)]
        url = f"$apply={text}"
        if columns.kinds and random.random() < 0.5:
            filter_, order = sequences.condition(columns), sequences.order(columns)
            url += f"&$filter={filter_}&$orderby={order}"
            kept = [Row(row) for row in matching(wanted, filter_)]
            if _keeps_entities(text):  # then it is a plain query, whose ties go by key
                kept.sort(key=lambda row: row["id"])
            wanted = ordered(kept, order)
        note(url)
        try:
            found, number = rows_of(relation, world, url)
        except NotSupported:
            continue
        assert [_found(row) for row in found] == [_wanted(row) for row in wanted]
        assert number == len(wanted)


def _keeps_entities(text: str) -> bool:
    plain = Identity | FilterStep | SearchStep
    return all(isinstance(step, plain) for step in parse_apply(text))


def _wanted(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value_of(value)) for name, value in row.items()}


def _plain(value: Any) -> Any:
    match value:
        case bool() | str() | None | list():
            return value
        case Instant(seconds):
            return seconds
        case _:
            return float(format(float(value), ".9g"))


def _found(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _read(value) for name, value in row.items() if "@" not in name}


def _read(value: Any) -> Any:
    if isinstance(value, str) and value[-1:] == "Z" and value[4:5] == "-":
        return instant_of(value).seconds
    return _plain(value)
