"""Coverage: one pushdown's rows contain all rows of another.

A snapshot of the wider pushdown then serves the narrower query without an upstream call; the
query's whole filter is applied to it.
"""

from __future__ import annotations

from gateway.planner.pushdown import Pushdown, PushedRange, PushedTerm, PushedValues


def covers(wider: Pushdown, narrower: Pushdown) -> bool:
    """Return True if every row of `narrower` is surely a row of `wider`.

    The empty pushdown, which is all rows, covers everything.

    >>> state = PushedValues("state", ("FAILED",))
    >>> covers(Pushdown(), Pushdown((state,))), covers(Pushdown((state,)), Pushdown())
    (True, False)
    """
    by_column = {term.column: term for term in narrower.terms}
    return all(
        (found := by_column.get(term.column)) is not None and _within(found, term)
        for term in wider.terms
    )


def _within(inner: PushedTerm, outer: PushedTerm) -> bool:
    match inner, outer:
        case PushedValues(_, few), PushedValues(_, many):
            return set(few) <= set(many)
        case PushedRange() as few, PushedRange() as many:
            return _begins_within(few, many) and _ends_within(few, many)
        case _:
            return False


def _begins_within(inner: PushedRange, outer: PushedRange) -> bool:
    return outer.lower is None or (inner.lower is not None and inner.lower >= outer.lower)


def _ends_within(inner: PushedRange, outer: PushedRange) -> bool:
    return outer.upper is None or (inner.upper is not None and inner.upper <= outer.upper)
