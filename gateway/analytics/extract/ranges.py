"""A pushdown, narrowed to a span of the contract's order column.

Extracts divide their work by that column, because it is the one that the upstream both sorts by and
filters by. Instants are whole microseconds since 1970, as pages hold them.
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
    """Aware datetime -> microseconds since 1970."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    """Microseconds since 1970 -> aware datetime, UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def grid_step(contract: Contract) -> int:
    """Microseconds between two instants that the upstream's range filter can tell apart."""
    filter_ = contract.column(contract.order_column).filter
    assert isinstance(filter_, RangeFilter)  # noqa: S101 - the contract's loader has looked
    return filter_.resolution_milliseconds * 1000


def narrow(
    pushdown: Pushdown, contract: Contract, lower: int | None, upper: int | None
) -> Pushdown | None:
    """At least the pushdown's rows from `lower` to `upper`, both included; None: there are none.

    Both ends are moved outward by up to two grid steps, so that it does not matter whether the
    upstream includes them: what is read twice costs little, what is lost is lost.
    """
    column, step = contract.order_column, grid_step(contract)
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


def far_ends(term: PushedRange, contract: Contract) -> tuple[PushedRange, ...]:
    """The years behind the ends that a range leaves open, with what is last in ours."""
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
    """What two ranges of one column have in common; its ends cross when that is nothing."""
    lowers = [end for end in (term.lower, other.lower) if end is not None]
    uppers = [end for end in (term.upper, other.upper) if end is not None]
    return replace(term, lower=max(lowers, default=None), upper=min(uppers, default=None))


def _shifted(instant: int | None, by: int, step: int) -> datetime | None:
    """The instant on the grid, moved outward; an end that Python cannot name is no end."""
    if instant is None:
        return None
    on_grid = instant // step * step if by < 0 else -(-instant // step) * step
    try:
        return _EPOCH + timedelta(microseconds=on_grid + by)
    except OverflowError:
        return None
