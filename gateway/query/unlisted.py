"""Literals compared with a column whose values in the contract file do not include them.

Such a comparison is never true, and nothing shows it: a count of 0 looks like any other number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass

from gateway.edm.model import Property
from grammar import Binary, Expr, Lambda, ListExpr, Literal, Member, Name

_COMPARED = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "in"})


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A literal, the column that it is compared with, and the values listed for that column."""

    column: str
    literal: str
    listed: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.column} is compared with {self.literal!r}, which is not among its `values`"
            f" ({', '.join(self.listed)}); correct one of the two"
        )


def find_unlisted(tree: object, properties: Iterable[Property]) -> Unlisted | None:
    """Return the first such literal in any tree of the grammar; None if there is none.

    >>> from gateway.edm.types import PrimitiveType
    >>> from grammar import parse_filter
    >>> state = Property("state", PrimitiveType.STRING, known_values=("approved",))
    >>> print(find_unlisted(parse_filter("state in ('approved','FAILED')"), [state]))
    state is compared with 'FAILED', which is not among its `values` (approved); correct one of \
the two
    """
    listed = {prop.name: prop.known_values for prop in properties if prop.known_values}
    nodes = [*_nodes(tree)] if listed else []
    for node in nodes:  # a variable of any and all is an element of a column
        if isinstance(node, Lambda) and node.variable and _column(node.base) in listed:
            listed[node.variable] = listed[_column(node.base)]
    found = (pair for node in nodes for pair in _comparisons(node, listed))
    return next((Unlisted(c, text, listed[c]) for c, text in found if text not in listed[c]), None)


def _comparisons(node: object, listed: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    if not isinstance(node, Binary) or node.operator not in _COMPARED:
        return
    for side, other in ((node.left, node.right), (node.right, node.left)):
        column = _column(side)
        if column in listed:
            items = other.items if isinstance(other, ListExpr) else (other,)
            for item in items:
                if isinstance(item, Literal) and isinstance(item.value, str):
                    yield column, item.value


def _column(expr: Expr) -> str:
    return expr.name if isinstance(expr, Name | Member) else ""


def _nodes(tree: object) -> Iterator[object]:
    """Yield all nodes; without recursion, because chains of `or` are long."""
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, tuple):
            pending += reversed(node)
        elif is_dataclass(node) and not isinstance(node, type):
            yield node
            pending += [getattr(node, each.name) for each in reversed(fields(node))]
