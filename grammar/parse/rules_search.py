"""The rules of $search (Part 2, 5.1.8)."""

from __future__ import annotations

import re
from collections.abc import Callable

from grammar.tree.search import SearchAnd, SearchIncomplete, SearchNot, SearchOr, SearchTerm

_ESCAPED = re.compile(r'\\(["\\])')


def phrase(text: str) -> str:
    """Without the double quotes around it; inside, only a quote and a backslash are escaped."""
    return _ESCAPED.sub(r"\1", text[1:-1])


SEARCH_RULES: dict[str, Callable[..., object]] = {
    "search_word": SearchTerm,
    "search_phrase": lambda text: SearchTerm(text, phrase=True),
    "search_incomplete": SearchIncomplete,
    "search_not": SearchNot,
    "search_and": SearchAnd,
    "search_or": SearchOr,
    "longer_word": lambda word, rest: word + rest,
}

SEARCH_TERMINALS: dict[str, Callable[[str], object]] = {
    "SEARCH_PHRASE": phrase,
    "SEARCH_INCOMPLETE": lambda text: text[1:-1].replace("''", "'"),
}
