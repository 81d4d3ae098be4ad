"""A check of the live statistics against the newest rows, as counted by the gateway.

It makes one more call, limited to rows after an instant, all of which are on the page already read.
It therefore also detects that the statistics ignore a filter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from gateway.analytics.extract.ranges import from_micros
from gateway.analytics.read.instants import to_micros_of
from gateway.analytics.read.members import MISSING, value_at
from gateway.contract.model import Contract, RangeFilter
from gateway.contract.statistics import Measure, Statistic
from gateway.discovery.findings import Edit, Finding, differs, holds, short
from gateway.planner.pushdown import Pushdown, PushedRange


def newest(rows: Sequence[Any], total: int, contract: Contract) -> tuple[Pushdown, list[Any]]:
    """Return a pushdown, and all rows that match it, which are on the page.

    They are the newer half of the page, unless rows of its oldest instant may be on the next page.

    Raises:
        ValueError: the rows have no instants, or all may have the same instant.
    """
    column = contract.column(contract.order_column)
    instants = [_instant(value_at(row, column.path)) for row in rows]
    assert isinstance(column.filter, RangeFilter)  # noqa: S101 - the contract's rules
    step = timedelta(milliseconds=column.filter.resolution_milliseconds)
    middle = instants[len(instants) // 2]
    start = middle - (middle - middle.replace(hour=0, minute=0, second=0, microsecond=0)) % step
    inclusive = column.filter.from_inclusive
    inside = [at > start or (inclusive and at == start) for at in instants]
    if len(rows) < total and inside[-1]:
        raise ValueError("too many rows have the same instant")
    found = [row for row, is_inside in zip(rows, inside, strict=True) if is_inside]
    return Pushdown((PushedRange(column.name, start, None),)), found


def _instant(text: object) -> datetime:
    micros = to_micros_of(text) if isinstance(text, str) else None
    if micros is None:
        raise ValueError("a row has no instant to compare")
    return from_micros(micros)


def compare_statistics(answer: Any, rows: Sequence[Any], contract: Contract) -> Iterator[Finding]:
    """Yield a finding for each declared member, compared with the rows."""
    for statistic in contract.statistics:
        known = _known(statistic.column, rows, contract)
        counted = {
            Measure.ROWS: len(rows),
            Measure.DISTINCT: len(set(known)),
            Measure.NOT_NULL: len(known),
            Measure.VALUES: dict(Counter(known)),
        }
        actual = value_at(answer, statistic.member)
        yield _compare(statistic, actual, counted.get(statistic.measure))


def _known(name: str, rows: Sequence[Any], contract: Contract) -> list[Any]:
    """Return the values of a column, without nulls; no values without a column name."""
    if not name:
        return []
    values = [value_at(row, contract.column(name).path) for row in rows]
    return [value for value in values if isinstance(value, str | int | float)]


def _compare(statistic: Statistic, actual: object, counted: object) -> Finding:
    subject, member = f"[statistics.{statistic.name}]", f"`{'.'.join(statistic.member)}`"
    edits = (Edit(f"statistics.{statistic.name}"),)
    if actual is MISSING:
        return differs(subject, f"{member} is missing; correct or remove `member`", edits)
    if not statistic.exact:
        return holds(subject, f"{member} is {short(actual)}; exact = false, so no query uses it")
    if _plain(actual) == counted and not isinstance(actual, bool):
        return holds(subject, f"{member} agrees with rows")
    return differs(
        subject,
        f"{member} is {_shown(actual)}, but {_shown(counted)} in the rows; correct it or take it"
        " out, unless rows have changed meanwhile: then check again",
        edits,
    )


def _plain(counts: object) -> object:
    """Return counts without the values that no row has."""
    if isinstance(counts, dict):
        return {value: count for value, count in counts.items() if count != 0}
    return counts


def _shown(value: object) -> str:
    """Return a number, or the size of an object: its names may be those of people."""
    if isinstance(value, dict):
        numbers = [each for each in value.values() if isinstance(each, int)]
        return f"{sum(numbers):,} in {len(value)} parts"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,}"
    return short(value)
