"""Selections for proofs: as the planner would send them, with the condition of their rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from gateway.analytics.extract.strategy import Strategy, choose_strategy
from gateway.contract.model import Column, Contract, RangeFilter
from gateway.planner.pushdown import Pushdown, PushedTerm, PushedValues, split_filter
from gateway.proofs.kept_rows import Condition, KeptRows
from gateway.query.tree.expressions import (
    And,
    BoundExpr,
    ColumnRef,
    Compare,
    CompareOperator,
    Constant,
)

T = TypeVar("T")
_MOST_VALUES = 100
_MOST_WORDS = 20


class Threads(Protocol):
    """A pool for blocking work."""

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Run work in a thread."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A filter, and the condition of its rows; with `is_loose` more rows may come.

    `beside` is a range that is sent as well.
    """

    term: PushedTerm
    where: Condition
    is_loose: bool = False
    beside: tuple[PushedTerm, ...] = ()

    @property
    def pushdown(self) -> Pushdown:
        """Return the request's selection."""
        return Pushdown((self.term, *self.beside))


@dataclass(frozen=True, slots=True)
class Chosen:
    """Selections by values; `most` is the length of the longest list."""

    selections: Sequence[Selection]
    most: int


class Selections:
    """Makes the selections of one contract from a snapshot of all rows."""

    def __init__(self, contract: Contract, rows: KeptRows, threads: Threads) -> None:
        self._contract = contract
        self._rows = rows
        self._threads = threads

    async def of_values(self, column: Column, usable: Sequence[tuple[Any, int]]) -> Chosen:
        """Return selections of a rare value, a common one, a list, and each word of a list."""
        many = self._fitting(column, usable)
        chosen = [many[:1], [usable[-1][0]], *([many] if len(many) > 1 else [])]
        if column.prop.known_values:  # each word has a spelling of its own
            chosen += [[value] for value, _ in usable[1:_MOST_WORDS]]
        selections = [self._having(column, values) for values in chosen]
        selections += await self._within_ranges(column, selections[:2])
        return Chosen(selections, len(many))

    def similar(self, column: Column, usable: Sequence[tuple[Any, int]]) -> PushedValues | None:
        """Return texts similar to one of a column that no row has; None if there are none."""
        assert column.filter is not None  # noqa: S101 - the ability says so
        value, known = str(usable[0][0]), {each for each, _ in usable}
        others = {value.swapcase(), value[:-1]} - known
        others = {other for other in others if other and _is_sendable(column, other)}
        if column.prop.known_values or not column.filter.exact or not others:
            return None
        return PushedValues(column.name, tuple(sorted(others)))

    async def usable(self, column: Column) -> list[tuple[Any, int]]:
        """Return the values to try with their rows, rarest first; none that all rows have."""
        found = await self._ask(self._rows.values, column.name)
        rows = await self._ask(self._rows.count)
        known = column.prop.known_values
        listed = [(v, n) for v, n in found if not known or v in known]
        return [(v, n) for v, n in listed if n < rows and _is_sendable(column, v)]

    def _having(self, column: Column, values: Sequence[Any]) -> Selection:
        term = PushedValues(column.name, tuple(sorted(values)))
        return Selection(term, self._rows.having(column.name, values))

    async def _within_ranges(
        self, column: Column, selections: Sequence[Selection]
    ) -> list[Selection]:
        """Return selections with a range beside them, for extracts that read by ranges."""
        order = self._contract.order_column
        is_needed = choose_strategy(self._contract).strategy is Strategy.RANGES
        if not is_needed or column.name == order:
            return []
        ends = await self._ask(self._rows.instants, order)
        half = None if ends is None else self._between(self._contract.column(order), None, ends[3])
        if half is None:
            return []
        return [
            replace(each, where=each.where.and_(half.where), beside=(half.term,))
            for each in selections
        ]

    def _fitting(self, column: Column, usable: Sequence[tuple[Any, int]]) -> list[Any]:
        """Return as many values as a list may have, and as few rows as a page has."""
        most = min(getattr(column.filter, "max_values", 1), _MOST_VALUES)
        chosen: list[Any] = []
        rows = 0
        for value, number in usable[:most]:
            rows += number
            if rows > self._contract.request.page_limit:
                break
            chosen.append(value)
        return chosen or [usable[0][0]]

    async def ranges(self, column: Column) -> list[Selection]:
        """Return ranges as the planner would send them; none if the rows have too few instants."""
        ends = await self._ask(self._rows.instants, column.name)
        if ends is None:
            return []
        first, early, lower, upper, late, last = ends
        wanted = [(lower, upper), (None, early), (late, None), (None, last), (first, None)]
        made = [self._between(column, *each) for each in wanted]
        return [selection for selection in made if selection is not None]

    def _between(self, column: Column, lower: Any, upper: Any) -> Selection | None:
        reference, kind = ColumnRef(column.prop), column.prop.type
        parts: list[BoundExpr] = []
        if lower is not None:
            parts.append(Compare(CompareOperator.GE, reference, Constant(_aware(lower), kind)))
        if upper is not None:
            parts.append(Compare(CompareOperator.LE, reference, Constant(_aware(upper), kind)))
        split = split_filter(parts[0] if len(parts) == 1 else And(tuple(parts)), self._contract)
        if not split.pushdown.terms:
            return None
        where = self._rows.between(column.name, lower, upper)
        return Selection(split.pushdown.terms[0], where, is_loose=split.residual is not None)

    async def scenes(self, column: Column) -> list[Selection]:
        """Return selections of many rows: of a common value and of a list, or of ranges."""
        if isinstance(column.filter, RangeFilter):
            return [each for each in await self.ranges(column) if not each.is_loose]
        usable = await self.usable(column)
        if not usable:
            return []
        scenes = [self._having(column, [usable[-1][0]])]
        most = getattr(column.filter, "max_values", 1)
        if len(usable) > 1 and most > 1:
            scenes.append(self._having(column, [usable[0][0], usable[-1][0]]))
        return scenes if self._is_exact(column.name) else []

    def _is_exact(self, name: str) -> bool:
        filter_ = self._contract.column(name).filter
        return filter_ is not None and filter_.exact

    async def _ask(self, work: Callable[..., T], *arguments: object) -> T:
        return await self._threads.run(work, *arguments)


def _is_sendable(column: Column, value: object) -> bool:
    """Return True if a value can be sent as it is, so that it may be chosen for a proof."""
    is_text = isinstance(value, str) and value.isprintable() and "\ufffd" not in value
    return is_text and column.can_encode(str(value))


def _aware(value: datetime) -> datetime:
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
