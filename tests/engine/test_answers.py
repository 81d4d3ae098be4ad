"""The engine's answers equal a brute-force evaluation, for random contracts, rows and questions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from random import Random
from typing import Any
from urllib.parse import quote

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from gateway.analytics.read.page import arrow_schema
from gateway.engine.run import Relation, Selection, count_rows, fetch_rows
from gateway.planner.plan import plan_query
from gateway.query.bind.query import bind
from gateway.query.request import parse_request
from gateway.query.tree.projection import Projection
from gateway.query.tree.queries import BoundQuery
from tests.planner.expressions import Expressions
from tests.planner.worlds import World, filters, orders, worlds
from tests.support.examples import examples
from tests.support.oracle import matching, ordered, window
from tests.support.oracle_values import DoesNotExist

thorough = examples(200, repeatable=True)


@pytest.fixture(scope="module")
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def table(world: World) -> pa.Table:
    rows = [{name: _naive(value) for name, value in row.items()} for row in world.rows]
    return pa.Table.from_pylist(rows, schema=arrow_schema(world.contract))


def _naive(value: Any) -> Any:
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


@thorough
@given(data=st.data(), world=worlds())
def test_filter_order_and_window_equal_the_oracle(
    cursor: duckdb.DuckDBPyConnection, data: st.DataObject, world: World
) -> None:
    filter_ = data.draw(filters(world.contract))
    orderby = data.draw(orders(world.contract))
    skip, top = data.draw(st.integers(0, 3)), data.draw(st.none() | st.integers(0, 4))
    url = f"$filter={quote(filter_)}" + (f"&$orderby={quote(orderby)}" if orderby else "")
    query = bind(parse_request(b"Results", url.encode()), world.contract.schema)
    assert isinstance(query, BoundQuery)
    order = plan_query(query, world.contract).order
    cursor.register("world", table(world))
    relation = Relation(cursor, "world")
    key = Projection((world.contract.column("id").prop,), ())

    texts = fetch_rows(relation, Selection(query.filter, order, skip, top), key)

    wanted = matching(world.rows, filter_)
    expected = window(ordered(wanted, f"{orderby or 'updatedAt desc'},id"), skip, top)
    assert [json.loads(text)["id"] for text in texts] == [row["id"] for row in expected]
    assert count_rows(relation, query.filter) == len(wanted)


@thorough
@given(world=worlds(), seed=st.integers(0, 2**32))
def test_expressions_equal_the_oracle(
    cursor: duckdb.DuckDBPyConnection, world: World, seed: int
) -> None:
    """What has no value, such as a division by zero, is for the tables."""
    cursor.register("world", table(world))
    expressions = Expressions(world.contract, Random(seed))
    for _ in range(10):
        filter_, orderby = expressions.condition(), expressions.order()
        note(f"$filter={filter_}&$orderby={orderby}")
        try:
            wanted = ordered(matching(world.rows, filter_), f"{orderby},id")
        except (DoesNotExist, OverflowError):
            continue
        assert keys_found(cursor, world, filter_, orderby) == [row["id"] for row in wanted]


def keys_found(
    cursor: duckdb.DuckDBPyConnection, world: World, filter_: str, orderby: str
) -> list[str]:
    url = f"$filter={quote(filter_)}&$orderby={quote(orderby)}"
    query = bind(parse_request(b"Results", url.encode()), world.contract.schema)
    assert isinstance(query, BoundQuery)
    selection = Selection(query.filter, plan_query(query, world.contract).order)
    key = Projection((world.contract.column("id").prop,), ())
    rows = fetch_rows(Relation(cursor, "world"), selection, key)
    return [json.loads(row)["id"] for row in rows]
