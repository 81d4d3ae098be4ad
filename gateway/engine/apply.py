"""$apply as DuckDB SQL: each transformation is a SELECT around the one before it.

Inside a groupby a sequence runs once for all groups: every step works within `keys`, the columns
that identify the groups and that all rows keep. Values are bound; names of columns are quoted and
come from the model or from aliases, which are identifiers by the grammar.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count

from gateway.engine.aggregate import aggregate, reads_again
from gateway.engine.compile import compile_expression, compile_filter
from gateway.engine.functions import typed
from gateway.engine.ordering import sort_keys, sorted_rows
from gateway.engine.sql import Sql, fill, parameters, quote
from gateway.query.tree.expressions import THIS_ROW, BoundExpr, ComputedProperty
from gateway.query.tree.transformations import (
    PART,
    RANK,
    VARIANT,
    AccumulateRows,
    AggregateRows,
    BoundStep,
    Branch,
    BranchRows,
    ComputeRows,
    FilterRows,
    RowType,
    SliceRows,
)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows between two steps: a FROM item, and the columns that identify the groups.

    `groups` is a FROM item with rows of all groups; `whole` is true if `source` has rows of all of
    them too. `numbers` make the names of shared rows.
    """

    source: Sql
    groups: Sql
    keys: tuple[str, ...] = ()
    whole: bool = True
    numbers: Iterator[int] = field(default_factory=count)

    @property
    def row(self) -> Sql:
        """Return the source with the alias that expressions use for its row."""
        return fill(f"{{0}} AS {THIS_ROW}", self.source)

    @property
    def partition(self) -> str:
        """Return the start of a window's definition."""
        return f"PARTITION BY {', '.join(self.keys)} " if self.keys else ""

    def now(self, source: Sql, *, whole: bool) -> _Rows:
        """Return the rows after a step."""
        return replace(self, source=source, whole=whole)


def compile_apply(steps: tuple[BoundStep, ...], source: Sql) -> Sql:
    """Return the FROM item of the result; `source` has the set's columns and row numbers."""
    return _sequence(steps, _Rows(source, source)).source


def _sequence(steps: tuple[BoundStep, ...], rows: _Rows) -> _Rows:
    for step in steps:
        rows = _after(step, rows)
    return rows


def _after(step: BoundStep, rows: _Rows) -> _Rows:
    match step:
        case AggregateRows(items):
            groups = None if rows.whole else rows.groups
            build = partial(aggregate, items, keys=rows.keys, groups=groups)
            source = _shared(rows, build) if reads_again(items) else build(rows.source)
            return rows.now(source, whole=True)
        case ComputeRows(items):
            return rows.now(_computed(items, rows.source), whole=rows.whole)
        case FilterRows(condition):
            return rows.now(_filtered(condition, rows.source), whole=False)
        case SliceRows():
            return rows.now(_sliced(step, rows), whole=False)
        case AccumulateRows():
            return rows.now(_accumulated(step, rows), whole=False)
        case BranchRows():
            build = partial(_branched, step, rows)
            once = len(step.branches) == 1 and _reads_once(step.branches[0])
            return rows.now(build(rows.source) if once else _shared(rows, build), whole=False)


def _shared(rows: _Rows, build: Callable[[Sql], Sql]) -> Sql:
    """Return the result of `build` on rows that are computed once though it reads them often."""
    if not rows.source.text.startswith("("):
        return build(rows.source)
    name = f'"$rows{next(rows.numbers)}"'
    built = build(Sql(name))
    text = f"(WITH {name} AS MATERIALIZED {{0}} SELECT * FROM {{1}})"  # noqa: S608 - as above
    return fill(text, rows.source, built)


def _reads_once(branch: Branch) -> bool:
    """Return True if it aggregates first and only once, so the rows are read once."""
    steps = [step for step in branch.steps if not isinstance(step, ComputeRows)]
    first, rest = (steps[0], steps[1:]) if steps else (None, [])
    plain = isinstance(first, AggregateRows) and not reads_again(first.items)
    return plain and not any(isinstance(step, AggregateRows | BranchRows) for step in rest)


# --- steps that keep rows unchanged ---------------------------------------------------------------


def _filtered(condition: BoundExpr, source: Sql) -> Sql:
    return fill("(SELECT * FROM {0} AS r WHERE {1})", source, compile_filter(condition))


def _computed(items: tuple[ComputedProperty, ...], source: Sql) -> Sql:
    """Add columns; a grouping path may already be computed for a group and is replaced then."""
    columns = [
        fill(f"{{0}} AS {quote(i.prop.name)}", typed(compile_expression(i.expr), i.prop.type))
        for i in items
    ]
    listed = Sql(", ".join(column.text for column in columns), parameters(columns))
    paths = [f"'{item.prop.name}'" for item in items if "/" in item.prop.name]
    own = f"COLUMNS(lambda c: c NOT IN ({', '.join(paths)}))" if paths else "*"
    return fill(f"(SELECT {own}, {{1}} FROM {{0}} AS r)", source, listed)  # noqa: S608 - as above


def _sliced(step: SliceRows, rows: _Rows) -> Sql:
    skip = Sql("?", (step.skip,))
    last = Sql("NULL") if step.top is None else Sql("?", (step.skip + step.top,))
    if not rows.keys:
        text = "(SELECT * FROM {0} ORDER BY {1} LIMIT CAST({2} - {3} AS BIGINT) OFFSET {3})"
        return fill(text, rows.row, sort_keys(step.order), last, skip)
    found = sorted_rows(step.order, rows.row)
    number = f"row_number() OVER ({rows.partition}ORDER BY {found.order})"
    text = (
        f"(SELECT {found.columns} FROM {{0}}"  # noqa: S608 - as above
        f" QUALIFY {number} > {{2}} AND coalesce({number} <= {{1}}, true))"
    )
    return fill(text, found.source, last, skip)


_RUNNING = 'ORDER BY "$number" ROWS BETWEEN UNBOUNDED PRECEDING AND'
_PERCENT = (
    '(CASE WHEN "$all" > 0 THEN "$before" * 100 >= {0} * "$all"'
    ' WHEN "$all" < 0 THEN "$before" * 100 <= {0} * "$all" ELSE "$before" > 0 END)'
)


def _accumulated(step: AccumulateRows, rows: _Rows) -> Sql:
    """Keep each row before which no running sum has reached the limit."""
    part = rows.partition
    limit = typed(compile_expression(step.limit), step.limit.type)
    found = sorted_rows(step.order, rows.row)
    numbered = (
        f'(SELECT {found.columns}, coalesce({{1}}, 0) AS "$value",'  # noqa: S608 - as above
        f' row_number() OVER ({part}ORDER BY {found.order}) AS "$number" FROM {{0}})'
    )
    summed = (
        "(SELECT *, "  # noqa: S608 - as above
        f'coalesce(sum("$value") OVER ({part}{_RUNNING} 1 PRECEDING), 0) AS "$before",'
        f' sum("$value") OVER ({part}) AS "$all" FROM {numbered})'
    )
    text = (
        f'(SELECT * EXCLUDE ("$value", "$number", "$before", "$all") FROM {summed} QUALIFY NOT'  # noqa: S608
        f" bool_or({{2}}) OVER ({part}{_RUNNING} CURRENT ROW))"
    )
    value = typed(compile_expression(step.expr), step.expr.type)
    met = fill(_PERCENT if step.percent else '("$before" >= {0})', limit)
    return fill(text, found.source, value, met)


# --- groupby and concat ---------------------------------------------------------------------------


def _branched(step: BranchRows, rows: _Rows, source: Sql) -> Sql:
    rows = rows.now(source, whole=rows.whole)
    results = [_branch(branch, rows) for branch in step.branches]
    if len(results) == 1:
        return results[0]
    parts = [
        _part(number, branch.rows, result, step.rows, rows.keys)
        for number, (branch, result) in enumerate(zip(step.branches, results, strict=True))
    ]
    return Sql(f"({' UNION ALL '.join(part.text for part in parts)})", parameters(parts))


def _branch(branch: Branch, rows: _Rows) -> Sql:
    by = (quote(prop.name) for prop in branch.by)
    keys = tuple(dict.fromkeys((*rows.keys, *by)))
    if branch.by or rows.whole:
        rows = replace(rows, groups=rows.source, whole=True)
    return _sequence(branch.steps, replace(rows, keys=keys)).source


def _part(number: int, own: RowType, source: Sql, result: RowType, keys: tuple[str, ...]) -> Sql:
    """Return the rows of one branch with the columns of all, their order and their variant."""
    known = {prop.name for prop in own.properties}
    columns = {
        quote(p.name): quote(p.name) if p.name in known else "NULL" for p in result.properties
    }
    found = sorted_rows(own.order, fill("{0} AS r", source))
    added = {
        quote(VARIANT.name): _variant(own, result),
        quote(PART.name): str(number),
        quote(RANK.name): f"row_number() OVER (ORDER BY {found.order})",
    }
    columns |= {key: key for key in keys} | added
    listed = ", ".join(f"{value} AS {name}" for name, value in columns.items())
    return fill(f"SELECT {listed} FROM {{0}}", found.source)  # noqa: S608 - as above


def _variant(own: RowType, result: RowType) -> str:
    """Return the variant's number among those of all branches."""
    numbers = [result.variants.index(variant) for variant in own.variants]
    if len(numbers) == 1:
        return str(numbers[0])
    cases = (f"WHEN {old} THEN {new}" for old, new in enumerate(numbers))
    return f"CASE {quote(VARIANT.name)} {' '.join(cases)} END"
