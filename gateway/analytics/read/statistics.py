"""The upstream's statistics as numbers, and the few rows that $apply makes of them.

Only the members that the contract calls exact are read; each must be present and of its type.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeAlias

import msgspec
import pyarrow as pa

from gateway.analytics.read.arrays import arrow_type
from gateway.analytics.read.bodies import UNDECODED, decode_any, repaired
from gateway.contract.model import Contract
from gateway.contract.statistics import Measure, Statistic
from gateway.errors import UpstreamBrokeContract
from gateway.planner.statistics import StatisticsPlan

Counts: TypeAlias = Mapping[str, int]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_TYPES: dict[Measure, Any] = {
    Measure.ROWS: _Count,
    Measure.DISTINCT: _Count,
    Measure.NOT_NULL: _Count,
    Measure.VALUES: dict[str, _Count],
}
_COUNT = pa.decimal128(19, 0)
"""The type of the engine's own counts; an Edm.Decimal."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The numbers of one response; `counts` leave out the values that no row has.

    `date` is the response's Date, aware, UTC, or None.
    """

    numbers: Mapping[Statistic, int]
    counts: Mapping[Statistic, Counts]
    date: datetime | None = None

    @property
    def rows(self) -> int:
        """The number of matching rows; the contract's rules require it."""
        return next(n for s, n in self.numbers.items() if s.measure is Measure.ROWS)

    def covers(self, statistic: Statistic, contract: Contract) -> bool:
        """Return True if the counts of a column cover every row, with listed values only.

        Otherwise some rows have no value, or one that cannot be the name of a JSON member, as null.
        """
        counts = self.counts.get(statistic)
        if counts is None:
            return True
        listed = contract.column(statistic.column).prop.known_values
        return set(counts) <= set(listed) and sum(counts.values()) == self.rows

    def number(self, statistic: Statistic) -> int:
        """Return a number; for VALUES, the number of distinct values."""
        counts = self.counts.get(statistic)
        return self.numbers[statistic] if counts is None else len(counts)


def read_figures(body: bytes, contract: Contract, date: datetime | None = None) -> Figures:
    """Decode one response.

    Raises:
        UpstreamBrokeContract: names the table of the contract file to correct.
    """
    try:
        answer = decode_any(body)
    except UNDECODED as error:
        raise UpstreamBrokeContract(f"the statistics are not JSON: {error}") from error
    _check_names(body)
    exact = [statistic for statistic in contract.statistics if statistic.exact]
    found = {statistic: _value(answer, statistic) for statistic in exact}
    counts = {
        statistic: {value: count for value, count in by_value.items() if count}
        for statistic, by_value in found.items()
        if statistic.measure is Measure.VALUES
    }
    return Figures({s: n for s, n in found.items() if s not in counts}, counts, date)


def _check_names(body: bytes) -> None:
    """Refuse a name that an object has twice: one of its numbers would count for both.

    Decoders let the last one win. Halves of surrogate pairs in names may have made them equal.
    """

    def check(pairs: list[tuple[str, object]]) -> None:
        names = [name for name, _ in pairs]
        if len(set(names)) < len(names):
            raise UpstreamBrokeContract(
                "the Analytics API's statistics have two members of the same name in one object;"
                " take out [statistics] in the contract file until that is corrected there"
            )

    json.loads(repaired(body), object_pairs_hook=check)


def _value(answer: Any, statistic: Statistic) -> Any:
    for step in statistic.member:
        answer = answer.get(step) if isinstance(answer, dict) else None
    try:
        return msgspec.convert(answer, _TYPES[statistic.measure])
    except msgspec.ValidationError as error:
        raise UpstreamBrokeContract(
            f"the Analytics API's statistics do not fit the contract file:"
            f" {'.'.join(statistic.member)}: {error}; correct `member` of"
            f" [statistics.{statistic.name}] in the contract file, or take the table out"
        ) from error


def rows_of_figures(figures: Figures, plan: StatisticsPlan) -> pa.Table:
    """Return the rows of $apply's first step, with the columns that the engine would make."""
    if plan.by is None:
        one = {item.name: [figures.number(statistic)] for item, statistic in plan.items}
        return pa.table({name: pa.array(value, _COUNT) for name, value in one.items()})
    prop, statistic = plan.by
    groups = figures.counts[statistic]
    columns = {prop.name: pa.array([*groups], arrow_type(prop))}
    columns |= {item.name: pa.array([*groups.values()], _COUNT) for item, _ in plan.items}
    return pa.table(columns)
