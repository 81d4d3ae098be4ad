"""A pushdown as text and back, for snapshots that outlive their process.

>>> text = to_text(Pushdown((PushedValues("state", ("FAILED",)),)))
>>> from_text(text) == Pushdown((PushedValues("state", ("FAILED",)),))
True
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from gateway.planner.pushdown import Pushdown, PushedRange, PushedTerm, PushedValues


def to_text(pushdown: Pushdown) -> str:
    """Return JSON; equal pushdowns give equal texts."""
    return json.dumps([_term(term) for term in pushdown.terms], ensure_ascii=False)


def from_text(text: str) -> Pushdown:
    """Parse the text that `to_text` returns.

    Raises:
        ValueError: the text is not that of a pushdown.
    """
    try:
        return Pushdown(tuple(_read(entry) for entry in json.loads(text)))
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a pushdown: {text[:80]}") from error


def _term(term: PushedTerm) -> dict[str, Any]:
    if isinstance(term, PushedValues):
        return {"column": term.column, "values": list(term.values)}
    ends = (None if end is None else end.isoformat() for end in (term.lower, term.upper))
    return {"column": term.column, "range": list(ends)}


def _read(entry: dict[str, Any]) -> PushedTerm:
    if "values" in entry:
        return PushedValues(entry["column"], tuple(str(value) for value in entry["values"]))
    ends = [None if end is None else datetime.fromisoformat(end) for end in entry["range"]]
    return PushedRange(entry["column"], ends[0], ends[1])
