"""`unparse`: any node, or a tuple of nodes, to canonical decoded text.

`parse(unparse(tree)) == tree` for every tree that a parser returns, and `unparse(parse(text))` is a
fixed point: the text serves as a cache key, in links and in explanations.
"""

from __future__ import annotations

from typing import TypeAlias

from grammar.tree.expressions import AggregateItem, ComputeItem, Expr, KeyPredicate, OrderItem
from grammar.tree.options import ExpandItem, QueryOptions, SelectItem
from grammar.tree.resource import ResourcePath, Segment
from grammar.tree.search import (
    SearchAnd,
    SearchExpr,
    SearchIncomplete,
    SearchNot,
    SearchOr,
    SearchTerm,
)
from grammar.tree.transformations import Step, Transformation
from grammar.write.apply import aggregate_item_text, transformation_text
from grammar.write.expressions import compute_text, expression_text, key_text, order_text
from grammar.write.options import expand_text, option_pairs, select_text
from grammar.write.resource import path_text, segment_text
from grammar.write.search import search_text

ItemNode: TypeAlias = "Expr | OrderItem | ComputeItem | SelectItem | ExpandItem | AggregateItem"
Node: TypeAlias = (
    "ItemNode | SearchExpr | Transformation | QueryOptions | KeyPredicate | Segment | ResourcePath"
)


def unparse(node: Node | tuple[Node, ...]) -> str:
    """Return the canonical text of a node, or of several, joined as their option joins them.

    The text is decoded: `encode_query` and `encode_path` encode it for a URL. The options of a
    `QueryOptions` are joined with `&`.

    >>> from grammar.parse.parser import parse_filter
    >>> unparse(parse_filter("not  (a EQ 1 )or ToLower( b) eq 'x'"))
    "not (a eq 1) or tolower(b) eq 'x'"
    """
    match node:
        case tuple():
            separator = "/" if node and isinstance(node[0], Step) else ","
            return separator.join(map(unparse, node))
        case Step():
            return transformation_text(node)
        case SearchTerm() | SearchIncomplete() | SearchNot() | SearchAnd() | SearchOr():
            return search_text(node)
        case QueryOptions():
            return "&".join(f"{name}={value}" for name, value in option_pairs(node))
        case KeyPredicate():
            return key_text(node)
        case Segment():
            return segment_text(node)
        case ResourcePath():
            return path_text(node)
        case _:
            return _item(node)


def _item(node: ItemNode) -> str:
    match node:
        case OrderItem():
            return order_text(node)
        case ComputeItem():
            return compute_text(node)
        case SelectItem():
            return select_text(node)
        case ExpandItem():
            return expand_text(node)
        case AggregateItem():
            return aggregate_item_text(node)
        case _:
            return expression_text(node)
