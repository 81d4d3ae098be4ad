"""Trees without personal values: every literal becomes `?`.

Names, operators and functions remain.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, cast

from grammar.tree.expressions import Expr, ListExpr, Literal, LiteralKind, RecordExpr
from grammar.tree.left_deep import Chain
from grammar.tree.options import QueryOptions
from grammar.tree.resource import ResourcePath
from grammar.tree.search import SearchIncomplete, SearchTerm

Tree = TypeVar("Tree", "Expr", QueryOptions, ResourcePath)
_MARK = "?"
_PLACEHOLDER = Literal(LiteralKind.DATE, _MARK)
_TEXTS = ("skiptoken", "deltatoken", "id", "format", "schemaversion")


def without_literals(tree: Tree) -> Tree:
    """Return the tree with placeholders; it can be unparsed, but not parsed again.

    A list of literals becomes one placeholder. Tokens and other texts that a client chose become
    placeholders too, and custom options are left out.

    >>> from grammar.parse.parser import parse_filter
    >>> from grammar.write.nodes import unparse
    >>> unparse(without_literals(parse_filter("a eq 'Jane' and year(b) in (2024,2025)")))
    'a eq ? and year(b) in (?)'
    """
    return cast(Tree, _masked(tree))


def _masked(node: object) -> object:
    match node:
        case Literal() | RecordExpr():
            return _PLACEHOLDER
        case SearchTerm() | SearchIncomplete():
            return SearchTerm(_MARK, phrase=True)
        case ListExpr(items) if all(isinstance(item, Literal) for item in items):
            return ListExpr((_PLACEHOLDER,))
        case tuple():
            return tuple(map(_masked, node))
        case Chain():
            return _chain(node)
        case QueryOptions():
            return _options(node)
        case _ if is_dataclass(node) and not isinstance(node, type):
            return replace(node, **_fields(node))
        case _:
            return node


def _fields(node: Any) -> dict[str, object]:
    return {f.name: _masked(getattr(node, f.name)) for f in fields(node)}


def _options(options: QueryOptions) -> QueryOptions:
    found = _fields(options) | {"custom": ()}
    texts = {name: _MARK for name in _TEXTS if getattr(options, name) is not None}
    return QueryOptions(**(found | texts))  # type: ignore[arg-type]


def _chain(node: Chain) -> object:
    """Mask a chain in a loop: its left side may be thousands deep."""
    links: list[Any] = []
    left: object = node
    while isinstance(left, Chain):
        links.append(left)
        left = left.left
    left = _masked(left)
    for link in reversed(links):
        left = replace(link, left=left, right=_masked(link.right))
    return left
