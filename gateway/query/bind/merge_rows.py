"""Rows of several branches in one result: concat and the levels of rollup (Data Aggregation 3)."""

from __future__ import annotations

from gateway.edm.model import Property
from gateway.errors import NotSupported
from gateway.query.bind.scope import Scope
from gateway.query.tree.expressions import BoundOrder, ColumnRef
from gateway.query.tree.transformations import PART, RANK, Branch, BranchRows, RowType

_ORDER = (BoundOrder(ColumnRef(PART)), BoundOrder(ColumnRef(RANK)))


def merged(branches: tuple[Branch, ...], scope: Scope) -> BranchRows:
    """One step of all branches: one after the other, each in its own order.

    Raises:
        NotSupported: a name that is of one type here and of another there.
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
        " another, which this service does not put together; give them two names",
        target=scope.option,
    )
