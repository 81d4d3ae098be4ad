"""$orderby, and `orderby(...)` of $apply: any expression with a primitive value."""

from __future__ import annotations

from gateway.query.bind.expressions import bind_expression
from gateway.query.bind.scope import Scope
from gateway.query.tree.expressions import BoundOrder, Constant
from grammar import OrderItem


def bind_orderby(items: tuple[OrderItem, ...], scope: Scope) -> tuple[BoundOrder, ...]:
    """The sort keys (Protocol 11.2.6.2); a constant orders nothing."""
    bound = ((bind_expression(item.expression, scope), item) for item in items)
    return tuple(
        BoundOrder(expr, item.descending) for expr, item in bound if not isinstance(expr, Constant)
    )
