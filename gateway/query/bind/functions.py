"""The canonical functions that the service evaluates: their argument and result types.

URL Conventions 5.1.1.5 to 5.1.1.11. A null argument makes the result null (5.1.1.4); constants
that are null fit any parameter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from gateway.edm.types import PrimitiveType as T

Accepted: TypeAlias = frozenset[T]

TEXT: Accepted = frozenset({T.STRING})
WHOLE: Accepted = frozenset({T.INT32, T.INT64})
NUMBER: Accepted = WHOLE | {T.DOUBLE, T.DECIMAL}
INSTANT: Accepted = frozenset({T.DATE_TIME_OFFSET})
DAY: Accepted = INSTANT | {T.DATE}
CLOCK: Accepted = INSTANT | {T.TIME_OF_DAY}
DURATION: Accepted = frozenset({T.DURATION})


@dataclass(frozen=True, slots=True)
class Signature:
    """Parameters in order, the last `optional` of which may be left out.

    `result` None is the type of the argument, where integers count as Edm.Decimal.
    """

    parameters: tuple[Accepted, ...]
    result: T | None
    optional: int = 0

    @property
    def counts(self) -> range:
        """Return the allowed numbers of arguments."""
        return range(len(self.parameters) - self.optional, len(self.parameters) + 1)

    def accepts(self, position: int, found: T | None) -> bool:
        """Return True if an argument of this type fits; null always fits."""
        return found is None or found in self.parameters[position]


FUNCTIONS: dict[str, Signature] = {
    "contains": Signature((TEXT, TEXT), T.BOOLEAN),
    "startswith": Signature((TEXT, TEXT), T.BOOLEAN),
    "endswith": Signature((TEXT, TEXT), T.BOOLEAN),
    "matchespattern": Signature((TEXT, TEXT), T.BOOLEAN),
    "concat": Signature((TEXT, TEXT), T.STRING),
    "indexof": Signature((TEXT, TEXT), T.INT32),
    "length": Signature((TEXT,), T.INT32),
    "substring": Signature((TEXT, WHOLE, WHOLE), T.STRING, optional=1),
    "tolower": Signature((TEXT,), T.STRING),
    "toupper": Signature((TEXT,), T.STRING),
    "trim": Signature((TEXT,), T.STRING),
    "year": Signature((DAY,), T.INT32),
    "month": Signature((DAY,), T.INT32),
    "day": Signature((DAY,), T.INT32),
    "hour": Signature((CLOCK,), T.INT32),
    "minute": Signature((CLOCK,), T.INT32),
    "second": Signature((CLOCK,), T.INT32),
    "fractionalseconds": Signature((CLOCK,), T.DECIMAL),
    "date": Signature((INSTANT,), T.DATE),
    "time": Signature((INSTANT,), T.TIME_OF_DAY),
    "totaloffsetminutes": Signature((INSTANT,), T.INT32),
    "totalseconds": Signature((DURATION,), T.DECIMAL),
    "now": Signature((), T.DATE_TIME_OFFSET),
    "mindatetime": Signature((), T.DATE_TIME_OFFSET),
    "maxdatetime": Signature((), T.DATE_TIME_OFFSET),
    "round": Signature((NUMBER,), None),
    "floor": Signature((NUMBER,), None),
    "ceiling": Signature((NUMBER,), None),
}
FILTER_FUNCTIONS = tuple(sorted(FUNCTIONS))
"""The functions that `$metadata` lists for $filter."""
OFFSET_SENSITIVE = frozenset(
    {"year", "month", "day", "hour", "minute", "date", "time", "totaloffsetminutes"}
)
"""Evaluated in the offset of their argument (5.1.1.8): columns are UTC, so literals must be too."""
