"""The page size when related rows are included (`$expand`)."""

from __future__ import annotations

from gateway.engine.expand import weight
from gateway.engine.run import Relation, Selection, as_tuples, execute, window_of
from gateway.errors import LimitExceeded
from gateway.query.tree.queries import BoundExpand

_MAX_ROWS_PER_PAGE = 50_000
MAX_RELATED_ROWS = 200_000


def brings_many(items: tuple[BoundExpand, ...]) -> bool:
    """Return True if a row may include any number of related rows."""
    return any(item.path.navigation.collection or brings_many(item.query.expand) for item in items)


def rows_that_fit(relation: Relation, selection: Selection, items: tuple[BoundExpand, ...]) -> int:
    """Return how many of the selected rows fit into a page, at least one.

    Raises:
        LimitExceeded: one row has more related rows than a page can hold.
    """
    statement = window_of(relation, selection, weight(items))
    held = fitting = 0
    for (related,) in execute(relation, statement, as_tuples):
        if related > MAX_RELATED_ROWS:
            raise LimitExceeded(
                f"$expand: a row has more than {MAX_RELATED_ROWS} related rows; use $filter or $top"
                " inside of $expand, or query their own table, which is paged",
                target="$expand",
            )
        held += 1 + int(related)
        if fitting and held > _MAX_ROWS_PER_PAGE:
            break
        fitting += 1
    return fitting
