"""The pace of the Analytics API: the typical time of a recent call."""

from __future__ import annotations

from collections import deque
from statistics import median

_CALLS, _MIN_CALLS = 20, 5
_RECENT_SECONDS = 900.0


class Pace:
    """The last calls; both instants are of one clock that never jumps, in seconds."""

    def __init__(self) -> None:
        self._calls: deque[tuple[float, float]] = deque(maxlen=_CALLS)

    def add(self, began: float, ended: float) -> None:
        """Add a call, with a response or without."""
        self._calls.append((began, ended))

    def typical_seconds(self, now: float) -> float | None:
        """Return the median of the recent calls; None if there are too few.

        >>> pace = Pace()
        >>> for end in (1, 2, 9, 1, 1):
        ...     pace.add(0, end)
        >>> pace.typical_seconds(10), pace.typical_seconds(2_000)
        (1, None)
        """
        recent = [ended - began for began, ended in self._calls if now - ended < _RECENT_SECONDS]
        return median(recent) if len(recent) >= _MIN_CALLS else None
