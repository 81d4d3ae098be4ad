"""Instants that no column can hold, such as those of the year 10000: null, and counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from gateway.analytics.rows import Page
from gateway.contract.model import Contract
from gateway.planner.pushdown import Pushdown, PushedRange

_MOST_KEYS = 10_000
"""Rows that are told apart for each column; beyond that the count is a lower bound."""


class Outside:
    """Counts the rows of one extract that have such an instant, each once."""

    def __init__(self, contract: Contract) -> None:
        self._key = contract.key
        self._found: dict[str, set[str]] = {}

    def note(self, page: Page) -> None:
        """Look at a page."""
        for column, rows in page.outside:
            known = self._found.setdefault(column, set())
            if len(known) < _MOST_KEYS:
                known.update(page.rows.column(self._key).take(pa.array(rows)).to_pylist())

    @property
    def counts(self) -> Mapping[str, int]:
        """Column -> rows."""
        return {column: len(keys) for column, keys in self._found.items()}

    def report(self, report: Callable[[str], None]) -> None:
        """Report each column in a sentence for the log; never a value."""
        for column, count in self.counts.items():
            least = "at least " if count >= _MOST_KEYS else ""
            report(
                f"{least}{count} rows have an instant in {column} that lies outside of the years"
                " 1 to 9999, or is finer than a nanosecond; it is null in the feed"
            )


def without_outside(rows: pa.Table, pushdown: Pushdown) -> pa.Table:
    """The rows that are in the pushdown's ranges here.

    The upstream finds the year 10000 after any instant, where a null is not.
    """
    ranged = (t.column for t in pushdown.terms if isinstance(t, PushedRange))
    masks = [pc.is_valid(rows.column(column)) for column in ranged]
    return rows.filter(reduce(pc.and_, masks)) if masks else rows
