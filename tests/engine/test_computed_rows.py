"""Computed properties as JSON: values against the oracle, and the types that JSON does not tell."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any
from urllib.parse import quote

import duckdb
import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from gateway.engine.run import Relation, Selection, fetch_rows
from gateway.errors import InvalidValue
from gateway.query.bind.query import bind
from gateway.query.request import parse_request
from gateway.query.tree.expressions import BoundOrder, ColumnRef
from gateway.query.tree.queries import BoundQuery
from gateway.writer.bodies import projection_for
from gateway.writer.format import Format, Metadata
from gateway.writer.links import Links
from grammar import parse_expression
from tests.engine.test_answers import table
from tests.engine.things import KEY, SCHEMA, one_row
from tests.planner.expressions import Expressions
from tests.planner.worlds import World, worlds
from tests.support.examples import examples
from tests.support.oracle import evaluate
from tests.support.oracle_values import (
    DoesNotExist,
    Duration,
    Instant,
    duration_of,
    instant_of,
)

LINKS = Links("https://h/odata/v4/")
V401 = Format("4.01")
BY_KEY = (BoundOrder(ColumnRef(KEY)),)


@pytest.fixture(scope="module")
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def rows_of(relation: Relation, query: BoundQuery, format_: Format) -> list[str]:
    projection = projection_for(query, format_, LINKS, "Test")
    return [row.decode() for row in fetch_rows(relation, Selection(None, BY_KEY), projection)]


@examples(150, repeatable=True)
@given(world=worlds(12), seed=st.integers(0, 2**32))
def test_values_equal_the_oracle(
    cursor: duckdb.DuckDBPyConnection, world: World, seed: int
) -> None:
    random = Random(seed)
    expressions = Expressions(world.contract, random)
    kinds = (expressions.text, expressions.whole, expressions.number, expressions.decimal)
    more = (expressions.instant, expressions.day, expressions.duration, expressions.condition)
    cursor.register("world", table(world))
    for _ in range(6):
        text = random.choice((*kinds, *more))(random.choice((1, 2)))
        note(text)
        url = f"$select=x,id&$compute={quote(text)} as x".replace(" ", "%20")
        try:
            wanted = {row["id"]: evaluate(parse_expression(text), row, {}) for row in world.rows}
        except (DoesNotExist, OverflowError):
            continue
        query = bind(parse_request(b"Results", url.encode()), world.contract.schema)
        assert isinstance(query, BoundQuery)
        found = rows_of(Relation(cursor, "world"), query, V401)
        for row in map(_exact, found):
            assert _same(row["x"], row.get("x@type"), wanted[row["id"]]), (row, wanted[row["id"]])


def _exact(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def _same(value: Any, type_: str | None, wanted: Any) -> bool:
    match wanted:
        case bool() | str() | None:
            return bool(value == wanted) and (type_ is None or wanted is None)
        case Instant():
            return type_ == "DateTimeOffset" and instant_of(value) == wanted
        case Duration():
            return type_ == "Duration" and duration_of(value) == wanted
        case date():
            return type_ == "Date" and str(value) == wanted.isoformat()
        case float():
            return _same_double(value, type_, wanted)
        case Decimal():
            assert isinstance(value, int | Decimal)
            return type_ in ("Decimal", None, "Double") and math.isclose(value, wanted)
        case _:
            return bool(value == wanted)


def _same_double(value: Any, type_: str | None, wanted: float) -> bool:
    """Each says its type; a text stands for what is no number."""
    if isinstance(value, str):
        number = {"NaN": math.nan, "INF": math.inf, "-INF": -math.inf}[value]
        same = number == wanted or (math.isnan(number) and math.isnan(wanted))
        return same and type_ == "Double"
    return type_ == "Double" and math.isclose(float(value), wanted)


ROWS = [
    ("five add 1", V401, '"x@type":"Int64","x":6'),
    ("five", Format(), '"x@odata.type":"#Int32","x":5'),
    ("most", Format(ieee754=True), '"x@odata.type":"#Int64","x":"9223372036854775807"'),
    ("five divby 2", Format(ieee754=True), '"x@odata.type":"#Decimal","x":"2.500000000000"'),
    ("five divby 2", Format(), '"x@odata.type":"#Decimal","x":2.500000000000'),
    ("half", Format(), '"x@odata.type":"#Double","x":2.5'),
    ("half", V401, '"x@type":"Double","x":2.5'),
    ("half", Format(ieee754=True), '"x@odata.type":"#Double","x":2.5'),
    ("half", Format(metadata=Metadata.NONE), '"x":2.5'),
    ("half div 0", Format(), '"x@odata.type":"#Double","x":"INF"'),
    ("-half div 0", V401, '"x@type":"Double","x":"-INF"'),
    ("nought div 0", Format(), '"x@odata.type":"#Double","x":"NaN"'),
    ("nil div 0", Format(), '"x@odata.type":"#Double","x":null'),
    ("nought div 0", Format(metadata=Metadata.NONE), '"x":"NaN"'),
    ("five", Format(metadata=Metadata.NONE), '"x":5'),
    ("text", Format(), '"x":"aÖ😀 b"'),
    ("yes", Format(), '"x":true'),
    ("at", Format(), '"x@odata.type":"#DateTimeOffset","x":"2024-02-29T23:59:58.001500Z"'),
    ("time(at)", Format(), '"x@odata.type":"#TimeOfDay","x":"23:59:58.0015"'),
    ("date(at)", V401, '"x@type":"Date","x":"2024-02-29"'),
    ("at sub old", V401, '"x@type":"Duration","x":"P19782DT23H59M58.0025S"'),
    ("old sub at", V401, '"x@type":"Duration","x":"-P19782DT23H59M58.0025S"'),
    ("at sub at", V401, '"x@type":"Duration","x":"P0DT0H0M0S"'),
    ("at sub never", V401, '"x@type":"Duration","x":null'),
    ("null", Format(), '"x":null'),
    ("'\"x@odata.type\":null,'", Format(), '"x":"\\"x@odata.type\\":null,"'),
]


@pytest.fixture(scope="module")
def relation(cursor: duckdb.DuckDBPyConnection) -> Relation:
    return one_row(cursor)


def render(relation: Relation, compute: str, format_: Format) -> str:
    url = f"$select=x&$compute={quote(compute)}%20as%20x".encode()
    query = bind(parse_request(b"Results", url), SCHEMA)
    assert isinstance(query, BoundQuery)
    [text] = rows_of(relation, query, format_)
    return text


@pytest.mark.parametrize(("compute", "format_", "members"), ROWS)
def test_the_type_stands_before_the_value_where_json_does_not_tell(
    relation: Relation, compute: str, format_: Format, members: str
) -> None:
    text = render(relation, compute, format_)
    key = f'"{format_.prefix}id":"https://h/odata/v4/Results(\'k\')",'
    assert text == f"{{{'' if format_.metadata is Metadata.NONE else key}{members}}}"


def test_a_text_like_a_type_stays_in_a_row_with_a_double(relation: Relation) -> None:
    text = "half as y,concat(text,'\"y@odata.type\":null,') as x"
    url = f"$select=x,y&$compute={quote(text)}".encode()
    query = bind(parse_request(b"Results", url), SCHEMA)
    assert isinstance(query, BoundQuery)
    [row] = map(json.loads, rows_of(relation, query, Format()))
    assert (row["x"], row["y"]) == ('aÖ😀 b"y@odata.type":null,', 2.5)
    assert row["y@odata.type"] == "#Double"


@pytest.mark.parametrize(
    "compute",
    [
        "last add duration'P1D'",
        "date(last) add duration'P1D'",
        "mindatetime() sub duration'PT1S'",
        "0001-01-01 sub duration'P1D'",
        "most add 1",
        "five div zero",
    ],
)
def test_what_no_text_of_odata_can_hold_is_refused(relation: Relation, compute: str) -> None:
    with pytest.raises(InvalidValue):
        render(relation, compute, Format())
