"""How many rows fit into one page when others come along with them (`$expand`)."""

from __future__ import annotations

from gateway.engine.expand import weight
from gateway.engine.run import Relation, Selection, as_tuples, ask, window_of
from gateway.errors import LimitExceeded
from gateway.query.tree.queries import BoundExpand

_MOST_IN_A_PAGE = 50_000
_MOST_WITH_ONE = 200_000


def brings_many(items: tuple[BoundExpand, ...]) -> bool:
    """Whether any number of rows may come along with one."""
    return any(item.path.navigation.collection or brings_many(item.query.expand) for item in items)


def rows_that_fit(relation: Relation, selection: Selection, items: tuple[BoundExpand, ...]) -> int:
    """How many of the selected rows make a page, at least one.

    Raises:
        LimitExceeded: one row brings more than a page can hold.
    """
    question = window_of(relation, selection, weight(items))
    held = fitting = 0
    for (brought,) in ask(relation, question, as_tuples):
        if brought > _MOST_WITH_ONE:
            raise LimitExceeded(
                f"$expand: more than {_MOST_WITH_ONE} rows come along with one; filter them or take"
                " $top of them inside of $expand, or ask for their own table, whose pages have no"
                " end",
                target="$expand",
            )
        held += 1 + int(brought)
        if fitting and held > _MOST_IN_A_PAGE:
            break
        fitting += 1
    return fitting
