"""The bound $apply: an algebra of transformations (Data Aggregation 3), names resolved and typed.

Each step takes the rows of the one before. What orders rows is not a step: `RowType.order` is
carried along, because only skip, top and the end look at it, and SQL keeps no order on the way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

from gateway.edm.model import EntityType, Property
from gateway.edm.types import PrimitiveType
from gateway.query.tree.expressions import (
    BoundExpr,
    BoundOrder,
    ColumnRef,
    ComputedProperty,
    Constant,
    NavigationPath,
)

POSITION = Property("$position", PrimitiveType.INT64)
"""The row's number in the feed's own order, as snapshots keep it."""
ARRIVAL = Property("$arrival", PrimitiveType.INT64)
"""The row's number in the order in which rows came while they were read."""
PART = Property("$part", PrimitiveType.INT64)
"""Of rows that were put together: which branch a row comes from."""
RANK = Property("$rank", PrimitiveType.INT64)
"""Its number in that branch."""
VARIANT = Property("$variant", PrimitiveType.INT64)
"""Which of the `RowType.variants` a row is of; a column only where there are several."""

VALUE = "$value"
"""The column of a value that is aggregated once more."""


@dataclass(frozen=True, slots=True)
class Variant:
    """The properties that a row has; `entity` tells whether it is one of the addressed entities."""

    names: tuple[str, ...]
    entity: bool = False


@dataclass(frozen=True, slots=True)
class RowType:
    """What rows are made of.

    `properties` are those of all variants, in wire order; a property that a row does not have is
    null in expressions and absent on the wire. `order` is total.
    """

    properties: tuple[Property, ...]
    variants: tuple[Variant, ...]
    order: tuple[BoundOrder, ...] = ()

    @property
    def common(self) -> tuple[str, ...]:
        """What all rows have."""
        kept = (set(variant.names) for variant in self.variants)
        shared = set.intersection(*kept)
        return tuple(prop.name for prop in self.properties if prop.name in shared)

    @property
    def are_entities(self) -> bool:
        """Whether all rows are whole entities."""
        return all(variant.entity for variant in self.variants)

    def with_properties(self, added: tuple[Property, ...]) -> RowType:
        """The same rows with more properties behind the others."""
        names = tuple(prop.name for prop in added)
        variants = (replace(v, names=(*v.names, *names)) for v in self.variants)
        return RowType((*self.properties, *added), tuple(variants), self.order)


def entity_rows(entity_type: EntityType) -> RowType:
    """The rows that $apply begins with."""
    return RowType(
        entity_type.properties,
        (Variant(entity_type.names, entity=True),),
        (BoundOrder(ColumnRef(POSITION)),),
    )


class Method(StrEnum):
    """Standard aggregation methods (3.2.1.3), and COUNT for `$count`."""

    SUM = "sum"
    MIN = "min"
    MAX = "max"
    AVERAGE = "average"
    COUNTDISTINCT = "countdistinct"
    COUNT = "$count"


@dataclass(frozen=True, slots=True)
class FromStep:
    """`from by with method`: the values of the groups of `by` are aggregated again (3.2.1.5).

    `operand` is the value of a group, a column VALUE of its type.
    """

    by: tuple[Property, ...]
    method: Method
    operand: BoundExpr


@dataclass(frozen=True, slots=True)
class BoundAggregate:
    """One value of a group: `method` of `expr`, nulls removed; `expr` is None for COUNT.

    With `steps`, it is first taken in the groups of all their properties together; each step then
    takes its own away. With `along`, it is taken of the rows that these ways lead to from the rows
    of the group, each as often as a way leads to it; `expr` may be about both.
    """

    prop: Property
    method: Method
    expr: BoundExpr | None
    steps: tuple[FromStep, ...] = ()
    along: tuple[NavigationPath, ...] = ()


@dataclass(frozen=True, slots=True)
class AggregateRows:
    """One row, or one a group inside of a groupby, even where there are no rows."""

    items: tuple[BoundAggregate, ...]


@dataclass(frozen=True, slots=True)
class FilterRows:
    """The rows for which `condition` is true."""

    condition: BoundExpr


@dataclass(frozen=True, slots=True)
class ComputeRows:
    """Each row with more properties."""

    items: tuple[ComputedProperty, ...]


@dataclass(frozen=True, slots=True)
class SliceRows:
    """In `order`, the rows behind the first `skip`, at most `top`; all for None."""

    order: tuple[BoundOrder, ...]
    skip: int = 0
    top: int | None = None


@dataclass(frozen=True, slots=True)
class AccumulateRows:
    """In `order`, rows until the sum of their `expr` is `limit`, or that many percent (3.3.1)."""

    order: tuple[BoundOrder, ...]
    expr: BoundExpr
    limit: Constant
    percent: bool


@dataclass(frozen=True, slots=True)
class Branch:
    """A sequence applied to the rows, or to each group of `by`; groups keep `by` as properties."""

    by: tuple[Property, ...]
    steps: tuple[BoundStep, ...]
    rows: RowType


@dataclass(frozen=True, slots=True)
class BranchRows:
    """The rows of all branches: one for a groupby, one a level with rollup, more for concat."""

    branches: tuple[Branch, ...]
    rows: RowType


BoundStep: TypeAlias = (
    AggregateRows | FilterRows | ComputeRows | SliceRows | AccumulateRows | BranchRows
)


def makes_rows_of_nothing(steps: tuple[BoundStep, ...]) -> bool:
    """Return True if the steps may make a row where there are none: `aggregate` outside of groups.

    >>> makes_rows_of_nothing((AggregateRows(()),))
    True
    """
    return any(
        isinstance(step, AggregateRows)
        or (
            isinstance(step, BranchRows)
            and any(not b.by and makes_rows_of_nothing(b.steps) for b in step.branches)
        )
        for step in steps
    )


@dataclass(frozen=True, slots=True)
class BoundApply:
    """$apply behind its leading filters, which are part of the query's own filter.

    `filter` is $filter and $search, which see the result. `text` is $apply in OData's words.
    """

    steps: tuple[BoundStep, ...]
    rows: RowType
    text: str
    filter: BoundExpr | None = None
