"""Pushdowns narrowed to a span of the contract's order column.

Extracts divide their work by that column, because the upstream both sorts and filters by it.
Instants are whole microseconds since 1970, as pages hold them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gateway.contract.model import Contract, RangeFilter
from gateway.planner.pushdown import Pushdown, PushedRange

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)


def to_micros(instant: datetime) -> int:
    """Convert an aware datetime to microseconds since 1970."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    """Convert microseconds since 1970 to an aware datetime in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def grid_step(contract: Contract) -> int:
    """Return the resolution of the order column's range filter, in microseconds."""
    return _grid_of(contract, contract.order_column)


def narrow(
    pushdown: Pushdown,
    contract: Contract,
    lower: int | None,
    upper: int | None,
    column: str = "",
) -> Pushdown | None:
    """Return a pushdown with at least the rows from `lower` to `upper`, inclusive; None if empty.

    The ends are instants of the order column, or of another one with a range filter. Both ends move
    outward by up to two grid steps, so that it does not matter whether the upstream includes them:
    reading a row twice costs little, missing one is an error.
    """
    column = column or contract.order_column
    step = _grid_of(contract, column)
    wanted = PushedRange(column, _shifted(lower, -step, step), _shifted(upper, step, step))
    kept = []
    for term in pushdown.terms:
        if isinstance(term, PushedRange) and term.column == column:
            wanted = intersection(term, wanted)
        else:
            kept.append(term)
    if wanted.lower is not None and wanted.upper is not None and wanted.upper < wanted.lower:
        return None
    return Pushdown((*kept, wanted))


def _grid_of(contract: Contract, column: str) -> int:
    filter_ = contract.column(column).filter
    assert isinstance(filter_, RangeFilter)  # noqa: S101 - the contract's loader has looked
    return filter_.resolution_milliseconds * 1000


def far_ends(term: PushedRange, contract: Contract) -> tuple[PushedRange, ...]:
    """Return ranges for the years beyond a range's open ends, from the last supported instant."""
    filter_ = contract.column(term.column).filter
    assert isinstance(filter_, RangeFilter)  # noqa: S101 - its column has been pushed
    step = filter_.resolution_milliseconds * 1000
    found = []
    if term.upper is None:
        found.append(replace(term, lower=_shifted(to_micros(_LATEST), -step, step)))
    if term.lower is None:
        found.append(replace(term, upper=_shifted(to_micros(_EARLIEST), step, step)))
    return tuple(found)


def intersection(term: PushedRange, other: PushedRange) -> PushedRange:
    """Return the intersection of two ranges of one column; its ends cross if it is empty."""
    lowers = [end for end in (term.lower, other.lower) if end is not None]
    uppers = [end for end in (term.upper, other.upper) if end is not None]
    return replace(term, lower=max(lowers, default=None), upper=min(uppers, default=None))


def _shifted(instant: int | None, by: int, step: int) -> datetime | None:
    """Return the instant on the grid, moved outward; None if Python cannot represent it."""
    if instant is None:
        return None
    on_grid = instant // step * step if by < 0 else -(-instant // step) * step
    try:
        return _EPOCH + timedelta(microseconds=on_grid + by)
    except OverflowError:
        return None
