"""The median and the quartiles of numbers, from how often each occurs.

OData has no median. `days_to_complete` counts the results of each number of days in one query;
the number in the middle of all results, in their order, is read from these counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of `count` numbers; half of them lie between `lower` and `upper`."""

    count: int
    lower: float
    median: float
    upper: float


def spread_of(counts: Iterable[tuple[int, int]]) -> Spread | None:
    """Return the spread of numbers and how often each occurs; None if there are none.

    Between two numbers, a quartile is interpolated.

    >>> spread_of([(1, 2), (3, 1), (9, 1)])
    Spread(count=4, lower=1.0, median=2.0, upper=4.5)
    """
    found = sorted(counts)
    ends = [*accumulate(count for _, count in found)]
    if not ends or not ends[-1]:
        return None

    def at(place: int) -> int:
        return next(number for (number, _), end in zip(found, ends, strict=True) if place < end)

    def quantile(quarters: int) -> float:
        place, rest = divmod((ends[-1] - 1) * quarters, 4)
        low, high = at(place), at(min(place + 1, ends[-1] - 1))
        return low + (high - low) * rest / 4

    return Spread(ends[-1], quantile(1), quantile(2), quantile(3))
