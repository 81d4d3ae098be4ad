"""$apply -> the part that one response of the upstream's statistics serves, and the rest.

Statistics can serve only the first step, which makes few rows from the results. Later steps see
only these rows, so they are evaluated as on a snapshot. A residual filter rules statistics out,
except that a column is not null, because a member may count such rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from gateway.contract.model import Contract
from gateway.contract.statistics import Measure, Statistic
from gateway.edm.model import Property
from gateway.query.tree.expressions import BoundExpr, ColumnRef, Compare, CompareOperator, Constant
from gateway.query.tree.transformations import (
    AggregateRows,
    BoundAggregate,
    BoundApply,
    Branch,
    BranchRows,
    Method,
)

Item: TypeAlias = tuple[Property, Statistic]


@dataclass(frozen=True, slots=True)
class StatisticsPlan:
    """The rows of the first step: one, or with `by` one for each of its values that some row has.

    `items` maps each further property of a row to the member that holds its number. In groups it
    is the member of VALUES that makes them; otherwise a member of VALUES gives the number of its
    values. `rest` is $apply after the first step.
    """

    by: Item | None
    items: tuple[Item, ...]
    rest: BoundApply

    @property
    def statistics(self) -> tuple[Statistic, ...]:
        """Return the members in use, each once."""
        items = self.items if self.by is None else (self.by, *self.items)
        return tuple(dict.fromkeys(statistic for _, statistic in items))


def plan_statistics(
    apply: BoundApply, residual: BoundExpr | None, contract: Contract
) -> StatisticsPlan | None:
    """Return a plan; None if the statistics are not exact for the rows that pass the filter."""
    known = _ExactStatistics(residual, contract)
    match apply.steps:
        case (AggregateRows(items), *others):
            found = known.numbers(items)
            rest = replace(apply, steps=tuple(others))
            return None if found is None else StatisticsPlan(None, found, rest)
        case (BranchRows() as groups, *_):
            return _plan_groups(groups, apply, known)
        case _:
            return None


def _plan_groups(
    groups: BranchRows, apply: BoundApply, known: _ExactStatistics
) -> StatisticsPlan | None:
    """Plan groups by one column; the remaining steps in each group see its one row."""
    match groups.branches:
        case (Branch((by,), (AggregateRows(items), *inner)) as branch,):
            values = known.values(by)
        case _:
            return None
    if values is None or not all(map(known.counts_rows, items)):
        return None
    branch = replace(branch, steps=tuple(inner))
    rest = replace(apply, steps=(replace(groups, branches=(branch,)), *apply.steps[1:]))
    return StatisticsPlan((by, values), tuple((item.prop, values) for item in items), rest)


class _ExactStatistics:
    """The exact members of the statistics, by measure and column."""

    def __init__(self, residual: BoundExpr | None, contract: Contract) -> None:
        self._key = contract.key
        exact = {(s.measure, s.column): s for s in contract.statistics if s.exact}
        if residual is not None:
            rows = exact.get((Measure.NOT_NULL, _column_not_null(residual)))
            exact = {} if rows is None else {(Measure.ROWS, ""): rows}
        self._exact = exact

    def values(self, by: Property) -> Statistic | None:
        """Return the member with the number of rows of each value."""
        return self._exact.get((Measure.VALUES, by.name))

    def numbers(self, items: tuple[BoundAggregate, ...]) -> tuple[Item, ...] | None:
        """Return the member of each item; None if one has none."""
        found = [(item.prop, self._number(item)) for item in items]
        complete = tuple((prop, number) for prop, number in found if number is not None)
        return complete if len(complete) == len(found) else None

    def _number(self, item: BoundAggregate) -> Statistic | None:
        if self.counts_rows(item):
            return self._exact.get((Measure.ROWS, ""))
        match item:
            case BoundAggregate(_, Method.COUNTDISTINCT, ColumnRef(prop), (), ()):
                distinct = self._exact.get((Measure.DISTINCT, prop.name))
                return distinct or self.values(prop)
            case _:
                return None

    def counts_rows(self, item: BoundAggregate) -> bool:
        """Return True if it is the number of rows: keys are unique and never null."""
        match item:
            case BoundAggregate(_, Method.COUNT, None, ()):
                return True
            case BoundAggregate(_, Method.COUNTDISTINCT, ColumnRef(prop), (), ()):
                return prop.name == self._key
            case _:
                return False


def _column_not_null(condition: BoundExpr) -> str:
    """Return the column of `column ne null`; empty for any other condition."""
    match condition:
        case Compare(CompareOperator.NE, ColumnRef(prop), Constant(None)):
            return prop.name
        case Compare(CompareOperator.NE, Constant(None), ColumnRef(prop)):
            return prop.name
        case _:
            return ""
