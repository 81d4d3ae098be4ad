"""Comparison of two states of a table by key: new or changed rows, and removed rows.

A state is a relation with a column POSITION, and the condition for a row to belong to it. Changes
are found as row numbers first, those of the new state before those of the old one, so that they
can be paged; only then are the rows of a page read. Blocking, like `gateway.engine.run`.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from gateway.edm.model import Property
from gateway.engine.batches import as_arrow, rows_at
from gateway.engine.compile import compile_expression, compile_filter
from gateway.engine.projection import json_object
from gateway.engine.run import Relation, execute
from gateway.engine.sql import Sql, fill, parameters, quote
from gateway.query.tree.expressions import BoundExpr, ColumnRef
from gateway.query.tree.projection import Projection
from gateway.query.tree.queries import BoundQuery
from gateway.query.tree.transformations import POSITION

_PLACE = quote(POSITION.name)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The same query on the old and the new state, with different values of now().

    `complete` is true if the new state's relation has all rows of the set: a key that is missing
    in it does not exist.
    """

    before: BoundQuery
    after: BoundQuery
    complete: bool


@dataclass(frozen=True, slots=True)
class TableChanges:
    """A page of changes: rows in their new state, then removed rows as (id, whether it is gone).

    `more` is true if further changes follow.
    """

    rows: tuple[bytes, ...]
    left: tuple[tuple[bytes, bool], ...]
    more: bool


def fetch_changes(
    new: Relation,
    old: Relation,
    comparison: Comparison,
    window: tuple[int, int],
    projections: tuple[Projection, Projection],
) -> TableChanges:
    """Return the changes of a window (offset, limit), rendered by projections for rows and for ids.

    Raises:
        InvalidValue: see `gateway.engine.run.execute`.
    """
    offset, limit = window
    page = execute(new, _numbers(new, old, comparison, (offset, limit + 1)), as_arrow)
    shown = page.slice(0, limit)
    here, there = (shown.filter(pc.equal(shown.column("removed"), side)) for side in (False, True))
    rows = _rendered(new, here, projections[0])
    ids = _rendered(old, there, projections[1])
    left = zip(ids, there.column("gone").to_pylist(), strict=True)
    return TableChanges(rows, tuple(left), page.num_rows > limit)


def _rendered(relation: Relation, places: pa.Table, projection: Projection) -> tuple[bytes, ...]:
    if not places.num_rows:
        return ()
    text = fill("{0} AS row", json_object(projection))
    return tuple(rows_at(relation, places.column("n"), text).column("row").to_pylist())


def _numbers(new: Relation, old: Relation, comparison: Comparison, window: tuple[int, int]) -> Sql:
    """Return the row numbers of the changes, in order, and their side.

    Two nulls are equal, and only shown values are compared.
    """
    key = comparison.after.entity_set.entity_type.key_properties
    was, now = _state(old, comparison.before), _state(new, comparison.after)
    same = " AND ".join(f"was.k{number} = now.k{number}" for number, _ in enumerate(key))
    gone = "false"
    if comparison.complete:
        there = (f"r.{quote(prop.name)} = found.k{number}" for number, prop in enumerate(key))
        gone = f"NOT EXISTS (SELECT 1 FROM {new.name} AS r WHERE {' AND '.join(there)})"  # noqa: S608 - no value is spliced
    text = (
        f"WITH found AS (SELECT now.n IS NULL AS removed, coalesce(now.n, was.n) AS n,"  # noqa: S608 - as above
        f" {', '.join(f'was.k{number}' for number, _ in enumerate(key))}"
        f" FROM ({was.text}) AS was FULL JOIN ({now.text}) AS now ON {same}"
        f" WHERE was.n IS NULL OR now.n IS NULL OR {_differs(comparison.after)})"
        f" SELECT removed, n, removed AND {gone} AS gone"
        " FROM found ORDER BY removed, n OFFSET ? LIMIT ?"
    )
    return Sql(text, (*parameters((was, now)), *window))


def _differs(query: BoundQuery) -> str:
    """Return the condition for a changed row; false if the query selects no properties."""
    values = (f"v{number}" for number, _ in enumerate(query.select))
    return " OR ".join(f"was.{v} IS DISTINCT FROM now.{v}" for v in values) or "false"


def _state(relation: Relation, query: BoundQuery) -> Sql:
    """Return the keys and the shown values of the rows that belong to a state."""
    condition = compile_filter(query.filter)
    computed = {item.prop: item.expr for item in query.computed}
    keys = query.entity_set.entity_type.key_properties
    columns = [
        *(Sql(f"{quote(prop.name)} AS k{number}") for number, prop in enumerate(keys)),
        *(
            fill(f"{{0}} AS v{number}", compile_expression(_value(prop, computed)))
            for number, prop in enumerate(query.select)
        ),
    ]
    text = (
        f"SELECT {_PLACE} AS n, {', '.join(column.text for column in columns)}"  # noqa: S608 - as above
        f" FROM {relation.name} AS r WHERE {condition.text}"
    )
    return Sql(text, (*parameters(columns), *condition.parameters))


def _value(prop: Property, computed: dict[Property, BoundExpr]) -> BoundExpr:
    return computed.get(prop) or ColumnRef(prop)
