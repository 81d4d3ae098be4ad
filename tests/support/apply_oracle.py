"""A brute-force evaluation of $apply over plain Python rows, on the grammar's tree.

Written from the Data Aggregation standard; it shares nothing with the gateway. Rows are in the
service's order. A property that a row does not have is null in expressions and stays absent. Rows
of an entity set keep their navigation properties as long as they are rows of the set.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import partial
from itertools import product
from typing import Any

from grammar import Expr, Member, Name, OrderItem, Special, Transformation, parse_apply
from grammar.tree.expressions import AggregateItem
from grammar.tree.transformations import (
    Aggregate,
    ComputeStep,
    Concat,
    FilterStep,
    GroupBy,
    Identity,
    OrderByStep,
    Rollup,
    SearchStep,
    SkipStep,
    TopBottom,
    TopStep,
)
from tests.support.oracle import evaluate
from tests.support.search_oracle import finds


class Row(dict[str, Any]):
    """A row in which a missing property is null; `origin` is the entity that it is, if any."""

    origin: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, entity: Mapping[str, Any]) -> Row:
        """Return an entity as a row."""
        row = cls(entity)
        row.origin = entity
        return row

    def plus(self, name: str, value: Any) -> Row:
        """Return the same row with one more property."""
        row = Row({**self, name: value})
        row.origin = self.origin
        return row

    def __missing__(self, name: str) -> Any:
        try:
            return None if self.origin is None else self.origin[name]
        except KeyError:
            return None


def applied(text: str, rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    """The rows that the text of an $apply makes of rows in the service's order."""
    return transformed(parse_apply(text), rows)


def transformed(steps: Iterable[Transformation], rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    """The same of a syntax tree."""
    return _sequence(steps, [Row.of(row) for row in rows])


def _sequence(steps: Iterable[Transformation], rows: list[Row]) -> list[Row]:
    for step in steps:
        rows = _after(step, rows)
    return rows


def _after(step: Transformation, rows: list[Row]) -> list[Row]:
    match step:
        case Aggregate(items):
            return [Row({item.alias: _aggregated(item, rows) for item in items})]
        case Concat(sequences):
            return [row for sequence in sequences for row in _sequence(sequence, rows)]
        case GroupBy():
            return _grouped(step, rows)
        case ComputeStep(items):
            for item in items:
                rows = [r.plus(item.alias, evaluate(item.expression, r, {})) for r in rows]
            return rows
        case _:
            return _subset(step, rows)


def _subset(step: Transformation, rows: list[Row]) -> list[Row]:
    match step:
        case Identity():
            return rows
        case FilterStep(predicate):
            return [row for row in rows if evaluate(predicate, row, {}) is True]
        case SearchStep(expression):
            return [row for row in rows if finds(expression, row)]
        case OrderByStep(items):
            return _sorted(items, rows)
        case SkipStep(count):
            return rows[count:]
        case TopStep(count):
            return rows[:count]
        case TopBottom():
            return _chosen(step, rows)
        case _:
            raise NotImplementedError(repr(step))


def _sorted(items: Iterable[OrderItem], rows: list[Row]) -> list[Row]:
    for item in reversed(tuple(items)):
        rows = sorted(rows, key=partial(_rank, item.expression), reverse=item.descending)
    return rows


def _rank(expr: Expr, row: Row) -> tuple[bool, Any]:
    return _nulls_first(evaluate(expr, row, {}))


def _nulls_first(value: Any) -> tuple[bool, Any]:
    return (False, 0) if value is None else (True, value)


def _chosen(step: TopBottom, rows: list[Row]) -> list[Row]:
    """The rows are considered by value, and come out in the order they had."""
    limit = evaluate(step.limit, {}, {})
    numbered = [row.plus("#", number) for number, row in enumerate(rows)]
    considered = _sorted([OrderItem(step.expression, step.kind.startswith("top"))], numbered)
    values = {r["#"]: evaluate(step.expression, r, {}) for r in numbered}
    met = _condition(step.kind, limit, [v for v in values.values() if v is not None])
    kept: list[int] = []
    for row in considered:
        if met([values[number] for number in kept]):
            break
        kept.append(row["#"])
    return [rows[number] for number in sorted(kept)]


def _condition(kind: str, limit: Any, every: list[Any]) -> Callable[[list[Any]], bool]:
    if kind.endswith("count"):
        return lambda kept: len(kept) >= limit

    def total(values: Iterable[Any]) -> Any:
        return sum((value for value in values if value is not None), start=0)

    if kind.endswith("sum"):
        return lambda kept: bool(total(kept) >= limit)
    whole = total(every)

    def percent(kept: list[Any]) -> bool:
        part = total(kept)
        if whole == 0:
            return bool(part > 0)
        return bool(part * 100 >= limit * whole if whole > 0 else part * 100 <= limit * whole)

    return percent


def _aggregated(item: AggregateItem, rows: list[Row]) -> Any:
    if not item.steps:
        return _value(item.method, item.expression, rows)
    last = item.steps[-1]
    inner = AggregateItem(item.expression, item.method, "", item.steps[:-1])
    groups = _split(last.paths, rows).values()
    values = [Row(v=_aggregated(inner, group)) for group in groups]
    return _value(last.method, Name("v"), values)


def _value(method: str, expression: Expr, rows: list[Row]) -> Any:
    if expression == Special("$count"):
        return len(rows)
    found = [evaluate(expression, row, {}) for row in rows]
    values = [value for value in found if value is not None]
    if method == "countdistinct":
        return len(set(values))
    if not values:
        return None
    if method in ("min", "max"):
        return min(values) if method == "min" else max(values)
    total = math.fsum(values) if isinstance(values[0], float) else sum(values, start=0)
    return total if method == "sum" else float(Decimal(total) / len(values))


def _split(paths: tuple[Expr, ...], rows: list[Row]) -> dict[tuple[Any, ...], list[Row]]:
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(evaluate(path, row, {}) for path in paths), []).append(row)
    return groups


def _grouped(step: GroupBy, rows: list[Row]) -> list[Row]:
    """All levels, each in the order of its groups."""
    result: list[Row] = []
    for paths in _levels(step):
        groups = _split(paths, rows)
        for key in sorted(groups, key=lambda key: [_nulls_first(v) for v in key]):
            made = _sequence(step.transformations, groups[key])
            made = made if step.transformations else [Row()]
            result += [_projected(row, paths, key) for row in made]
    return result


def _projected(row: Row, paths: tuple[Expr, ...], values: tuple[Any, ...]) -> Row:
    """A path to another row's value is written as that row, with the value in it (3.2.3.1)."""
    made = Row(row)
    made.origin = row.origin
    for path, value in zip(paths, values, strict=True):
        match path:
            case Name(name):
                made[name] = value
            case Member(Name(name), inner):
                made[name] = {**made.get(name, {}), inner: value}
            case _:
                raise NotImplementedError(repr(path))
    return made


def _levels(step: GroupBy) -> list[tuple[Expr, ...]]:
    choices: list[list[tuple[Expr, ...]]] = []
    for item in step.by:
        match item:
            case Rollup(paths):
                choices.append([tuple(paths[:n]) for n in range(len(paths), 0, -1)])
            case Name() | Member():
                choices.append([(item,)])
            case _:
                raise NotImplementedError(repr(item))
    sets = (tuple(dict.fromkeys(sum(chosen, ()))) for chosen in product(*choices))
    return list(dict.fromkeys(sets))
