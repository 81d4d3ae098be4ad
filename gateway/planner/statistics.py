"""$apply -> what one answer of the upstream's statistics tells of it, and what is left to do here.

Only the first step can be told: it makes few rows of the results. All that follows sees these rows
alone, so that it is evaluated as it would be on a snapshot. Of rows that are still to be checked
here nothing is told, but for one condition, that a column is not null, of which a member may tell.
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
class Told:
    """The rows of the first step: one, or with `by` one for each of its values that some row has.

    `items` tells for each further property of a row which member is its number: in groups the one
    of VALUES that they are made of, else one of VALUES stands for how many values there are.
    `rest` is $apply behind the first step.
    """

    by: Item | None
    items: tuple[Item, ...]
    rest: BoundApply

    @property
    def statistics(self) -> tuple[Statistic, ...]:
        """The members that it is told by, each once."""
        items = self.items if self.by is None else (self.by, *self.items)
        return tuple(dict.fromkeys(statistic for _, statistic in items))


def told_by_statistics(
    apply: BoundApply, residual: BoundExpr | None, contract: Contract
) -> Told | None:
    """None when the statistics do not tell exactly of the rows that pass pushdown and residual."""
    known = _Known(residual, contract)
    match apply.steps:
        case (AggregateRows(items), *others):
            found = known.numbers(items)
            rest = replace(apply, steps=tuple(others))
            return None if found is None else Told(None, found, rest)
        case (BranchRows() as groups, *_):
            return _told_groups(groups, apply, known)
        case _:
            return None


def _told_groups(groups: BranchRows, apply: BoundApply, known: _Known) -> Told | None:
    """Groups by one column; what was to be done in each group remains, and sees its one row."""
    match groups.branches:
        case (Branch((by,), (AggregateRows(items), *inner)) as branch,):
            values = known.values(by)
        case _:
            return None
    if values is None or not all(map(known.counts_rows, items)):
        return None
    branch = replace(branch, steps=tuple(inner))
    rest = replace(apply, steps=(replace(groups, branches=(branch,)), *apply.steps[1:]))
    return Told((by, values), tuple((item.prop, values) for item in items), rest)


class _Known:
    """The exact members of the statistics, by what they mean."""

    def __init__(self, residual: BoundExpr | None, contract: Contract) -> None:
        self._key = contract.key
        exact = {(s.measure, s.column): s for s in contract.statistics if s.exact}
        if residual is not None:
            rows = exact.get((Measure.NOT_NULL, _column_not_null(residual)))
            exact = {} if rows is None else {(Measure.ROWS, ""): rows}
        self._exact = exact

    def values(self, by: Property) -> Statistic | None:
        """The member that tells how many rows each value has."""
        return self._exact.get((Measure.VALUES, by.name))

    def numbers(self, items: tuple[BoundAggregate, ...]) -> tuple[Item, ...] | None:
        """The member of each item, None when one has none."""
        found = [(item.prop, self._number(item)) for item in items]
        told = tuple((prop, number) for prop, number in found if number is not None)
        return told if len(told) == len(found) else None

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
        """Whether it is the number of rows: no two have the same key, which is never null."""
        match item:
            case BoundAggregate(_, Method.COUNT, None, ()):
                return True
            case BoundAggregate(_, Method.COUNTDISTINCT, ColumnRef(prop), (), ()):
                return prop.name == self._key
            case _:
                return False


def _column_not_null(condition: BoundExpr) -> str:
    """The column of `column ne null`; empty for any other condition."""
    match condition:
        case Compare(CompareOperator.NE, ColumnRef(prop), Constant(None)):
            return prop.name
        case Compare(CompareOperator.NE, Constant(None), ColumnRef(prop)):
            return prop.name
        case _:
            return ""
