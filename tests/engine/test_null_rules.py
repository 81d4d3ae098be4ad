"""Null, empty and NaN in filters: where OData differs from SQL (URL Conventions 5.1.1.1)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import duckdb
import pytest

from gateway.engine.run import Relation, Selection, count_rows, fetch_rows
from gateway.query.tree.expressions import BoundOrder, ColumnRef
from gateway.query.tree.projection import Projection
from tests.query.asking import SCHEMA, bound

KEY = SCHEMA.entity_sets[0].entity_type.properties[0]


@pytest.fixture(scope="module")
def relation() -> Iterator[Relation]:
    """Row n has nulls and no groups, e has empty text and zero, v has values."""
    with duckdb.connect() as connection:
        connection.execute(
            """CREATE TABLE t AS FROM (VALUES
                 ('e', '', 0.0::DOUBLE, ['']), ('n', NULL, NULL, []), ('v', 'Vö', 5.5, ['a', 'b'])
               ) AS t (id, "userName", progress, "groupIds")"""
        )
        yield Relation(connection, "t")


@pytest.mark.parametrize(
    ("filter_", "keys"),
    [
        ("userName eq null", "n"),
        ("userName ne null", "ev"),
        ("userName eq ''", "e"),
        ("userName ne ''", "nv"),
        ("null eq null", "env"),
        ("null ne null", ""),
        ("progress gt 0", "v"),
        ("not (progress gt 0)", "en"),
        ("progress ge null", ""),
        ("not (progress ge null)", "env"),
        ("progress lt null or progress le 0", "e"),
        ("userName in ('Vö',null)", "nv"),
        ("userName in (null)", "n"),
        ("not (userName in (''))", "nv"),
        ("userName in ()", ""),
        ("not (userName in ())", "env"),
        ("progress in (NaN)", ""),
        ("progress eq NaN", ""),
        ("progress ne NaN", "env"),
        ("progress lt NaN or progress gt NaN", ""),
        ("progress lt INF and progress gt -INF", "ev"),
        ("contains(userName,'')", "ev"),
        ("not contains(userName,'V')", "e"),
        ("contains(userName,null)", ""),
        ("contains(userName,null) eq null", "env"),
        ("contains('Vöx',userName)", "ev"),
        ("startswith(null,null) or true", "env"),
        ("(contains(userName,'V') or true) eq true", "env"),
        ("(contains(userName,'V') and false) eq false", "env"),
        ("(contains(userName,'V') and true) eq null", "n"),
        ("(not contains(userName,'V')) eq null", "n"),
        ("groupIds/any()", "ev"),
        ("not groupIds/any()", "n"),
        ("groupIds/any(g:g eq 'a')", "v"),
        ("groupIds/all(g:g eq '')", "en"),
        ("groupIds/all(g:contains(g,null))", "n"),
        ("groupIds/any(g:g eq userName)", "e"),
        ("groupIds/any(g:true)", "ev"),
        ("null", ""),
        ("not null", ""),
    ],
)
def test_rows_that_pass(relation: Relation, filter_: str, keys: str) -> None:
    condition = bound(f"$filter={filter_}").filter
    selection = Selection(condition, (BoundOrder(ColumnRef(KEY)),))
    texts = fetch_rows(relation, selection, Projection((KEY,), ()))
    assert "".join(json.loads(text)["id"] for text in texts) == keys
    assert count_rows(relation, condition) == len(keys)


@pytest.mark.parametrize(
    ("orderby", "keys"), [("userName", "nev"), ("userName desc", "ven"), ("progress desc", "ven")]
)
def test_null_comes_first_ascending_and_last_descending(
    relation: Relation, orderby: str, keys: str
) -> None:
    selection = Selection(None, bound(f"$orderby={orderby}").orderby)
    texts = fetch_rows(relation, selection, Projection((KEY,), ()))
    assert "".join(json.loads(text)["id"] for text in texts) == keys
