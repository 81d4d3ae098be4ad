"""Upper and lower case are those of Unicode, in full, for every character and in every context."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from unicodedata import category

import duckdb
import pytest

from gateway.edm.model import EntityType, Property
from gateway.edm.types import PrimitiveType
from gateway.engine.compile import compile_expression
from gateway.query.bind.calls import build_call
from gateway.query.bind.scope import Scope
from gateway.query.tree.expressions import BoundExpr, ColumnRef, Constant, FunctionCall
from grammar import Call, parse_expression

STRING = PrimitiveType.STRING
COLUMN = ColumnRef(Property("text", STRING))
PYTHON = {"toupper": str.upper, "tolower": str.lower}
CHARACTERS = tuple(c for c in map(chr, range(1, 0x110000)) if category(c) not in ("Cn", "Cs"))


@pytest.fixture(scope="module")
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def mapped(
    cursor: duckdb.DuckDBPyConnection, function: str, texts: tuple[str, ...], of: BoundExpr = COLUMN
) -> list[str]:
    sql = compile_expression(FunctionCall(function, (of,), STRING))
    rows = cursor.execute(
        f"SELECT {sql.text} FROM (SELECT unnest(?) AS text)", (*sql.parameters, list(texts))
    ).fetchall()
    return [row[0] for row in rows]


@pytest.mark.parametrize("function", PYTHON)
@pytest.mark.parametrize(
    ("before", "behind"), [("", ""), ("a\u03a3", ""), ("", "\u03a3b"), ("x", "\u03a3")]
)
def test_every_character_is_mapped_as_python_maps_it(
    cursor: duckdb.DuckDBPyConnection, function: str, before: str, behind: str
) -> None:
    """No difference in Python's version of Unicode; beside a sigma its neighbours matter."""
    texts = tuple(f"{before}{c}{behind}" for c in CHARACTERS)
    found = mapped(cursor, function, texts)
    wrong = [t for t, f in zip(texts, found, strict=True) if f != PYTHON[function](t)]
    assert [t.encode("unicode_escape") for t in wrong] == []


@pytest.mark.parametrize("function", PYTHON)
def test_words_are_mapped_as_python_maps_them(
    cursor: duckdb.DuckDBPyConnection, function: str
) -> None:
    random = Random(7)
    letters = (
        "aB\u03a3\u03c3\u03c2\u00df\u0130\u0131\ufb03\u0390 .:'\u2019\u0301-1\u00b7\u02b0\u1f88"
    )
    texts = tuple("".join(random.choices(letters, k=random.randint(0, 9))) for _ in range(20_000))
    assert mapped(cursor, function, texts) == [PYTHON[function](text) for text in texts]


@pytest.mark.parametrize(
    "text", ["Stra\u00dfe 1", "\u039f\u0394\u039f\u03a3", "\u0130zmir", "\ufb01n"]
)
@pytest.mark.parametrize("function", PYTHON)
def test_a_literal_means_what_a_value_means(
    cursor: duckdb.DuckDBPyConnection, function: str, text: str
) -> None:
    expr = parse_expression(f"{function}('{text}')")
    assert isinstance(expr, Call)
    bound = build_call(expr, (Constant(text, STRING),), Scope(EntityType("a row", (), ())))
    sql = compile_expression(bound)
    [(literal,)] = cursor.execute(f"SELECT {sql.text}", sql.parameters).fetchall()
    assert [literal] == mapped(cursor, function, (text,)) == [PYTHON[function](text)]


def test_what_a_person_writes_is_found(cursor: duckdb.DuckDBPyConnection) -> None:
    assert mapped(cursor, "toupper", ("Stra\u00dfe 1",)) == ["STRASSE 1"]
    assert mapped(cursor, "tolower", ("\u039f\u0394\u039f\u03a3 1",)) == [
        "\u03bf\u03b4\u03bf\u03c2 1"
    ]
