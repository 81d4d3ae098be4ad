"""A period of whole days in UTC, chosen by the reader of a figure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from gateway.errors import InvalidValue

_LITERAL = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 1900, 2999


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `first` to `last`, both included; None is open."""

    first: date | None = None
    last: date | None = None

    @classmethod
    def parse(cls, first: str, last: str) -> Period:
        """Return the period between two literals of Edm.Date; an empty one is open.

        Raises:
            InvalidValue: a text is no date, or the period ends before it begins.
        """
        period = cls(_day("from", first), _day("to", last))
        if period.first and period.last and period.last < period.first:
            raise InvalidValue("to: the period ends before it begins; choose a later day")
        return period

    def __bool__(self) -> bool:
        return self.first is not None or self.last is not None

    def condition(self, column: str) -> str:
        """Return the condition that the instant of a column lies in the period.

        >>> Period(date(2025, 1, 1), date(2025, 1, 31)).condition("completedAt")
        'completedAt ge 2025-01-01T00:00:00Z and completedAt lt 2025-02-01T00:00:00Z'
        """
        found = []
        if self.first is not None:
            found.append(f"{column} ge {self.first.isoformat()}T00:00:00Z")
        if self.last is not None:
            found.append(f"{column} lt {(self.last + timedelta(days=1)).isoformat()}T00:00:00Z")
        return " and ".join(found)


def usual_periods(today: date) -> dict[str, Period]:
    """Return the periods that readers often choose, by name.

    >>> [*usual_periods(date(2025, 3, 9)).values()][1]
    Period(first=datetime.date(2025, 3, 1), last=datetime.date(2025, 3, 31))
    """
    this = today.replace(day=1)
    next_ = _month_after(this)
    last = (this - timedelta(days=1)).replace(day=1)
    year = today.year
    return {
        "lastMonth": Period(last, this - timedelta(days=1)),
        "thisMonth": Period(this, next_ - timedelta(days=1)),
        "nextMonth": Period(next_, _month_after(next_) - timedelta(days=1)),
        "lastYear": Period(date(year - 1, 1, 1), date(year - 1, 12, 31)),
        "thisYear": Period(date(year, 1, 1), date(year, 12, 31)),
    }


def _month_after(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def _day(name: str, text: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text) if _LITERAL.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise InvalidValue(f"{name}: enter a date such as 2025-01-31")
    return day
