"""The syntax tree of $search (Part 2, 5.1.8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from grammar.tree.left_deep import Chain


@dataclass(frozen=True, slots=True)
class SearchTerm:
    """A word or a phrase of $search (5.1.8); `phrase` is true if it was in double quotes."""

    text: str
    phrase: bool = False


@dataclass(frozen=True, slots=True)
class SearchNot:
    """`NOT operand`."""

    operand: SearchExpr


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SearchAnd(Chain):
    """`left AND right`; a space between two terms means the same."""

    left: SearchExpr
    right: SearchExpr


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SearchOr(Chain):
    """`left OR right`; binds weaker than AND."""

    left: SearchExpr
    right: SearchExpr


@dataclass(frozen=True, slots=True)
class SearchIncomplete:
    """`'text'` in single quotes: text that a person is still typing (4.01 5.1.8)."""

    text: str


SearchExpr: TypeAlias = "SearchTerm | SearchNot | SearchAnd | SearchOr | SearchIncomplete"
