"""The bound $apply: an algebra of transformations (Data Aggregation 3), names resolved and typed.

Each step takes the rows of the one before. An order is not a step: `RowType.order` carries it
along, because only skip, top and the end use it, and SQL keeps no order between steps.
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
"""The row's number in the collection's own order, as stored in snapshots."""
ARRIVAL = Property("$arrival", PrimitiveType.INT64)
"""The row's number in the order in which rows arrived during the extract."""
PART = Property("$part", PrimitiveType.INT64)
"""The branch that a merged row comes from."""
RANK = Property("$rank", PrimitiveType.INT64)
"""The row's number in that branch."""
VARIANT = Property("$variant", PrimitiveType.INT64)
"""The row's index in `RowType.variants`; a column only if there are several."""

VALUE = "$value"
"""The column of a value that is aggregated again."""


@dataclass(frozen=True, slots=True)
class Variant:
    """The properties that a row has; `entity` is true if it is one of the addressed entities."""

    names: tuple[str, ...]
    entity: bool = False


@dataclass(frozen=True, slots=True)
class RowType:
    """The properties and the order of rows.

    `properties` are those of all variants, in wire order; a property that a row does not have is
    null in expressions and absent on the wire. `order` is total.
    """

    properties: tuple[Property, ...]
    variants: tuple[Variant, ...]
    order: tuple[BoundOrder, ...] = ()

    @property
    def common(self) -> tuple[str, ...]:
        """Return the names of the properties that all rows have."""
        shared = set.intersection(*(set(variant.names) for variant in self.variants))
        return tuple(prop.name for prop in self.properties if prop.name in shared)

    @property
    def are_entities(self) -> bool:
        """Return True if all rows are whole entities."""
        return all(variant.entity for variant in self.variants)

    def with_properties(self, added: tuple[Property, ...]) -> RowType:
        """Return the same rows with more properties after the others."""
        names = tuple(prop.name for prop in added)
        variants = (replace(v, names=(*v.names, *names)) for v in self.variants)
        return RowType((*self.properties, *added), tuple(variants), self.order)


def entity_rows(entity_type: EntityType) -> RowType:
    """Return the type of the rows that $apply starts from."""
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

    With `steps`, it is first computed in the groups of all their properties together; each step
    then removes its own. With `along`, it is computed over the rows that these paths lead to from
    the rows of the group, each as often as a path leads to it; `expr` may refer to both.
    """

    prop: Property
    method: Method
    expr: BoundExpr | None
    steps: tuple[FromStep, ...] = ()
    along: tuple[NavigationPath, ...] = ()


@dataclass(frozen=True, slots=True)
class AggregateRows:
    """One row, or one per group inside of a groupby, even if there are no rows."""

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
    """In `order`, the rows after the first `skip`, at most `top`; None is all."""

    order: tuple[BoundOrder, ...]
    skip: int = 0
    top: int | None = None


@dataclass(frozen=True, slots=True)
class AccumulateRows:
    """In `order`, rows until the sum of `expr` reaches `limit`, or that many percent (3.3.1)."""

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
    """The rows of all branches: one for a groupby, one per level of rollup, more for concat."""

    branches: tuple[Branch, ...]
    rows: RowType


BoundStep: TypeAlias = (
    AggregateRows | FilterRows | ComputeRows | SliceRows | AccumulateRows | BranchRows
)


def makes_rows_of_nothing(steps: tuple[BoundStep, ...]) -> bool:
    """Return True if the steps may make a row from no rows: `aggregate` outside of groups.

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
    """$apply after its leading filters, which are part of the query's own filter.

    `filter` is $filter and $search, which apply to the result. `text` is $apply as OData text.
    """

    steps: tuple[BoundStep, ...]
    rows: RowType
    text: str
    filter: BoundExpr | None = None
