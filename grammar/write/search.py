"""$search expressions to canonical text."""

from __future__ import annotations

from typing import assert_never

from grammar.tree.search import (
    SearchAnd,
    SearchExpr,
    SearchIncomplete,
    SearchNot,
    SearchOr,
    SearchTerm,
)

_BINDING: dict[type, int] = {SearchOr: 1, SearchAnd: 2, SearchNot: 3}


def search_text(node: SearchExpr) -> str:
    """Return a search with every AND, and parentheses only where precedence needs them."""
    match node:
        case SearchTerm(text, phrase):
            return _phrase(text) if phrase else _word(text)
        case SearchIncomplete(text):
            return "'" + text.replace("'", "''") + "'"
        case SearchNot(operand):
            return f"NOT {_operand(operand, 3)}"
        case SearchAnd():
            return _chain(node, " AND ", 2)
        case SearchOr():
            return _chain(node, " OR ", 1)
        case _:
            assert_never(node)


def _chain(node: SearchAnd | SearchOr, operator: str, binding: int) -> str:
    """Write a chain in a loop: its left side may be thousands deep."""
    pieces: list[str] = []
    left: SearchExpr = node
    while isinstance(left, SearchAnd | SearchOr) and type(left) is type(node):
        pieces.append(_operand(left.right, binding + 1))
        left = left.left
    pieces.append(_operand(left, binding))
    return operator.join(reversed(pieces))


def _operand(node: SearchExpr, binding: int) -> str:
    text = search_text(node)
    return f"({text})" if _BINDING.get(type(node), 4) < binding else text


def _phrase(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _word(text: str) -> str:
    """Return a word; NOT needs parentheses, as it is an operator wherever something follows."""
    return f"({text})" if text == "NOT" else text
