"""An operation has its own type, also where it is always null: every operator and function."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, product

import duckdb
import pytest

from gateway.edm.types import PrimitiveType as T
from gateway.engine.run import Relation, Selection, fetch_rows
from gateway.errors import TypeMismatch
from gateway.query.bind.functions import FUNCTIONS, Signature
from gateway.query.tree.expressions import ArithmeticOperator
from gateway.query.tree.queries import BoundQuery
from gateway.writer.bodies import projection_for
from gateway.writer.format import Format
from gateway.writer.links import Links
from tests.engine.things import SCHEMA, one_row
from tests.query.asking import bound

VALUES = {
    T.STRING: "text",
    T.INT64: "zero",
    T.INT32: "five",
    T.DOUBLE: "half",
    T.DECIMAL: "0.5",
    T.DATE_TIME_OFFSET: "at",
    T.DATE: "date(at)",
    T.TIME_OF_DAY: "time(at)",
    T.DURATION: "(at sub old)",
}


@pytest.fixture(scope="module")
def relation() -> Iterator[Relation]:
    with duckdb.connect() as connection:
        found = one_row(connection)
        connection.execute('ALTER TABLE t ADD COLUMN "$position" BIGINT DEFAULT 0')
        yield found


def argument_lists(signature: Signature) -> Iterator[tuple[list[str], list[str]]]:
    """Arguments of each count and type, without nulls and with some."""
    for count in signature.counts:
        for types in product(*(sorted(p) for p in signature.parameters[:count])):
            values = [VALUES[type_] for type_ in types]
            for nulls in product((False, True), repeat=count):
                if any(nulls):
                    pairs = zip(values, nulls, strict=True)
                    yield values, ["null" if is_null else value for value, is_null in pairs]


def calls() -> Iterator[tuple[str, str]]:
    """Pairs of an expression and the same with null operands."""
    for name, signature in FUNCTIONS.items():
        for values, nulls in argument_lists(signature):
            yield f"{name}({','.join(values)})", f"{name}({','.join(nulls)})"
    for operator in ArithmeticOperator:
        for left, right in product(("zero", "five", "half"), repeat=2):
            yield f"{left} {operator} {right}", f"{left} {operator} null"
            yield f"{left} {operator} {right}", f"null {operator} {right}"
            yield f"{left} {operator} {right}", f"(null add {left}) {operator} (null add {right})"
    for target in ("Double", "Int32", "Int64", "String", "Date", "DateTimeOffset", "Decimal"):
        yield (
            f"cast(five,Edm.{target})"
            if target in ("Double", "Decimal")
            else (f"cast(text,Edm.{target})"),
            f"cast(null,Edm.{target})",
        )
    for value in ("five", "half", "(at sub old)"):
        yield f"-{value}", f"-(null add {value})"
    yield "at add (at sub old)", "at add null"
    yield "date(at) sub date(at)", "date(at) sub null"
    yield "at sub old", "null sub old"
    yield "(at sub old) mul 2", "(at sub old) mul null"
    yield "case(yes:half)", "case(yes:half add null)"
    yield "case(yes:1,true:half)", "case(yes:1,true:half sub null)"
    for word in ("eq", "ne", "lt", "and", "or"):
        yield f"yes {word} yes", f"null {word} yes"
        yield f"yes {word} yes", f"yes {word} null"


def type_of_text(expression: str) -> str:
    return str(type_of(expression))


def type_of(expression: str) -> T | None:
    query = bound(f"$compute={expression} as c", schema=SCHEMA)
    return query.computed[0].prop.type


CASES = sorted(set(calls()))
FEW = [
    expression
    for _, found in groupby(sorted({c for _, c in CASES}, key=type_of_text), key=type_of_text)
    for expression in list(found)[:5]
]
"""Some of each type."""


def test_an_operation_on_null_has_the_type_that_it_has_on_values() -> None:
    """Where the type depends on the operand that is null, it is that of another number."""
    wrong = []
    for plain, with_null in CASES:
        wanted, found = type_of(plain), type_of(with_null)
        numbers = wanted is not None and wanted.is_numeric and found is not None
        if found is not wanted and not (numbers and found in (T.INT64, T.DECIMAL, T.DOUBLE)):
            wrong.append((plain, wanted, with_null, found))
    assert wrong == []


@pytest.mark.parametrize(
    ("expression", "type_"),
    [
        ("half add null", T.DOUBLE),
        ("five mul null", T.INT64),
        ("null sub 0.5", T.DECIMAL),
        ("null divby null", T.DOUBLE),
        ("-null", T.INT64),
        ("-(half sub null)", T.DOUBLE),
        ("length(null)", T.INT32),
        ("round(half add null)", T.DOUBLE),
        ("toupper(null)", T.STRING),
        ("cast(null,Edm.Double)", T.DOUBLE),
        ("at add null", T.DATE_TIME_OFFSET),
        ("case(yes:null,true:half)", T.DOUBLE),
        ("@nothing add half", T.DOUBLE),
    ],
)
def test_the_type_is_the_operation_s(expression: str, type_: T) -> None:
    assert type_of(expression) is type_


@pytest.mark.parametrize("method", ["sum", "average", "min", "max", "countdistinct"])
def test_what_is_always_null_can_be_aggregated(relation: Relation, method: str) -> None:
    for expression in FEW:
        for apply in (
            f"compute({expression} as c)/aggregate(c with {method} as m)",
            f"aggregate({expression} with {method} as m)",
            f"compute({expression} as c)/groupby((c),aggregate(c with {method} as m))",
            f"compute({expression} as c)/topcount(1,c)/orderby(c desc)/skip(0)/aggregate("
            f"c with {method} as m)",
        ):
            type_ = type_of(expression)
            assert type_ is not None
            if method in ("sum", "average") and not type_.is_numeric:
                with pytest.raises(TypeMismatch):
                    bound(f"$apply={apply}", schema=SCHEMA)
                continue
            query = bound(f"$apply={apply}&$orderby=m", schema=SCHEMA)
            [row] = rows_of(relation, query)
            assert row is not None, apply


def test_typed_nulls_are_compared_filtered_and_shown(relation: Relation) -> None:
    for expression in FEW:
        query = bound(f"$compute={expression} as c&$select=c&$orderby={expression}", schema=SCHEMA)
        assert rows_of(relation, query), expression
        query = bound(f"$filter=({expression}) eq null or ({expression}) ne null", schema=SCHEMA)
        assert len(rows_of(relation, query)) == 1, expression


def rows_of(relation: Relation, query: BoundQuery) -> list[bytes]:
    order = (*query.orderby, *(query.apply.rows.order if query.apply else ()))
    projection = projection_for(query, Format(), Links("https://h/"), "Test")
    selection = Selection(query.filter, order, limit=5, apply=query.apply)
    return fetch_rows(relation, selection, projection)


@pytest.mark.parametrize("text", ["contains(1 add null,'a')", "length(null sub 1) eq 1"])
def test_a_null_of_another_type_does_not_fit(text: str) -> None:
    with pytest.raises(TypeMismatch):
        bound(f"$filter={text}", schema=SCHEMA)
