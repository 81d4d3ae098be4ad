"""$orderby by expressions: null first ascending, last descending (Protocol 11.2.6.2)."""

from __future__ import annotations

import json

import duckdb
import pytest

from gateway.engine.run import Relation, Selection, fetch_rows
from gateway.query.tree.expressions import BoundOrder, ColumnRef
from gateway.query.tree.projection import Projection
from tests.engine.things import KEY, SCHEMA
from tests.query.asking import bound


@pytest.mark.parametrize(
    ("orderby", "keys"),
    [
        ("length(text)", "nabc"),
        ("length(text) desc", "cban"),
        ("number mod 2,id", "nbca"),
        ("number mod 2 desc,id desc", "acbn"),
        ("number gt 1 desc,id", "bcan"),
        ("year(at) add 1 desc,text desc", "bcan"),
        ("null,id desc", "ncba"),
        ("case(text eq 'ab':1)", "acnb"),
    ],
)
def test_rows_are_sorted_by_expressions(orderby: str, keys: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            """CREATE TABLE u AS FROM (VALUES
                 ('a', 'x', 1::DOUBLE, TIMESTAMP '2023-01-01'), ('b', 'ab', 2, '2024-05-05'),
                 ('c', 'aaa', 4, '2024-01-01'), ('n', NULL, NULL, NULL)
               ) AS t (id, "text", half, "at")"""
        )
        text = orderby.replace("number", "half")
        order = (*bound(f"$orderby={text}", schema=SCHEMA).orderby, BoundOrder(ColumnRef(KEY)))
        rows = fetch_rows(Relation(connection, "u"), Selection(None, order), Projection((KEY,), ()))
    assert "".join(json.loads(row)["id"] for row in rows) == keys
