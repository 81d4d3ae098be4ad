"""Compares the live statistics with rows: the newest ones, counted here and told there.

One call more. It asks for the rows from some moment on, all of which stand on the page at hand; so
a filter that the statistics do not know is found too.
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
from gateway.discovery.findings import Finding, short
from gateway.planner.pushdown import Pushdown, PushedRange


def newest(rows: Sequence[Any], total: int, contract: Contract) -> tuple[Pushdown, list[Any]]:
    """What is asked, and the rows of a page that match it, which are all there are.

    The newer half of the page, unless rows of its oldest moment may stand on the next one.

    Raises:
        ValueError: the rows have no instants, or all may be of one moment.
    """
    column = contract.column(contract.order_column)
    moments = [_moment(value_at(row, column.path)) for row in rows]
    assert isinstance(column.filter, RangeFilter)  # noqa: S101 - the contract's rules
    step = timedelta(milliseconds=column.filter.resolution_milliseconds)
    middle = moments[len(moments) // 2]
    start = middle - (middle - middle.replace(hour=0, minute=0, second=0, microsecond=0)) % step
    inclusive = column.filter.from_inclusive
    inside = [moment > start or (inclusive and moment == start) for moment in moments]
    if len(rows) < total and inside[-1]:
        raise ValueError("too many rows of one moment")
    found = [row for row, is_inside in zip(rows, inside, strict=True) if is_inside]
    return Pushdown((PushedRange(column.name, start, None),)), found


def _moment(text: object) -> datetime:
    micros = to_micros_of(text) if isinstance(text, str) else None
    if micros is None:
        raise ValueError("rows without an instant to go by")
    return from_micros(micros)


def compare_statistics(answer: Any, rows: Sequence[Any], contract: Contract) -> Iterator[Finding]:
    """Each declared member with what the rows themselves say."""
    for statistic in contract.statistics:
        known = _known(statistic.column, rows, contract)
        counted = {
            Measure.ROWS: len(rows),
            Measure.DISTINCT: len(set(known)),
            Measure.NOT_NULL: len(known),
            Measure.VALUES: dict(Counter(known)),
        }
        told = value_at(answer, statistic.member)
        yield _compare(statistic, told, counted.get(statistic.measure))


def _known(name: str, rows: Sequence[Any], contract: Contract) -> list[Any]:
    """The values of a column, without null; none of no column."""
    if not name:
        return []
    values = [value_at(row, contract.column(name).path) for row in rows]
    return [value for value in values if isinstance(value, str | int | float)]


def _compare(statistic: Statistic, told: object, counted: object) -> Finding:
    subject, member = f"[statistics.{statistic.name}]", f"`{'.'.join(statistic.member)}`"
    if told is MISSING:
        return Finding(False, subject, f"{member} is missing; correct `member`, or take it out")
    if not statistic.exact:
        text = f"{member} is {short(told)}; exact = false, so that it answers nothing"
        return Finding(True, subject, text)
    if _plain(told) == counted and not isinstance(told, bool):
        return Finding(True, subject, f"{member} is what the newest rows say")
    return Finding(
        False,
        subject,
        f"{member} is {_shown(told)}, the newest rows say {_shown(counted)}; correct it or take it"
        " out, unless rows have changed meanwhile: then check again",
    )


def _plain(told: object) -> object:
    """Without the values that no row has."""
    if isinstance(told, dict):
        return {value: count for value, count in told.items() if count != 0}
    return told


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in sorted(value.items())) or "nothing"
    return short(value)
