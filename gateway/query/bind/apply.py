"""$apply (Data Aggregation 3): transformations in sequence, each bound to the rows before it."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from gateway.edm.model import EntityType, Property
from gateway.errors import NotSupported
from gateway.query.bind.aggregate import (
    Names,
    bind_aggregate,
    grouping_property,
    not_in_all_rows,
)
from gateway.query.bind.aggregated_paths import bind_grouping_paths, grouping_paths
from gateway.query.bind.compute import bind_compute
from gateway.query.bind.expressions import bind_expression, bind_orderby, bind_predicate
from gateway.query.bind.row_types import distinct_keys, grouped_rows, merged_rows
from gateway.query.bind.scope import Scope, quoted
from gateway.query.bind.search import bind_search
from gateway.query.tree.expressions import BoundExpr, BoundOrder, Constant, conjunction
from gateway.query.tree.transformations import (
    AccumulateRows,
    AggregateRows,
    BoundApply,
    BoundStep,
    Branch,
    BranchRows,
    ComputeRows,
    FilterRows,
    RowType,
    SliceRows,
    Variant,
    entity_rows,
)
from grammar import Transformation, unparse
from grammar.tree.transformations import (
    Aggregate,
    ComputeStep,
    Concat,
    FilterStep,
    GroupBy,
    Identity,
    OrderByStep,
    Rollup,
    RollupRecursive,
    SearchStep,
    SkipStep,
    TopBottom,
    TopStep,
)

TRANSFORMATIONS = (
    *("identity", "filter", "search", "compute", "aggregate", "groupby", "concat"),
    *("orderby", "skip", "top", "topcount", "topsum", "toppercent"),
    *("bottomcount", "bottomsum", "bottompercent"),
)
"""The transformations that `$metadata` lists for $apply."""


def bind_apply(
    steps: tuple[Transformation, ...], scope: Scope
) -> tuple[BoundExpr | None, BoundApply | None]:
    """Return the filter at the start of $apply, and the rest; None if nothing follows it.

    Raises:
        GatewayError: 400 or 501 from the catalogue.
    """
    rows = entity_rows(scope.entity_type)
    found, result = _Sequence(scope, scope.entity_type.all_names).bind(steps, rows)
    leading: list[BoundExpr] = []
    while found and isinstance(found[0], FilterRows):
        leading.append(found[0].condition)
        found = found[1:]
    if not found and result == rows:
        return conjunction(*leading), None
    return conjunction(*leading), BoundApply(found, result, unparse(steps))


def row_scope(rows: RowType, scope: Scope) -> Scope:
    """Return the scope for rows that a transformation, or $filter after $apply, gets.

    Only entities have navigation properties, not groups that happen to have the same properties.
    """
    entity_type = scope.entity_type
    if rows.are_entities:
        return replace(scope, entity_type=replace(entity_type, properties=rows.properties))
    named = EntityType(f"the result of $apply ({_listed(rows)})", (), rows.properties)
    return replace(scope, entity_type=named)


def _listed(rows: RowType) -> str:
    names = [prop.name for prop in rows.properties]
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "") if names else "nothing"


class _Sequence:
    """A binder of one sequence; `taken` names are refused for new properties, `keys` group rows."""

    def __init__(
        self, scope: Scope, taken: tuple[str, ...], keys: tuple[Property, ...] = ()
    ) -> None:
        self._scope = scope
        self._taken = taken
        self._keys = keys

    def bind(
        self, steps: tuple[Transformation, ...], rows: RowType
    ) -> tuple[tuple[BoundStep, ...], RowType]:
        """Bind the steps, and return the type of the rows after them too."""
        found: list[BoundStep] = []
        for step in steps:
            bound, rows = self._bind_step(step, rows)
            found += bound
        return tuple(found), rows

    def _bind_step(
        self, step: Transformation, rows: RowType
    ) -> tuple[tuple[BoundStep, ...], RowType]:
        names = self._names(rows)
        self._scope.use()
        match step:
            case Identity():
                return (), rows
            case Aggregate(items):
                paths, grouping = self._with_paths(step, names)
                aggregate, result = bind_aggregate(items, grouping)
                return (*paths, aggregate), result
            case GroupBy():
                paths, grouping = self._with_paths(step, names)
                branches = self._groups(step, names, grouping)
                return (*paths, branches), branches.rows
            case Concat(sequences):
                branches = self._merged(
                    tuple(self._branch((), sequence, names) for sequence in sequences), names
                )
                return (branches,), branches.rows
            case ComputeStep(items):
                computed = bind_compute(items, names.scope, names.taken)
                added = tuple(item.prop for item in computed)
                return (ComputeRows(computed),), rows.with_properties(added)
            case OrderByStep(items):
                order = bind_orderby(items, names.scope)
                return (), replace(rows, order=distinct_keys((*order, *rows.order)))
            case _:
                return (self._bind_subset(step, names),), rows

    def _bind_subset(self, step: Transformation, names: Names) -> BoundStep:
        """Bind a transformation that keeps rows unchanged (3.3)."""
        rows = names.rows
        match step:
            case FilterStep(predicate):
                return FilterRows(bind_predicate(predicate, names.scope))
            case SearchStep(expression):
                return FilterRows(bind_search(expression, rows.properties))
            case SkipStep(count):
                return SliceRows(rows.order, skip=count)
            case TopStep(count):
                return SliceRows(rows.order, top=count)
            case TopBottom():
                return _bind_top(step, names)
            case _:
                raise NotSupported(
                    f"$apply: this service does not evaluate {_shortened(unparse(step))}; use"
                    f" {', '.join(TRANSFORMATIONS)}",
                    target="$apply",
                )

    def _names(self, rows: RowType) -> Names:
        keys = tuple(key.name for key in self._keys)
        taken = (*self._taken, *keys, *(prop.name for prop in rows.properties))
        return Names(row_scope(rows, self._scope), rows, tuple(dict.fromkeys(taken)), keys)

    def _with_paths(
        self, step: Aggregate | GroupBy, names: Names
    ) -> tuple[tuple[BoundStep, ...], Names]:
        """Return the step that computes the grouping paths, and the names with these."""
        computed = bind_grouping_paths(grouping_paths(step), names.scope)
        if not computed:
            return (), names
        rows = names.rows.with_properties(tuple(item.prop for item in computed))
        return (ComputeRows(computed),), Names(row_scope(rows, self._scope), rows, names.taken)

    def _groups(self, step: GroupBy, names: Names, grouping: Names) -> BranchRows:
        levels = _grouping_sets(step, grouping)
        branches = (self._branch(by, step.transformations, names) for by in levels)
        return self._merged(tuple(branches), names)

    def _merged(self, branches: tuple[Branch, ...], names: Names) -> BranchRows:
        result = merged_rows(branches, names.scope)
        self._check_keys(result.rows, names.scope)
        return result

    def _check_keys(self, rows: RowType, scope: Scope) -> None:
        """Refuse a key of the outer group that only some of these rows have."""
        known = {prop.name for prop in rows.properties}
        for key in self._keys:
            if key.name in known and key.name not in rows.common:
                raise not_in_all_rows(key.name, scope)

    def _branch(
        self, by: tuple[Property, ...], steps: tuple[Transformation, ...], names: Names
    ) -> Branch:
        self._scope.use()
        keys = tuple(dict.fromkeys((*self._keys, *by)))
        inner = _Sequence(self._scope, self._taken, keys)
        if by and not steps:
            return Branch(by, (AggregateRows(()),), grouped_rows(by, RowType((), (Variant(()),))))
        found, rows = inner.bind(steps, names.rows)
        return Branch(by, found, grouped_rows(by, rows))


def _grouping_sets(step: GroupBy, names: Names) -> list[tuple[Property, ...]]:
    """Return the properties of each level; without rollup there is one (3.2.3.2)."""
    choices: list[list[tuple[Property, ...]]] = []
    for item in step.by:
        match item:
            case Rollup(paths):
                choices.append(_levels(item, [grouping_property(path, names) for path in paths]))
            case RollupRecursive():
                raise NotSupported(
                    "$apply: rolluprecursive needs a hierarchy, and this service has none",
                    target="$apply",
                )
            case path:
                choices.append([(grouping_property(path, names),)])
    sets = (tuple(dict.fromkeys(sum(chosen, ()))) for chosen in product(*choices))
    return list(dict.fromkeys(sets))


def _levels(item: Rollup, properties: list[Property]) -> list[tuple[Property, ...]]:
    if len(properties) < 2:
        raise NotSupported(
            f"$apply: rollup({quoted(item.levels[0])}) names a hierarchy, and this service has"
            " none; give rollup two properties or more",
            target="$apply",
        )
    return [tuple(properties[:size]) for size in range(len(properties), 0, -1)]


def _bind_top(step: TopBottom, names: Names) -> BoundStep:
    """Bind topcount and its relatives (3.3.1): they choose by `expression` and keep the order."""
    scope, rows = names.scope, names.rows
    limit = bind_expression(step.limit, replace(scope, entity_type=EntityType("a limit", (), ())))
    expr = bind_expression(step.expression, scope)
    if not isinstance(limit, Constant) or isinstance(limit.value, bool):
        raise scope.unsupported(step.limit, "a limit that is not a number")
    by_value = BoundOrder(expr, descending=step.kind.startswith("top"))
    order = rows.order if isinstance(expr, Constant) else distinct_keys((by_value, *rows.order))
    if step.kind.endswith("count"):
        if not isinstance(limit.value, int) or limit.value < 1:
            raise scope.invalid(
                f"the first argument of {step.kind} must be a whole number of 1 or more"
            )
        return SliceRows(order, top=limit.value)
    return _accumulated(step, limit, AccumulateRows(order, expr, limit, percent=False), scope)


def _accumulated(
    step: TopBottom, limit: Constant, rows: AccumulateRows, scope: Scope
) -> AccumulateRows:
    percent = step.kind.endswith("percent")
    if limit.type is None or not limit.type.is_numeric or limit.value is None:
        raise scope.invalid(f"the first argument of {step.kind} must be a number")
    if percent and not 0 < limit.value <= 100:  # type: ignore[operator]  # it is a number
        raise scope.invalid(
            f"the first argument of {step.kind} must be a number above 0 and at most 100"
        )
    if rows.expr.type is None or not rows.expr.type.is_numeric:
        raise scope.mismatch(
            f"{step.kind} adds numbers, but {quoted(step.expression)} is of type"
            f" {rows.expr.type or 'null'}"
        )
    return replace(rows, percent=percent)


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."
