"""$search (URL Conventions 5.1.8), whose matching rules are the service's choice.

A word, a phrase or an incomplete word matches a row if one of its single-valued text properties
contains it, ignoring case. NOT binds tighter than AND, which binds tighter than OR.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from gateway.edm.model import Property
from gateway.edm.types import PrimitiveType
from gateway.errors import LimitExceeded
from gateway.query.tree.expressions import (
    And,
    BoundExpr,
    Constant,
    Element,
    FunctionCall,
    Matches,
    Not,
    Or,
)
from grammar import SearchAnd, SearchExpr, SearchIncomplete, SearchNot, SearchOr, SearchTerm

_MAX_WORDS = 100
_TEXT = PrimitiveType.STRING
_Matches: TypeAlias = Callable[[str], BoundExpr]


def bind_search(expr: SearchExpr, properties: Iterable[Property], row: str = "") -> BoundExpr:
    """Return the condition that a row with these properties matches; it is never null.

    Raises:
        LimitExceeded: too many words.
    """
    searched = tuple(p for p in properties if p.type is PrimitiveType.STRING and not p.collection)
    return _checked(expr, lambda text: Matches(text, searched, row))


def bind_search_of_values(expr: SearchExpr) -> BoundExpr:
    """Return the condition that an element of a list of texts matches.

    Raises:
        LimitExceeded: too many words.
    """
    element = FunctionCall("tolower", (Element(_TEXT),), _TEXT)

    def matches(text: str) -> BoundExpr:
        word = FunctionCall("tolower", (Constant(text, _TEXT),), _TEXT)
        return FunctionCall("contains", (element, word), PrimitiveType.BOOLEAN)

    return _checked(expr, matches)


def _checked(expr: SearchExpr, matches: _Matches) -> BoundExpr:
    if _size(expr) > _MAX_WORDS:
        raise LimitExceeded(
            f"$search: more than {_MAX_WORDS} words; search for fewer at once",
            target="$search",
        )
    return _bind(expr, matches)


def _size(expr: SearchExpr) -> int:
    match expr:
        case SearchNot(operand):
            return _size(operand)
        case SearchAnd() | SearchOr():
            return sum(map(_size, _terms(expr)))
        case _:
            return 1


def _bind(expr: SearchExpr, matches: _Matches) -> BoundExpr:
    match expr:
        case SearchTerm(text, _) | SearchIncomplete(text):
            return matches(text)
        case SearchNot(operand):
            return Not(_bind(operand, matches))
        case SearchAnd():
            return And(tuple(_bind(term, matches) for term in _terms(expr)))
        case SearchOr():
            return Or(tuple(_bind(term, matches) for term in _terms(expr)))


def _terms(expr: SearchAnd | SearchOr) -> list[SearchExpr]:
    """Return the operands of a chain of one connective, in order; chains are left-deep."""
    terms: list[SearchExpr] = []
    node: SearchExpr = expr
    while isinstance(node, SearchAnd | SearchOr) and type(node) is type(expr):
        terms.append(node.right)
        node = node.left
    return [node, *reversed(terms)]
