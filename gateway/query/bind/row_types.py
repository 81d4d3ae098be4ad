"""Row types of groups and of merged branches: groupby, concat and the levels of rollup.

Data Aggregation 3.2.3 and 3.4.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.edm.model import Property
from gateway.errors import NotSupported
from gateway.query.bind.scope import Scope
from gateway.query.tree.expressions import BoundExpr, BoundOrder, ColumnRef
from gateway.query.tree.transformations import PART, RANK, Branch, BranchRows, RowType

_ORDER = (BoundOrder(ColumnRef(PART)), BoundOrder(ColumnRef(RANK)))


def merged_rows(branches: tuple[Branch, ...], scope: Scope) -> BranchRows:
    """Merge branches into one step: one after the other, each in its own order.

    Raises:
        NotSupported: a name that has different types in two branches.
    """
    if len(branches) == 1:
        return BranchRows(branches, branches[0].rows)
    properties: dict[str, Property] = {}
    for branch in branches:
        for prop in branch.rows.properties:
            first = properties.setdefault(prop.name, prop)
            _check_same(first, prop, scope)
    variants = dict.fromkeys(variant for b in branches for variant in b.rows.variants)
    return BranchRows(branches, RowType(tuple(properties.values()), tuple(variants), _ORDER))


def _check_same(first: Property, prop: Property, scope: Scope) -> None:
    if first.type is prop.type:
        return
    raise NotSupported(
        f"{scope.option}: {prop.name} is {first.type} in one part of the result and {prop.type} in"
        " another, which this service cannot merge; give them two names",
        target=scope.option,
    )


def grouped_rows(by: tuple[Property, ...], rows: RowType) -> RowType:
    """Return the type of the rows of groups: with the grouping properties, sorted by them."""
    if not by:
        return rows
    known = {prop.name for prop in rows.properties}
    added = tuple(prop for prop in by if prop.name not in known)
    names = tuple(prop.name for prop in by)
    variants = (replace(v, names=tuple(dict.fromkeys((*names, *v.names)))) for v in rows.variants)
    order = tuple(BoundOrder(ColumnRef(prop)) for prop in by)
    return RowType(
        (*added, *rows.properties), tuple(variants), distinct_keys((*order, *rows.order))
    )


def distinct_keys(order: tuple[BoundOrder, ...]) -> tuple[BoundOrder, ...]:
    """Drop sort keys that repeat an earlier one."""
    first_of: dict[BoundExpr, BoundOrder] = {}
    for item in order:
        first_of.setdefault(item.expr, item)
    return tuple(first_of.values())
