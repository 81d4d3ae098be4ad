"""The syntax tree of $apply (OData Extension for Data Aggregation 4.0, 3).

`QueryOptions.apply` holds the transformations in order; each takes the rows of the one before. The
binder knows the meaning of names, as in `grammar.tree.expressions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from grammar.tree.expressions import AggregateItem, ComputeItem, Expr, OrderItem
from grammar.tree.search import SearchExpr


class Step:
    """The base of all transformations."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Aggregate(Step):
    """`aggregate(items)`: one row (3.2.1)."""

    items: tuple[AggregateItem, ...]


@dataclass(frozen=True, slots=True)
class Rollup:
    """`rollup(levels)` in groupby (3.2.3): a single path names a leveled hierarchy."""

    levels: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class RecursiveHierarchy:
    """The first three parameters of the hierarchy transformations (6.2).

    They are the collection of nodes, the qualifier of the annotation that makes it a hierarchy, and
    the path to the key of a node.
    """

    nodes: Expr
    qualifier: str
    node_path: Expr


@dataclass(frozen=True, slots=True)
class RollupRecursive:
    """`rolluprecursive(hierarchy,narrowing)` in groupby (6.3); `narrowing` may be empty."""

    hierarchy: RecursiveHierarchy
    narrowing: tuple[Transformation, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupBy(Step):
    """`groupby((by),transformations)` (3.2.3); without transformations the distinct groups."""

    by: tuple[Expr | Rollup | RollupRecursive, ...]
    transformations: tuple[Transformation, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity(Step):
    """`identity`: the same rows (3.4.1)."""


@dataclass(frozen=True, slots=True)
class Concat(Step):
    """`concat(a,b,...)`: the rows of each sequence on the same input, in order (3.4.2)."""

    sequences: tuple[tuple[Transformation, ...], ...]


@dataclass(frozen=True, slots=True)
class FilterStep(Step):
    """`filter(predicate)` (3.3.8)."""

    predicate: Expr


@dataclass(frozen=True, slots=True)
class SearchStep(Step):
    """`search(expression)` (3.3.10)."""

    expression: SearchExpr


@dataclass(frozen=True, slots=True)
class ComputeStep(Step):
    """`compute(items)` (3.4.3)."""

    items: tuple[ComputeItem, ...]


@dataclass(frozen=True, slots=True)
class OrderByStep(Step):
    """`orderby(items)`, a stable sort (3.3.9)."""

    items: tuple[OrderItem, ...]


@dataclass(frozen=True, slots=True)
class SkipStep(Step):
    """`skip(count)` (3.3.11)."""

    count: int


@dataclass(frozen=True, slots=True)
class TopStep(Step):
    """`top(count)` (3.3.12)."""

    count: int


@dataclass(frozen=True, slots=True)
class TopBottom(Step):
    """`topcount(limit,expression)` and the five like it (3.3.1 to 3.3.6).

    `kind` is topcount topsum toppercent bottomcount bottomsum bottompercent.
    """

    kind: str
    limit: Expr
    expression: Expr


@dataclass(frozen=True, slots=True)
class NestItem:
    """`transformations as alias`: a collection below each row."""

    transformations: tuple[Transformation, ...]
    alias: str


@dataclass(frozen=True, slots=True)
class Nest(Step):
    """`nest(items)` in groupby (3.5.2): the rows of a group as a collection."""

    items: tuple[NestItem, ...]


@dataclass(frozen=True, slots=True)
class AddNested(Step):
    """`addnested(path,items)` (3.5.1): transformed related rows beside the original ones."""

    path: Expr
    items: tuple[NestItem, ...]


@dataclass(frozen=True, slots=True)
class Join(Step):
    """`join(path as alias,transformations)` (3.5.3); with `outer`, `outerjoin`."""

    path: Expr
    alias: str
    transformations: tuple[Transformation, ...] = ()
    outer: bool = False


@dataclass(frozen=True, slots=True)
class Relatives(Step):
    """`ancestors(hierarchy,start,distance,keep start)` or `descendants` (6.2.1); see `kind`."""

    kind: str
    hierarchy: RecursiveHierarchy
    start: tuple[Transformation, ...]
    distance: int | None = None
    keep_start: bool = False


@dataclass(frozen=True, slots=True)
class Traverse(Step):
    """`traverse(hierarchy,order,siblings)` (6.2.2); `order` is preorder or postorder."""

    hierarchy: RecursiveHierarchy
    order: str
    siblings: tuple[OrderItem, ...] = ()


@dataclass(frozen=True, slots=True)
class CustomStep(Step):
    """`Namespace.Function(name=value)` as a transformation (3.4.4)."""

    name: str
    parameters: tuple[tuple[str, Expr], ...] = ()


Transformation: TypeAlias = (
    "Aggregate | GroupBy | Identity | Concat | FilterStep | SearchStep | ComputeStep | OrderByStep"
    " | SkipStep | TopStep | TopBottom | Nest | AddNested | Join | Relatives | Traverse"
    " | CustomStep"
)
