"""Iteration over a tree without recursion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from grammar.tree.expressions import Binary, Expr, Name


def operands(node: Expr, operator: str) -> tuple[Expr, ...]:
    """Return the operands of a left-nested chain of one operator, in order; else the node itself.

    Visitors use it for `and` and `or`, whose chains may be thousands long: recursion into
    `Binary.left` would overflow Python's stack.

    >>> from grammar.parse.parser import parse_filter
    >>> [name.name for name in operands(parse_filter("a or b or c"), "or")]
    ['a', 'b', 'c']
    """
    found: list[Expr] = []
    while isinstance(node, Binary) and node.operator == operator:
        found.append(node.right)
        node = node.left
    return (node, *reversed(found))


def names(node: object) -> Iterator[str]:
    """Yield all bare names in a tree, in no order, without recursion.

    >>> from grammar.parse.parser import parse_filter
    >>> sorted(names(parse_filter("a eq 1 or length(b) in (2,3)")))
    ['a', 'b']
    """
    rest = [node]
    while rest:
        match rest.pop():
            case Name(name):
                yield name
            case tuple() as items:
                rest += items
            case found if is_dataclass(found):
                rest += [getattr(found, field.name) for field in fields(found)]
