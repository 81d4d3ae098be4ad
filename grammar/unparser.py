"""`unparse`: any node, or a tuple of them, -> its canonical decoded text.

`parse(unparse(tree)) == tree` for every tree that a parser returns, and `unparse(parse(text))` is a
fixed point: it serves as a cache key, in links and in explanations.
"""

from __future__ import annotations

from typing import TypeAlias

from grammar.resource import ResourcePath, Segment
from grammar.syntax import ComputeItem, ExpandItem, Expr, Key, OrderItem, QueryOptions, SelectItem
from grammar.unparse_expression import expression_text, key_text
from grammar.unparse_options import (
    compute_text,
    expand_text,
    option_pairs,
    order_text,
    select_text,
)
from grammar.unparse_resource import path_text, segment_text

Node: TypeAlias = (
    "Expr | Key | OrderItem | ComputeItem | SelectItem | ExpandItem | QueryOptions"
    " | Segment | ResourcePath"
)


def unparse(node: Node | tuple[Node, ...]) -> str:
    """Canonical text; several nodes are joined as their option joins them, with commas.

    Of a path and of `QueryOptions` the result is decoded, not ready for a URL; the options are
    joined with `&`. See `option_pairs` with `encode_query` for what can be sent.

    >>> from grammar.parser import parse_filter
    >>> unparse(parse_filter("not  (a EQ 1 )or ToLower( b) eq 'x'"))
    "not (a eq 1) or tolower(b) eq 'x'"
    """
    match node:
        case tuple():
            return ",".join(map(unparse, node))
        case OrderItem():
            return order_text(node)
        case ComputeItem():
            return compute_text(node)
        case SelectItem():
            return select_text(node)
        case ExpandItem():
            return expand_text(node)
        case Key():
            return key_text(node)
        case QueryOptions():
            return "&".join(f"{name}={value}" for name, value in option_pairs(node))
        case Segment():
            return segment_text(node)
        case ResourcePath():
            return path_text(node)
        case _:
            return expression_text(node)
