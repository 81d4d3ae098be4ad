"""Transformations of $apply to canonical decoded text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from grammar.tree.expressions import AggregateItem, Expr
from grammar.tree.transformations import (
    AddNested,
    Aggregate,
    ComputeStep,
    Concat,
    CustomStep,
    FilterStep,
    GroupBy,
    Identity,
    Join,
    Nest,
    NestItem,
    OrderByStep,
    RecursiveHierarchy,
    Relatives,
    Rollup,
    RollupRecursive,
    SearchStep,
    SkipStep,
    TopBottom,
    TopStep,
    Transformation,
    Traverse,
)
from grammar.write.expressions import (
    aggregated_text,
    compute_text,
    expression_text,
    order_text,
    parameters_text,
)
from grammar.write.search import search_text


def apply_text(steps: Iterable[Transformation]) -> str:
    """Return a sequence, joined with slashes."""
    return "/".join(map(transformation_text, steps))


def transformation_text(step: Transformation) -> str:
    """Return one transformation."""
    match step:
        case Identity():
            return "identity"
        case Aggregate() | GroupBy() | Concat() | Nest() | AddNested() | Join():
            return _set_step(step)
        case Relatives() | Traverse():
            return _hierarchy_step(step)
        case CustomStep(name, parameters):
            return f"{name}({parameters_text(parameters)})"
        case _:
            return _row_step(step)


def _row_step(
    step: FilterStep | SearchStep | ComputeStep | OrderByStep | SkipStep | TopStep | TopBottom,
) -> str:
    match step:
        case FilterStep(predicate):
            return f"filter({expression_text(predicate)})"
        case SearchStep(expression):
            return f"search({search_text(expression)})"
        case ComputeStep(items):
            return f"compute({','.join(map(compute_text, items))})"
        case OrderByStep(order):
            return f"orderby({','.join(map(order_text, order))})"
        case SkipStep(count):
            return f"skip({count})"
        case TopStep(count):
            return f"top({count})"
        case TopBottom(kind, limit, measure):
            return f"{kind}({expression_text(limit)},{expression_text(measure)})"
        case _:
            assert_never(step)


def _set_step(step: Aggregate | GroupBy | Concat | Nest | AddNested | Join) -> str:
    match step:
        case Aggregate(items):
            return f"aggregate({','.join(map(aggregate_item_text, items))})"
        case GroupBy(by, rest):
            return f"groupby(({','.join(map(_grouping, by))}){_more(rest)})"
        case Concat(sequences):
            return f"concat({','.join(map(apply_text, sequences))})"
        case Nest(nested):
            return f"nest({','.join(map(_nested, nested))})"
        case AddNested(path, nested):
            return f"addnested({expression_text(path)},{','.join(map(_nested, nested))})"
        case Join(path, alias, rest, outer):
            name = "outerjoin" if outer else "join"
            return f"{name}({expression_text(path)} as {alias}{_more(rest)})"
        case _:
            assert_never(step)


def aggregate_item_text(item: AggregateItem) -> str:
    """Return `expression with method as alias`."""
    return aggregated_text(item) + (f" as {item.alias}" if item.alias else "")


def _grouping(grouping: Expr | Rollup | RollupRecursive) -> str:
    match grouping:
        case Rollup(levels):
            return f"rollup({','.join(map(expression_text, levels))})"
        case RollupRecursive(hierarchy, narrowing):
            return f"rolluprecursive({_hierarchy(hierarchy)}{_more(narrowing)})"
        case _:
            return expression_text(grouping)


def _hierarchy_step(step: Relatives | Traverse) -> str:
    if isinstance(step, Traverse):
        siblings = "".join(f",{order_text(item)}" for item in step.siblings)
        return f"traverse({_hierarchy(step.hierarchy)},{step.order}{siblings})"
    distance = "" if step.distance is None else f",{step.distance}"
    keep = ",keep start" if step.keep_start else ""
    start = apply_text(step.start)
    return f"{step.kind}({_hierarchy(step.hierarchy)},{start}{distance}{keep})"


def _hierarchy(hierarchy: RecursiveHierarchy) -> str:
    nodes, path = expression_text(hierarchy.nodes), expression_text(hierarchy.node_path)
    return f"{nodes},{hierarchy.qualifier},{path}"


def _nested(item: NestItem) -> str:
    return f"{apply_text(item.transformations)} as {item.alias}"


def _more(steps: tuple[Transformation, ...]) -> str:
    return f",{apply_text(steps)}" if steps else ""
