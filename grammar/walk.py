"""Helpers for visitors of the tree."""

from __future__ import annotations

from grammar.syntax import Binary, Expr


def operands(node: Expr, operator: str) -> tuple[Expr, ...]:
    """The operands of a left-nested chain of one operator, in order; the node itself if it is none.

    Visitors use it for `and` and `or`, whose chains may be thousands long: recurring into
    `Binary.left` would overflow Python's stack.

    >>> from grammar.parser import parse_filter
    >>> [name.name for name in operands(parse_filter("a or b or c"), "or")]
    ['a', 'b', 'c']
    """
    found: list[Expr] = []
    while isinstance(node, Binary) and node.operator == operator:
        found.append(node.right)
        node = node.left
    return (node, *reversed(found))
