"""One expression has one verdict: it has a value for a row, or not, whichever option uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import product

import duckdb
import pytest

from gateway.engine.batches import all_rows
from gateway.engine.columns import named, text_columns, typed_columns
from gateway.engine.run import Relation, Selection, count_rows, fetch_rows
from gateway.errors import GatewayError, TypeMismatch
from gateway.query.tree.expressions import BoundOrder, ColumnRef
from gateway.query.tree.projection import Projection
from gateway.query.tree.queries import BoundQuery
from tests.engine.things import KEY, SCHEMA, one_row
from tests.query.asking import bound

COLUMNS = ("five", "most", "least", "zero", "half", "nought", "at", "last", "never", "date(last)")
CONSTANTS = (
    *("1", "-1", "9223372036854775807", "0.5", "2024-01-01T00:00:00Z", "0001-01-01"),
    *("duration'-P1D'", "duration'P9999999D'", "duration'P99999999D'"),
)
OPERATORS = ("add", "sub", "mul", "div", "divby", "mod")
OTHERS = (
    *("-five", "-least", "-most", "date(at)", "round(half)", "length(text)", "year(last)"),
    *("substring(text,0,zero sub 1)", "substring(text,zero)", "cast(most,Edm.Int32)"),
    *("cast(half,Edm.Int64)", "cast('0000-01-01',Edm.Date)", "cast('9999-12-31',Edm.Date)"),
    "cast('0001-01-01T00:30:00+01:00',Edm.DateTimeOffset)",
    "cast('9999-12-31T23:30:00-01:00',Edm.DateTimeOffset)",
    "cast('0000-12-31T23:30:00-01:00',Edm.DateTimeOffset)",
    "case(zero eq 0:1,true:5 div zero)",
    "(at add duration'P99999999D') sub duration'P99999999D'",
)
BESIDE_COLUMNS = (f"{a} {op} {b}" for a, op, b in product(COLUMNS, OPERATORS, CONSTANTS))
BETWEEN_COLUMNS = (f"{a} {op} {b}" for a, op, b in product(COLUMNS[:8], OPERATORS, COLUMNS[:8]))
LITERALS = ("0", "duration'PT0S'", "2024-01-01", "2024-01-01T00:00:00Z", "'x'")
EXPRESSIONS = (*OTHERS, *BESIDE_COLUMNS, *BETWEEN_COLUMNS)


@pytest.fixture(scope="module")
def relation() -> Iterator[Relation]:
    """Two rows alike, so that there is something to sort."""
    with duckdb.connect() as connection:
        one_row(connection)
        connection.execute(
            'CREATE TABLE p AS SELECT *, row_number() OVER () AS "$position"'
            " FROM (SELECT * FROM t UNION ALL SELECT * FROM t)"
        )
        yield Relation(connection, "p")


def verdict(run: Callable[[], object]) -> str:
    """The status and the code of the refusal; empty if there is a response."""
    try:
        run()
    except GatewayError as error:
        return f"{error.status} {error.code}"
    return ""


class Options:
    """The uses of one expression; each returns all that it makes."""

    def __init__(self, expression: str, relation: Relation) -> None:
        self._expression, self._relation = expression, relation

    def filter(self) -> object:
        """Filter by a condition on the value."""
        query = self._bound("$filter={} ne null")
        return count_rows(self._relation, query.filter)

    def comparison(self) -> object:
        """Filter by a comparison with a literal of the same type."""
        for literal in LITERALS:
            with suppress(TypeMismatch):
                return count_rows(self._relation, self._bound(f"$filter={{}} gt {literal}").filter)
        return self.filter()

    def compute(self) -> object:
        """Show the value as JSON."""
        query = self._bound("$compute={} as x")
        props = tuple(item.prop for item in query.computed)
        projection = Projection(props, (), computed=query.computed)
        return fetch_rows(self._relation, Selection(None, ()), projection)

    def orderby(self) -> object:
        """Sort by the value."""
        query = self._bound("$orderby={}")
        return fetch_rows(self._relation, Selection(None, query.orderby), Projection((KEY,), ()))

    def typed_file(self) -> object:
        """Show the value as Arrow and Parquet do."""
        query = self._bound("$compute={} as x")
        columns = typed_columns(tuple(item.prop for item in query.computed), query.computed)
        return all_rows(self._relation, Selection(None, ()), named(columns))

    def text_file(self) -> object:
        """Show the value as CSV does."""
        query = self._bound("$compute={} as x")
        props = tuple(item.prop for item in query.computed)
        columns = text_columns(props, query.computed, defused=False)
        return all_rows(self._relation, Selection(None, ()), named(columns))

    def computed_in_apply(self) -> object:
        """Show the value that a transformation computes."""
        return self._applied("$apply=compute({} as x)")

    def filtered_in_apply(self) -> object:
        """Filter by the value in a transformation."""
        return self._applied("$apply=filter({} ne null)/compute(1 as x)")

    def _applied(self, query: str) -> object:
        found = self._bound(query)
        assert found.apply is not None
        prop = next(prop for prop in found.apply.rows.properties if prop.name == "x")
        order = (BoundOrder(ColumnRef(prop)),)
        selection = Selection(found.filter, order, apply=found.apply)
        return fetch_rows(self._relation, selection, Projection((prop,), ()))

    def _bound(self, query: str) -> BoundQuery:
        return bound(query.format(self._expression), schema=SCHEMA)


MISMATCH = "400 TypeMismatch"
USES = (
    Options.filter,
    Options.comparison,
    Options.compute,
    Options.orderby,
    Options.typed_file,
    Options.text_file,
    Options.computed_in_apply,
    Options.filtered_in_apply,
)


def test_an_expression_has_one_verdict_in_all_options_and_formats(relation: Relation) -> None:
    failing = 0
    for expression in EXPRESSIONS:
        options = Options(expression, relation)
        uses = USES if verdict(options.filter) != MISMATCH else USES[:4]
        verdicts = {use.__name__: verdict(partial(use, options)) for use in uses}
        assert len({*verdicts.values()}) == 1, (expression, verdicts)
        failing += "400 InvalidValue" in verdicts.values()
    assert failing > 50, "many expressions have no value"
