"""The choice of an extract's strategy, by the abilities in the contract.

The contract has only proved abilities, so the choice needs no flags:

- **newest first** (`scan`, `catch_up`): no row is lost, repeated or older than the request.
- **ranges** (`walk`): the same order and ranges, without totals and without deep pages. Two
  readings must agree, one in each direction if the request can express both.
- **passes** (`passes`): the list is read again until a pass has every row of the pass before.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.contract.model import Contract, Paging, RangeFilter


class Strategy(StrEnum):
    """The method by which an extract reads all rows."""

    NEWEST_FIRST = "newest first"
    RANGES = "ranges"
    PASSES = "passes that agree"


@dataclass(frozen=True, slots=True)
class Choice:
    """A strategy, and the reason for it, for the owner of the contract file."""

    strategy: Strategy
    reason: str


def choose_strategy(contract: Contract) -> Choice:
    """Return the strategy with the strongest guarantee that the contract allows."""
    obstacle = _no_order(contract)
    if obstacle:
        return Choice(Strategy.PASSES, obstacle)
    column = contract.order_column
    obstacle = _no_total(contract)
    if obstacle:
        filter_ = contract.column(column).filter
        if filter_ is not None and filter_.exact:
            return Choice(Strategy.RANGES, f"{column} orders the rows, but {obstacle}")
        return Choice(Strategy.PASSES, f"{obstacle}, and the filter by {column} is not exact")
    return Choice(
        Strategy.NEWEST_FIRST,
        f"{column} orders the rows and has a range filter, and responses state a total",
    )


def states_rows(contract: Contract) -> bool:
    """Return True if responses state the number of all rows; a number of pages does not count."""
    place = contract.response.total
    return contract.has_total and place is not None and not place.counts_pages


def _no_order(contract: Contract) -> str:
    """Return why no column can order and divide the rows; empty if one can."""
    name = contract.order_column
    if not name:
        return "the contract file has no `order_by` in [extract]"
    column = contract.column(name)
    if column.order is None:
        return f"the column {name} has no `order` in the contract file"
    if not isinstance(column.filter, RangeFilter):
        return f"the column {name} has no filter of kind range in the contract file"
    if column.prop.nullable:
        return f"the column {name} is nullable, and no range contains a row without a value"
    return ""


def _no_total(contract: Contract) -> str:
    """Return why pages cannot be compared with a total; empty if they can."""
    if not states_rows(contract):
        return "the contract file has no number of rows as `total` in [response]"
    if contract.pages.kind is Paging.CURSOR:
        return "[pages] of the contract file pages by cursors, so no page can be read by itself"
    if contract.pages.deepest is not None:
        return f"[pages] of the contract file allows no row beyond {contract.pages.deepest}"
    return ""
