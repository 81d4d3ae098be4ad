"""Questions to a snapshot of all rows, whose answers the Analytics API must give too.

All methods block. Values are bound; names of columns are the contract's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeAlias

from duckdb import DuckDBPyConnection

from gateway.contract.model import Contract
from gateway.contract.statistics import Measure, Statistic

Keys: TypeAlias = frozenset[str]
_MAX_VALUES = 2_000


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL that selects rows, and its parameters."""

    text: str = "true"
    parameters: tuple[object, ...] = ()

    def and_(self, other: Condition) -> Condition:
        """Return the condition that both hold."""
        both = (*self.parameters, *other.parameters)
        return Condition(f"({self.text}) AND ({other.text})", both)


ALL = Condition()


class KeptRows:
    """The rows of one snapshot; `table` is its qualified SQL name."""

    def __init__(
        self,
        cursor: Callable[[], AbstractContextManager[DuckDBPyConnection]],
        table: str,
        contract: Contract,
    ) -> None:
        self._cursor = cursor
        self._table = table
        self._contract = contract
        self._key = _quoted(contract.key)

    def count(self, where: Condition = ALL) -> int:
        """Return the number of rows."""
        [(number,)] = self._rows(f"SELECT count(*) FROM {self._table} WHERE {where.text}", where)
        return int(number)

    def keys(self, where: Condition) -> Keys:
        """Return the keys of rows."""
        found = self._rows(f"SELECT {self._key} FROM {self._table} WHERE {where.text}", where)
        return frozenset(key for (key,) in found)

    def newest(self) -> Any:
        """Return the largest value of the order column; None if no row has one."""
        column = _quoted(self._contract.order_column)
        [(found,)] = self._rows(f"SELECT max({column}) FROM {self._table}")
        return found

    def known(self, keys: Iterable[str]) -> Keys:
        """Return those of the keys that a row has."""
        return self.keys(Condition(f"{self._key} IN (SELECT unnest(?))", ([*keys],)))

    def values(self, column: str) -> list[tuple[Any, int]]:
        """Return the values of a column, or of its lists, each with its rows, rarest first."""
        name = _quoted(column)
        value = f"unnest(list_distinct({name}))" if self._is_list(column) else name
        return self._rows(
            f"SELECT v, count(*) AS n FROM (SELECT {value} AS v FROM {self._table}) WHERE v IS NOT"
            f" NULL GROUP BY v ORDER BY n, v LIMIT {_MAX_VALUES}"
        )

    def having(self, column: str, values: Sequence[Any]) -> Condition:
        """Return the condition that a column, or an element of its list, is one of the values."""
        name = _quoted(column)
        if self._is_list(column):
            return Condition(f"list_has_any({name}, ?)", ([*values],))
        return Condition(f"{name} IN (SELECT unnest(?))", ([*values],))

    def between(self, column: str, lower: Any, upper: Any) -> Condition:
        """Return the condition that a value lies between two, both included; None is open."""
        name, ends = _quoted(column), ((">=", lower), ("<=", upper))
        given = [(operator, end) for operator, end in ends if end is not None]
        text = " AND ".join(f"{name} {operator} ?" for operator, _ in given)
        return Condition(text, tuple(end for _, end in given))

    def sorted(
        self, column: str, number: int, without: Keys, *, where: Condition, descending: bool
    ) -> list[Any]:
        """Return the first values of a column in order, without null and some rows."""
        name, direction = _quoted(column), "DESC" if descending else "ASC"
        others = f"{name} IS NOT NULL AND {self._key} NOT IN (SELECT unnest(?::VARCHAR[]))"
        where = where.and_(Condition(others, ([*without],)))
        text = f"SELECT {name} FROM {self._table} WHERE {where.text} ORDER BY {name} {direction}"
        return [value for (value,) in self._rows(f"{text} LIMIT {number}", where)]

    def instants(self, column: str) -> tuple[Any, ...] | None:
        """Return six instants in order, of rows at 0, 2, 49, 51, 98 and 100 % of all.

        None if no row lies outside of the middle two.
        """
        name = _quoted(column)
        parts = ", ".join(f"quantile_disc({name}, {at})" for at in (0.02, 0.49, 0.51, 0.98))
        [(first, *inner, last)] = self._rows(
            f"SELECT min({name}), {parts}, max({name}) FROM {self._table}"
        )
        found = (first, *inner, last)
        is_inside = first is not None and (first < inner[1] or inner[2] < last)
        return found if is_inside else None

    def figure(self, statistic: Statistic, where: Condition) -> int | dict[str, int]:
        """Return the number, or the numbers by value, that a statistic should have."""
        name = _quoted(statistic.column) if statistic.column else "*"
        if statistic.measure is Measure.VALUES:
            text = f"SELECT {name}, count(*) FROM {self._table} WHERE {name} IS NOT NULL AND "
            return dict(self._rows(f"{text}{where.text} GROUP BY 1", where))
        counted = f"DISTINCT {name}" if statistic.measure is Measure.DISTINCT else name
        text = f"SELECT count({counted}) FROM {self._table} WHERE {where.text}"
        [(number,)] = self._rows(text, where)
        return int(number)

    def _is_list(self, column: str) -> bool:
        return self._contract.column(column).prop.collection

    def _rows(self, text: str, where: Condition = ALL) -> list[Any]:
        with self._cursor() as cursor:
            return cursor.execute(text, where.parameters).fetchall()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
