"""Row numbers and rows by them: the same rows, in the same order, as the engine's JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pytest

from gateway.engine.batches import all_rows, row_numbers, rows_at
from gateway.engine.columns import named, text_columns, typed_columns
from gateway.engine.run import Relation, Selection, fetch_rows
from gateway.engine.sql import Sql
from gateway.errors import InvalidValue
from gateway.query.bind.query import bind
from gateway.query.request import parse_request
from gateway.query.tree.expressions import BoundOrder, ColumnRef
from gateway.query.tree.projection import Projection
from gateway.query.tree.queries import BoundQuery
from gateway.query.tree.transformations import POSITION
from tests.engine.things import SCHEMA, one_row

NAMES = ("id", "five", "text")


@pytest.fixture
def relation() -> Iterator[Relation]:
    with duckdb.connect() as connection:
        connection.execute(
            f"""CREATE TABLE t AS SELECT printf('%03d', 99 - i) AS id, (i % 7)::INTEGER AS five,
                  CASE WHEN i % 3 > 0 THEN 'text ' || i END AS text, i AS "{POSITION.name}"
                FROM range(100) x(i)"""
        )
        key = SCHEMA.entity_sets[0].entity_type.find("id")
        assert key is not None
        yield Relation(connection, "t", (BoundOrder(ColumnRef(key), descending=True),))


def selection_of(relation: Relation, query: str) -> tuple[Selection, BoundQuery]:
    raw = f"$select={','.join(NAMES)}{query}".replace(" ", "%20").encode()
    bound = bind(parse_request(b"Results", raw), SCHEMA)
    assert isinstance(bound, BoundQuery)
    order = (*bound.orderby, *relation.positioned_by)
    return Selection(bound.filter, order, bound.skip, bound.top), bound


@pytest.mark.parametrize(
    "query",
    [
        "",
        "&$top=10",
        "&$skip=95",
        "&$skip=3&$top=4",
        "&$filter=five eq 3",
        "&$filter=text ne null&$skip=20&$top=30",
        "&$orderby=five",
        "&$orderby=text desc&$filter=five gt 2&$top=9",
        "&$filter=five gt 9",
        "&$orderby=length(text),five&$skip=50",
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_rows_by_their_numbers_are_the_rows_of_the_json(
    relation: Relation, query: str, size: int
) -> None:
    selection, bound = selection_of(relation, query)
    rows = [json.loads(r) for r in fetch_rows(relation, selection, Projection(bound.select, ()))]
    columns = named(typed_columns(bound.select, bound.computed))
    numbers = row_numbers(relation, selection)
    starts = range(0, max(1, len(numbers)), size)
    parts = [rows_at(relation, numbers.slice(start, size), columns) for start in starts]
    assert pa.concat_tables(parts).to_pylist() == rows
    assert all_rows(relation, selection, columns).to_pylist() == rows


def test_what_fails_on_the_data_fails_before_any_row_is_read(relation: Relation) -> None:
    selection, _ = selection_of(relation, "&$filter=10 div (five sub 3) gt 0")
    with pytest.raises(InvalidValue):
        row_numbers(relation, selection)


def test_texts_of_every_kind_of_value() -> None:
    with duckdb.connect() as connection:
        relation = one_row(connection)
        properties = SCHEMA.entity_sets[0].entity_type.properties
        for defused in (False, True):
            columns = named(text_columns(properties, (), defused=defused))
            by_key = (BoundOrder(ColumnRef(properties[0])),)
            [row] = all_rows(relation, Selection(None, by_key), columns).to_pylist()
            assert row == {
                "id": "k",
                "text": "aÖ😀 b",
                "none": None,
                "five": 5,
                "most": 2**63 - 1,
                "least": -(2**63),
                "zero": 0,
                "half": 2.5,
                "nought": 0.0,
                "nil": None,
                "yes": True,
                "at": "2024-02-29T23:59:58.001500Z",
                "old": "1969-12-31T23:59:59.999Z",
                "last": "9999-12-31T23:59:59.999999Z",
                "never": None,
                "name": "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
                "words": '["A"," b"]',
            }


@pytest.mark.parametrize("limit", [1, 99, 100, 101, 150, 1000])
@pytest.mark.parametrize("offset", [0, 7, 140, 600])
def test_a_page_of_a_filter_is_cut_from_all_its_rows(limit: int, offset: int) -> None:
    """However the rows lie: long pages are found by their numbers first."""
    with duckdb.connect() as connection:
        connection.execute(
            f"""CREATE TABLE t AS SELECT printf('%03d', i) AS id, (i % 7)::INTEGER AS five,
                  'text' AS text, i AS "{POSITION.name}" FROM range(1000) x(i) ORDER BY hash(i)"""
        )
        relation = Relation(connection, "t")
        condition = selection_of(relation, "&$filter=five ge 3")[0].filter
        key = Projection(SCHEMA.entity_sets[0].entity_type.key_properties, ())
        found = fetch_rows(relation, Selection(condition, (), offset, limit), key)
    wanted = [f"{i:03}" for i in range(1000) if i % 7 >= 3][offset : offset + limit]
    assert [json.loads(row)["id"] for row in found] == wanted


def test_parameters_stand_before_those_of_the_selection(relation: Relation) -> None:
    selection, _ = selection_of(relation, "&$filter=five eq 3&$top=1")
    found = all_rows(relation, selection, Sql("? AS a, r.five", ("x",)))
    assert found.to_pylist() == [{"a": "x", "five": 3}]
