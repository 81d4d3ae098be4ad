"""Date functions of a column as intervals: `year(updatedAt) eq 2024`, `date(updatedAt) lt D`.

Excel and Power BI write such filters; the upstream takes a range of instants.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from gateway.planner.value_set import Bound, Interval, ValueSet
from gateway.query.tree.expressions import BoundExpr, Call, ColumnRef, CompareOperator

_LAST_YEAR = 9999


@dataclass(frozen=True, slots=True)
class InstantSpan:
    """The instants from `start` up to and without `end`; None when time ends before."""

    start: datetime
    end: datetime | None

    @property
    def values(self) -> ValueSet:
        """The set of a column that lies in the span."""
        lower = Bound(self.start, inclusive=True)
        upper = None if self.end is None else Bound(self.end, inclusive=False)
        return ValueSet(Interval(lower, upper), null=False)

    def edge(self, operator: CompareOperator) -> tuple[CompareOperator, datetime | None]:
        """The comparison of the column itself that says the same; None is the end of time."""
        match operator:
            case CompareOperator.LE:
                return CompareOperator.LT, self.end
            case CompareOperator.GT:
                return CompareOperator.GE, self.end
            case _:
                return operator, self.start


def spanned_column(expr: BoundExpr) -> str | None:
    """The column that `expr` is a date function of, when its values are spans of the column's."""
    match expr:
        case Call("year" | "date", (ColumnRef(prop),), _):
            return prop.name
        case _:
            return None


def span_of(value: Any) -> InstantSpan | None:
    """The instants whose year or date is `value`; None when that is no year or date.

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
