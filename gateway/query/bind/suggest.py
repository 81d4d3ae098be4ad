"""Suggestions of similar names, for messages."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a clause to append to a message, empty if no name is similar.

    >>> nearest("username", ["userName", "state"])
    '; did you mean userName?'
    >>> nearest("zzz", ["userName"])
    ''
    """
    by_folded = {other.casefold(): other for other in known}
    close = get_close_matches(name.casefold(), by_folded, n=1)
    return f"; did you mean {by_folded[close[0]]}?" if close else ""
