"""ORDER BY lists: null first ascending, last descending (Protocol 11.2.6.2)."""

from __future__ import annotations

from gateway.engine.compile import compile_expression
from gateway.engine.sql import Sql, fill, parameters
from gateway.query.bound import BoundOrder


def sort_keys(order: tuple[BoundOrder, ...]) -> Sql:
    """The list, which is never empty."""
    keys = [_key(item) for item in order]
    return Sql(", ".join(key.text for key in keys), parameters(keys))


def _key(item: BoundOrder) -> Sql:
    direction = "DESC NULLS LAST" if item.descending else "ASC NULLS FIRST"
    return fill(f"{{0}} {direction}", compile_expression(item.expr))
