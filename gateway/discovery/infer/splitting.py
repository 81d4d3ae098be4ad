"""Texts that list groups -> their separator."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

_SEPARATORS = ("|", ";", ",")
_ID = re.compile(r"[\w.:/@-]{1,100}")


def has_separator(text: object) -> bool:
    """Return True if a text may be a list."""
    return isinstance(text, str) and any(separator in text for separator in _SEPARATORS)


def find_separator(texts: Sequence[object]) -> tuple[str, bool]:
    """Return the separator, and True if it is certain.

    A comma is certain between ids, and between names that occur in several combinations: two names
    that always come together may be one name with a comma.

    >>> find_separator(["g-1,g-2", "g-3"]), find_separator(["Sales, EMEA; Berlin"])
    ((',', True), (';', True))
    >>> find_separator(["Sales, EMEA"]), find_separator(["Sales, Berlin", "Rome, Sales", "Berlin"])
    ((',', False), (',', True))
    """
    known = list(dict.fromkeys(text for text in texts if isinstance(text, str) and text.strip()))
    for separator in _SEPARATORS[:-1]:
        if any(separator in text for text in known):
            return separator, True
    return ",", _are_ids(known) or _are_apart(known)


def _are_ids(texts: Sequence[str]) -> bool:
    """Return True if all parts look like ids: no blank follows a comma, or all have a digit."""
    parts = [part for text in texts for part in text.split(",") if part.strip()]
    are_tight = all(_ID.fullmatch(part) for part in parts)
    return are_tight or all(
        _ID.fullmatch(part.strip()) and re.search("[0-9]", part) for part in parts
    )


def _are_apart(texts: Sequence[str]) -> bool:
    """Return True if no two parts always come together."""
    places: dict[str, set[int]] = defaultdict(set)
    for number, text in enumerate(texts):
        for part in text.split(","):
            places[part.strip()].add(number)
    listed = [frozenset(found) for found in places.values()]
    return len(set(listed)) == len(listed)
