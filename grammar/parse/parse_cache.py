"""A bounded memory for a parser, for those who parse the same text again and again."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

Tree = TypeVar("Tree")


def remember(
    parse: Callable[[str], Tree], *, entries: int = 1_024, longest: int = 2_048
) -> Callable[[str], Tree]:
    """`parse` that answers for the last `entries` texts with a dictionary look-up.

    Trees never change, so sharing them is safe, between threads too. Texts longer than `longest`
    characters are parsed each time, so that the memory stays small. Refusals are not remembered.
    The caller owns the memory: this package keeps none.

    >>> from grammar.parse.parser import parse_filter
    >>> parse = remember(parse_filter)
    >>> parse("a eq 1") is parse("a eq 1")
    True
    """
    remembered = lru_cache(maxsize=entries)(parse)
    return lambda text: remembered(text) if len(text) <= longest else parse(text)
