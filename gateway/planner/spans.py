"""Date functions of a column as intervals: `year(updatedAt) eq 2024`, `date(updatedAt) lt D`.

Excel and Power BI write such filters; the upstream takes a range of instants.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from gateway.planner.value_set import Bound, Interval, ValueSet
from gateway.query.tree.expressions import BoundExpr, ColumnRef, CompareOperator, FunctionCall

_LAST_YEAR = 9999


@dataclass(frozen=True, slots=True)
class InstantSpan:
    """The instants from `start` up to but not including `end`; None is the end of time."""

    start: datetime
    end: datetime | None

    @property
    def values(self) -> ValueSet:
        """Return the values in the span."""
        lower = Bound(self.start, inclusive=True)
        upper = None if self.end is None else Bound(self.end, inclusive=False)
        return ValueSet(Interval(lower, upper), null=False)

    def edge(self, operator: CompareOperator) -> tuple[CompareOperator, datetime | None]:
        """Return the equivalent comparison of the column itself; None is the end of time."""
        match operator:
            case CompareOperator.LE:
                return CompareOperator.LT, self.end
            case CompareOperator.GT:
                return CompareOperator.GE, self.end
            case _:
                return operator, self.start


def spanned_column(expr: BoundExpr) -> str | None:
    """Return the column of a date function whose values are spans of it; None for others."""
    match expr:
        case FunctionCall("year" | "date", (ColumnRef(prop),), _):
            return prop.name
        case _:
            return None


def span_of(value: Any) -> InstantSpan | None:
    """Return the instants whose year or date is `value`; None if it is neither.

    >>> span_of(2024).end
    datetime.datetime(2025, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """
    match value:
        case int() if 1 <= value <= _LAST_YEAR:
            end = None if value == _LAST_YEAR else datetime(value + 1, 1, 1, tzinfo=UTC)
            return InstantSpan(datetime(value, 1, 1, tzinfo=UTC), end)
        case date():
            start = datetime.combine(value, time.min, UTC)
            return InstantSpan(start, None if value == date.max else start + timedelta(days=1))
        case _:
            return None
