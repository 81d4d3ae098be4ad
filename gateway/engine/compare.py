"""Two states of a table, compared by key: which rows are new or changed, and which are gone.

A state is a relation with a column POSITION, and the condition under which a row belongs to it.
What has changed is found as row numbers first, those of the new state before those of the old one,
so that it can be paged; only then are the rows of a page read. Blocking, like `gateway.engine.run`.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from gateway.edm.model import Property
from gateway.engine.batches import as_arrow, rows_at
from gateway.engine.compile import compile_expression, compile_filter
from gateway.engine.projection import json_object
from gateway.engine.run import Relation, ask
from gateway.engine.sql import Sql, fill, parameters, quote
from gateway.query.tree.expressions import BoundExpr, ColumnRef
from gateway.query.tree.projection import Projection
from gateway.query.tree.queries import BoundQuery
from gateway.query.tree.transformations import POSITION

_PLACE = quote(POSITION.name)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The same query about the old and the new state; they differ in what now() means.

    `complete` tells that the new state's relation has all rows that there are: a key that is not
    in it is nowhere.
    """

    before: BoundQuery
    after: BoundQuery
    complete: bool


@dataclass(frozen=True, slots=True)
class TableChanges:
    """Some of the changes: rows as they are now, then what left, as its id and whether it is gone.

    `more` tells that these are not the last.
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
    """The changes of a window (offset, limit): rendered by the one projection, ids by the other.

    Raises:
        InvalidValue: see `gateway.engine.run.ask`.
    """
    offset, limit = window
    page = ask(new, _numbers(new, old, comparison, (offset, limit + 1)), as_arrow)
    kept = page.slice(0, limit)
    here, there = (kept.filter(pc.equal(kept.column("removed"), side)) for side in (False, True))
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
    """The row numbers of the changes, in order, and on which side they are.

    Values are compared so that null is like null; what is not shown is not compared.
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
    """Of who selects nothing but ways to other rows, nothing differs."""
    values = (f"v{number}" for number, _ in enumerate(query.select))
    return " OR ".join(f"was.{v} IS DISTINCT FROM now.{v}" for v in values) or "false"


def _state(relation: Relation, query: BoundQuery) -> Sql:
    """The keys and the shown values of the rows that belong to a state."""
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
