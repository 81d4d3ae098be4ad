"""A second number for the rows of a pushdown: the sum of two totals, above and below an instant.

The rows that were read, their total and the end of the pages are one number: an upstream that caps
what it finds bounds all three alike. Each half has fewer rows than the whole, so that the cap does
not bound their sum. See docs/decisions/031.
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
class Counted:
    """A total, and whether the rows that came with it are among those that were asked for."""

    total: int
    fits: bool = True


CountRows: TypeAlias = Callable[[Pushdown], Awaitable[Counted]]


class Outcome(Enum):
    """What the second number says of the first."""

    AGREES = auto()
    LARGER = auto()
    SMALLER = auto()
    IGNORED = auto()
    MOVED = auto()


@dataclass(frozen=True, slots=True)
class Compared:
    """The outcome, the total of the whole and the sum of its halves when both were asked last."""

    outcome: Outcome
    whole: int
    parts: int


@dataclass(frozen=True, slots=True)
class Halves:
    """Two pushdowns that have each row of a third; in `both` are those that two of them have."""

    above: Pushdown
    below: Pushdown
    both: Pushdown | None


_FEW = 10
_SURE, _SURE_OF_FEW = 2, 4
"""How often in a row a difference must be seen; a few rows may come and go between two calls."""
_ATTEMPTS = 8


def split_instant(instants: Sequence[int], step: int) -> int | None:
    """An instant of the upstream's grid with rows above and below it.

    Best one that no row has, then near the middle. `instants` are of some rows, newest first, in
    microseconds; None when the grid parts none.
    """
    middle, parted = len(instants) // 2, []
    for number, (newer, older) in enumerate(pairwise(instants), 1):
        cut = newer // step * step
        is_taken = cut - step <= older
        if cut > older:
            parted.append((is_taken, abs(number - middle), cut if is_taken else cut - step))
    return min(parted)[2] if parted else None


def halves_are_exact(contract: Contract) -> bool:
    """True if the upstream is known to return no more than half of the rows for a half."""
    filter_ = contract.column(contract.order_column).filter
    return filter_ is not None and filter_.exact


def halve(pushdown: Pushdown, contract: Contract, instant: int) -> Halves:
    """The rows from an instant on, and the others; it is on the upstream's grid."""
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
    """Compare a total with the sum of its halves until it is known what to think of it."""
    seen, times = Compared(Outcome.AGREES, whole, whole), 0
    for _ in range(_ATTEMPTS):
        last, seen = seen, await _attempt(pushdown, halves, seen.whole, count)
        times = times + 1 if seen.outcome is last.outcome else 1
        if times >= _needed(seen):
            return seen
    return seen if seen.outcome is Outcome.SMALLER else replace(seen, outcome=Outcome.MOVED)


def _needed(seen: Compared) -> int:
    """How often in a row an outcome must be seen before it counts."""
    match seen.outcome:
        case Outcome.AGREES | Outcome.IGNORED:
            return 1
        case Outcome.MOVED:
            return _ATTEMPTS
        case _:
            return _SURE if abs(seen.parts - seen.whole) > _FEW else _SURE_OF_FEW


async def _attempt(pushdown: Pushdown, halves: Halves, before: int, count: CountRows) -> Compared:
    """The newer half first: a row that changes moves there, and is then in neither, not in both."""
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
    """A sum between two totals is that of some moment between them."""
    if parts < min(before, after):
        return Outcome.SMALLER
    if parts <= max(before, after):
        return Outcome.AGREES
    return Outcome.LARGER if before == after else Outcome.MOVED
