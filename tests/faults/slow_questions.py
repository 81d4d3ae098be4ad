"""Questions that take the engine long, or much memory, over few rows."""

from __future__ import annotations

from urllib.parse import quote

_DOUBLINGS = 13
"""Names grow to some hundred kilobytes each."""


def _long_texts(doublings: int = _DOUBLINGS) -> list[str]:
    steps = ["compute(concat(userName,userName) as a0)"]
    return steps + [f"compute(concat(a{n},a{n}) as a{n + 1})" for n in range(doublings)]


def slow_apply(terms: int = 8) -> str:
    """About a second a term for two thousand rows: long texts in capitals, once for each term."""
    texts = [f"contains(toupper(concat(a{_DOUBLINGS},'{n}')),'@')" for n in range(terms)]
    return quote("/".join([*_long_texts(), f"filter({' or '.join(texts)})"]))


def greedy_apply() -> str:
    """A group for each of some gigabytes of text."""
    last = _DOUBLINGS + 3
    return quote("/".join([*_long_texts(last), f"groupby((a{last}))"]))
