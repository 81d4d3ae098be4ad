"""A second number for the rows of a pushdown: the sum of two totals, above and below an instant.

The number of rows read, their total and the end of the pages are not independent: an upstream that
caps its results limits all three alike. Each half has fewer rows than the whole, so the cap does
not limit their sum. See docs/decisions/031.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import pairwise
from typing import TypeAlias

from gateway.analytics.extract.ranges import from_micros, intersection
from gateway.contract.model import Contract, RangeFilter
from gateway.planner.pushdown import Pushdown, PushedRange


@dataclass(frozen=True, slots=True)
class CheckedTotal:
    """A total; `fits` is true if the rows that came with it match the request."""

    total: int
    fits: bool = True


CountRows: TypeAlias = Callable[[Pushdown], Awaitable[CheckedTotal]]


class Outcome(Enum):
    """The result of comparing the second number with the first."""

    AGREES = auto()
    LARGER = auto()
    SMALLER = auto()
    IGNORED = auto()
    MOVED = auto()


@dataclass(frozen=True, slots=True)
class Compared:
    """The outcome, with the latest total of the whole and the latest sum of its halves."""

    outcome: Outcome
    whole: int
    parts: int


@dataclass(frozen=True, slots=True)
class Halves:
    """Two pushdowns that together have each row of a third; `both` has the rows of both."""

    above: Pushdown
    below: Pushdown
    both: Pushdown | None


_FEW_ROWS = 10
_REPEATS, _REPEATS_OF_FEW = 2, 4
"""Consecutive times that a difference must occur; a few rows may come and go between calls."""
_MAX_ATTEMPTS = 8


def split_instant(instants: Sequence[int], step: int) -> int | None:
    """Return an instant on the upstream's grid with rows above and below it.

    Prefer one that no row has, then one near the middle. `instants` are those of some rows, newest
    first, in microseconds. None if no instant on the grid splits them.
    """
    middle, parted = len(instants) // 2, []
    for number, (newer, older) in enumerate(pairwise(instants), 1):
        cut = newer // step * step
        is_taken = cut - step <= older
        if cut > older:
            parted.append((is_taken, abs(number - middle), cut if is_taken else cut - step))
    return min(parted)[2] if parted else None


def halves_are_exact(contract: Contract) -> bool:
    """Return True if the upstream returns exactly the rows of a half, by the contract."""
    filter_ = contract.column(contract.order_column).filter
    return filter_ is not None and filter_.exact


def halve(pushdown: Pushdown, contract: Contract, instant: int) -> Halves:
    """Split the rows at an instant on the upstream's grid: those from it on, and the others."""
    filter_ = contract.column(contract.order_column).filter
    assert isinstance(filter_, RangeFilter)  # noqa: S101 - the contract's loader has looked
    at = from_micros(instant)
    name = contract.order_column
    both = filter_.from_inclusive and filter_.to_inclusive
    return Halves(
        _within(pushdown, PushedRange(name, at, None)),
        _within(pushdown, PushedRange(name, None, at)),
        _within(pushdown, PushedRange(name, at, at)) if both else None,
    )


def _within(pushdown: Pushdown, wanted: PushedRange) -> Pushdown:
    kept = []
    for term in pushdown.terms:
        if isinstance(term, PushedRange) and term.column == wanted.column:
            wanted = intersection(term, wanted)
        else:
            kept.append(term)
    return Pushdown((*kept, wanted))


async def compare(pushdown: Pushdown, halves: Halves, whole: int, count: CountRows) -> Compared:
    """Compare a total with the sum of its halves until the outcome is certain."""
    seen, times = Compared(Outcome.AGREES, whole, whole), 0
    for _ in range(_MAX_ATTEMPTS):
        last, seen = seen, await _attempt(pushdown, halves, seen.whole, count)
        times = times + 1 if seen.outcome is last.outcome else 1
        if times >= _needed(seen):
            return seen
    return seen if seen.outcome is Outcome.SMALLER else replace(seen, outcome=Outcome.MOVED)


def _needed(seen: Compared) -> int:
    """Return how many consecutive times an outcome must occur before it counts."""
    match seen.outcome:
        case Outcome.AGREES | Outcome.IGNORED:
            return 1
        case Outcome.MOVED:
            return _MAX_ATTEMPTS
        case _:
            return _REPEATS if abs(seen.parts - seen.whole) > _FEW_ROWS else _REPEATS_OF_FEW


async def _attempt(pushdown: Pushdown, halves: Halves, before: int, count: CountRows) -> Compared:
    """Compare once, newer half first: a row that moves there is then in neither half, not both."""
    above = await count(halves.above)
    below = await count(halves.below)
    parts = above.total + below.total
    if parts > before and halves.both is not None:
        parts -= (await count(halves.both)).total
    if parts == before and above.fits and below.fits:
        return Compared(Outcome.AGREES, before, parts)
    after = (await count(pushdown)).total
    if not (above.fits and below.fits) or above.total == below.total == after:
        return Compared(Outcome.IGNORED, after, parts)
    return Compared(_judge(before, after, parts), after, parts)


def _judge(before: int, after: int, parts: int) -> Outcome:
    """Return the outcome; a sum between two totals was correct at some time between them."""
    if parts < min(before, after):
        return Outcome.SMALLER
    if parts <= max(before, after):
        return Outcome.AGREES
    return Outcome.LARGER if before == after else Outcome.MOVED
