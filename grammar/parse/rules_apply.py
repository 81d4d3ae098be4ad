"""The rules of $apply (OData Extension for Data Aggregation 4.0, 3 and 6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches
from typing import TypeAlias

from grammar.errors import BuilderError
from grammar.parse.lalr_runtime import BLANKS
from grammar.parse.rules_expression import Arguments, PathStep
from grammar.parse.rules_options import alias_name, natural
from grammar.tree.expressions import (
    Aggregated,
    AggregateFrom,
    AggregateItem,
    CountOf,
    Expr,
    Member,
    Name,
    Special,
)
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

Sequence: TypeAlias = list[Transformation]

METHODS = ("sum", "min", "max", "average", "countdistinct")


def method(name: str, *, at: int) -> str:
    """Check for a standard method, case-sensitive, or a qualified custom one (3.2.1.3, .4)."""
    if "." in name or name in METHODS:
        return name
    folded = name.lower()
    hint = "the methods are " + ", ".join(METHODS)
    if folded in METHODS:
        hint = f"methods are case-sensitive: {folded}"
    elif folded in {"avg", "mean"}:
        hint = "did you mean average?"
    elif folded in {"distinct", "distinctcount", "count"}:
        hint = "did you mean countdistinct, or `$count as alias`?"
    raise BuilderError(f"unknown aggregation method '{name}'", hint=hint, at=at)


def aggregate_with(
    expression: Expr, name: str, steps: list[AggregateFrom] | None = None
) -> AggregateItem:
    """Build `expression with method from ...`: every further step needs a method too."""
    chosen = method(name, at=2)
    if not all(step.method for step in steps or ()):
        raise BuilderError(
            "each `from` after `with` needs its own `with`",
            hint="write price with sum from region with max as most",
            at=3,
        )
    return AggregateItem(expression, chosen, "", tuple(steps or ()))


def aggregate_custom(expression: Expr, steps: list[AggregateFrom] | None = None) -> AggregateItem:
    """Build a custom aggregate or a `path/$count`; any other expression needs a method."""
    if not isinstance(expression, Name | Member | CountOf):
        hint = "for example aggregate(price mul amount with sum as total)"
        raise BuilderError("the expression needs `with` and a method", hint=hint)
    return AggregateItem(expression, "", "", tuple(steps or ()))


def aggregate_named(item: AggregateItem, alias: str) -> AggregateItem:
    """Build `item as alias`."""
    return replace(item, alias=alias_name(alias, at=2))


def aggregate_count(alias: str) -> AggregateItem:
    """Build `$count as alias`."""
    return AggregateItem(Special("$count"), "", alias_name(alias, at=2))


def aggregate_count_from(steps: list[AggregateFrom], alias: str) -> AggregateItem:
    """Build `$count from paths with method as alias`."""
    return AggregateItem(Special("$count"), "", alias_name(alias, at=3), tuple(steps))


def aggregate_step(item: AggregateItem) -> PathStep:
    """Build `/aggregate(...)` at the end of a path."""
    return lambda base: Aggregated(base, item)


def from_step(paths: list[Expr], name: str = "") -> AggregateFrom:
    """Build `from paths with method`."""
    return AggregateFrom(tuple(paths), method(name, at=3) if name else "")


def group_path(path: Expr) -> Expr:
    """Check for a property or navigation path; a type cast at its end has no value (3.2.3.1)."""
    if not isinstance(path, Name | Member) or ("." in path.name and path.name[0] != "@"):
        raise BuilderError(
            "groupby takes paths that end in a property",
            hint="compute the value first: compute(year(date) as y)/groupby((y))",
        )
    return path


def concat(sequences: list[Sequence], last: Sequence) -> Concat:
    """Build `concat(a,b)`, of two sequences or more."""
    return Concat((*map(tuple, sequences), tuple(last)))


def relatives(kind: str, hierarchy: RecursiveHierarchy, start: Sequence, *rest: str) -> Relatives:
    """Build `ancestors(...)` or `descendants(...)`; distance and `keep start` are optional."""
    distances = [natural(text) for text in rest if text.isdigit()]
    return Relatives(
        kind,
        hierarchy,
        tuple(start),
        distances[0] if distances else None,
        keep_start=len(rest) > len(distances),
    )


def custom_step(name: str, arguments: Arguments) -> CustomStep:
    """Build a function of the service as a transformation: qualified, with named parameters."""
    if "." not in name:
        near = get_close_matches(name.lower()[:60], TRANSFORMATIONS, 1)
        hint = (
            f"did you mean {near[0]}?"
            if near
            else f"the transformations are {', '.join(TRANSFORMATIONS)}"
        )
        raise BuilderError(f"unknown transformation '{name}'", hint=hint)
    if arguments.positional:
        raise BuilderError(f"{name} takes named parameters", hint=f"write {name}(name=value)", at=1)
    return CustomStep(name, arguments.named)


def _opened(text: str) -> str:
    return text.rstrip(f"({BLANKS}").lower()


TRANSFORMATIONS = (
    "aggregate",
    "groupby",
    "identity",
    "concat",
    "filter",
    "search",
    "compute",
    "orderby",
    "skip",
    "top",
    "topcount",
    "topsum",
    "toppercent",
    "bottomcount",
    "bottomsum",
    "bottompercent",
    "nest",
    "addnested",
    "join",
    "outerjoin",
    "ancestors",
    "descendants",
    "traverse",
)

APPLY_RULES: dict[str, Callable[..., object]] = {
    "aggregate": lambda items: Aggregate(tuple(items)),
    "aggregate_custom": aggregate_custom,
    "aggregate_with": aggregate_with,
    "aggregate_named": aggregate_named,
    "aggregate_count": aggregate_count,
    "aggregate_count_from": aggregate_count_from,
    "aggregate_step": aggregate_step,
    "from_step": from_step,
    "group_by": lambda groupings, rest=(): GroupBy(tuple(groupings), tuple(rest)),
    "group_path": group_path,
    "rollup": lambda levels: Rollup(tuple(levels)),
    "rollup_recursive": lambda hierarchy, rest=(): RollupRecursive(hierarchy, tuple(rest)),
    "hierarchy": RecursiveHierarchy,
    "identity": Identity,
    "concat": concat,
    "filter_rows": FilterStep,
    "search_rows": SearchStep,
    "compute_columns": lambda items: ComputeStep(tuple(items)),
    "order_rows": lambda items: OrderByStep(tuple(items)),
    "skip_rows": lambda digits: SkipStep(natural(digits)),
    "top_rows": lambda digits: TopStep(natural(digits)),
    "top_or_bottom": TopBottom,
    "nest": lambda items: Nest(tuple(items)),
    "add_nested": lambda path, items: AddNested(path, tuple(items)),
    "nesting": lambda steps, alias: NestItem(tuple(steps), alias_name(alias, at=2)),
    "join": lambda kind, path, alias, rest=(): Join(
        path, alias_name(alias, at=3), tuple(rest), outer=kind == "outerjoin"
    ),
    "relatives": relatives,
    "traverse": lambda hierarchy, order, by=(): Traverse(hierarchy, order, tuple(by)),
    "custom_step": custom_step,
}

APPLY_TERMINALS: dict[str, Callable[[str], object]] = {
    "TOP_OR_BOTTOM": _opened,
    "JOIN": _opened,
    "RELATIVES": _opened,
    "TRAVERSAL": str.lower,
}
