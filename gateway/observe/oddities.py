"""What is strange about an extract's rows, as it is told: by column and reason, with a number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MOST_ROWS = 10_000
"""So many rows of one oddity are told apart; the number is a lower bound then."""


@dataclass(frozen=True, slots=True)
class OddRows:
    """How many rows have something strange in a column; `rows` 0 says that it is in all of them."""

    column: str
    reason: str
    rows: int

    def __str__(self) -> str:
        if not self.rows:
            return f"{self.column}: {self.reason}"
        least = "at least " if self.rows >= MOST_ROWS else ""
        return f"{self.column}: {least}{self.rows} row{'s' * (self.rows > 1)} with {self.reason}"


def told_together(odd: Iterable[OddRows]) -> str:
    """Return one line for all of them.

    >>> told_together([OddRows("userId", "no value", 3), OddRows("region", "no row has it", 0)])
    'userId: 3 rows with no value; region: no row has it'
    """
    return "; ".join(map(str, odd))
