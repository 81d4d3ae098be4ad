"""Strange values in an extract's rows, reported by column and reason, with the number of rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MAX_COUNTED_ROWS = 10_000
"""The most distinct rows that are counted for one oddity; beyond, the number is a lower bound."""


@dataclass(frozen=True, slots=True)
class OddRows:
    """Rows with something strange in a column; `rows` is 0 if all of them have it."""

    column: str
    reason: str
    rows: int

    def __str__(self) -> str:
        if not self.rows:
            return f"{self.column}: {self.reason}"
        least = "at least " if self.rows >= MAX_COUNTED_ROWS else ""
        return f"{self.column}: {least}{self.rows} row{'s' * (self.rows > 1)} with {self.reason}"


def summarize(odd: Iterable[OddRows]) -> str:
    """Return one line for all of them.

    >>> summarize([OddRows("userId", "no value", 3), OddRows("region", "no row has it", 0)])
    'userId: 3 rows with no value; region: no row has it'
    """
    return "; ".join(map(str, odd))
