"""Items of $orderby and $compute -> canonical decoded text."""

from __future__ import annotations

from grammar.tree.expressions import ComputeItem, OrderItem
from grammar.write.expressions import expression_text


def order_text(item: OrderItem) -> str:
    """`expression` or `expression desc`; `asc` is the default and left out."""
    return f"{expression_text(item.expression)}{' desc' if item.descending else ''}"


def compute_text(item: ComputeItem) -> str:
    """`expression as alias`."""
    return f"{expression_text(item.expression)} as {item.alias}"
