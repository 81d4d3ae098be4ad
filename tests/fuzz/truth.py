"""What the right answer to a URL is, by plain Python over a world's tables.

Options apply in the order of Protocol 11.2.1: $apply, $compute, $search, $filter, $count, $orderby,
$skip, $top, $expand, $select.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from grammar import (
    ExpandItem,
    Expr,
    KeyPredicate,
    Name,
    OrderItem,
    QueryOptions,
    Segment,
    Transformation,
)
from grammar.tree.transformations import Concat, FilterStep, GroupBy, Identity, Rollup, SearchStep
from tests.fuzz.world import KEYS, WAYS, Entity, World
from tests.grammar.relative_url import parse_relative_url
from tests.support.apply_oracle import transformed
from tests.support.oracle import evaluate, in_order, window
from tests.support.oracle_values import DoesNotExist
from tests.support.search_oracle import finds

ANYTHING = object()
"""A value that cannot be foretold."""
_PLAIN = Identity | FilterStep | SearchStep


@dataclass(frozen=True, slots=True)
class Rows:
    """A collection; `count` is that of `$count=true`."""

    rows: list[dict[str, Any]]
    count: int | None = None


@dataclass(frozen=True, slots=True)
class One:
    """An entity."""

    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Value:
    """A property; `raw` behind `/$value` and `/$count`."""

    value: Any
    raw: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """One of these statuses, without more: 204 for null, 404 for what is not there."""

    status: int


@dataclass(frozen=True, slots=True)
class Undecided:
    """Something in some row has no value: refused with 400, unless that row is never looked at."""


@dataclass(frozen=True, slots=True)
class Perhaps:
    """The answer, unless the service says 501: it may, for columns that not all rows have."""

    answer: Rows


Truth: TypeAlias = Rows | One | Value | Refused | Undecided | Perhaps
_Resource: TypeAlias = "list[Entity] | Entity | Value | None"


def answer_to(world: World, url: str) -> Truth:
    """Return the right answer to a URL below the service root, percent-encoded."""
    path, options = parse_relative_url(url.encode())
    try:
        return _answer(world, path.segments, options)
    except (DoesNotExist, OverflowError):
        return Undecided()


def _answer(world: World, segments: Sequence[Segment], options: QueryOptions) -> Truth:
    aliases = dict(options.aliases)
    found: _Resource = world.tables[segments[0].name]
    if segments[0].key is not None:
        found = _with_key(world.tables[segments[0].name], segments[0].key, aliases)
    for segment in segments[1:]:
        if found is None:
            return Refused(404)
        found = _step(found, segment, options)
    match found:
        case None:
            return Refused(404)
        case list():
            return _collection(found, options)
        case Entity():
            return One(_shown(_computed([found], options)[0], options))
        case Value(None):
            return Refused(204)
        case _:
            return found


def _with_key(rows: list[Entity], key: KeyPredicate, aliases: Mapping[str, Expr]) -> Entity | None:
    names = KEYS[rows[0].set_name] if rows else ()
    wanted = {name or names[0]: evaluate(value, {}, aliases) for name, value in key.values if names}
    return next((row for row in rows if all(row[n] == v for n, v in wanted.items())), None)


def _step(found: _Resource, segment: Segment, options: QueryOptions) -> _Resource:
    match found, segment.name:
        case list(), "$count":
            chosen = _collection(found, QueryOptions(
                apply=options.apply, compute=options.compute, filter=options.filter,
                search=options.search, aliases=options.aliases,
            ))  # fmt: skip
            return Value(len((chosen.answer if isinstance(chosen, Perhaps) else chosen).rows), True)
        case list(), "$filter":
            assert segment.argument is not None
            return _filtered(found, segment.argument, dict(options.aliases))
        case Value(value), "$value":
            return Value(value, raw=True)
        case Value(value), "$count":
            return Value(len(value), raw=True)
        case Entity(), name if name in WAYS.get(found.set_name, {}):
            way: _Resource = found[name]
            if segment.key is None:
                return way
            assert isinstance(way, list)
            return _with_key(way, segment.key, dict(options.aliases))
        case Entity(), name:
            return Value(found[name])
        case _:
            raise NotImplementedError(segment)


def _collection(
    rows: list[Entity], options: QueryOptions, *, is_inside: bool = False
) -> Rows | Perhaps:
    """The rows that the options leave, and what of each is shown.

    Inside of $expand rows that $orderby leaves equal keep the order that they have without it.
    """
    made: list[Any] = rows
    if options.apply:
        made = transformed(options.apply, rows)
    made = _computed(made, options)
    aliases = dict(options.aliases)
    if options.search is not None:
        sought = options.search
        made = [row for row in made if finds(sought, _texts(row))]
    if options.filter is not None:
        made = _filtered(made, options.filter, aliases)
    count = len(made) if options.count else None
    if options.orderby:
        made = made if is_inside else _by_tie_breakers(made, options)
        made = in_order(made, options.orderby, aliases)
    made = window(made, options.skip, options.top)
    answer = Rows([_shown(row, options) for row in made], count)
    return Perhaps(answer) if _may_be_ragged(options.apply) else answer


def _texts(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without Guids, which are no texts."""
    return {name: value for name, value in row.items() if name != "rowId"}


def _filtered(rows: list[Any], predicate: Expr, aliases: Mapping[str, Expr]) -> list[Any]:
    return [row for row in rows if evaluate(predicate, row, aliases) is True]


def _computed(rows: list[Any], options: QueryOptions) -> list[Any]:
    aliases = dict(options.aliases)
    for item in options.compute:
        values = [evaluate(item.expression, row, aliases) for row in rows]
        rows = [row.plus(item.alias, value) for row, value in zip(rows, values, strict=True)]
    return rows


def _by_tie_breakers(rows: list[Any], options: QueryOptions) -> list[Any]:
    """Entities that $orderby leaves equal are in the order of their key; others stay."""
    if not rows or not all(isinstance(step, _PLAIN) for step in options.apply):
        return rows
    return in_order(rows, [OrderItem(Name(name)) for name in _tie_breakers(rows[0])])


def _tie_breakers(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The results again have the order of the results."""
    set_name = row.set_name if isinstance(row, Entity) else "Results"
    return ("id",) if set_name == "ResultRows" else KEYS[set_name]


def _shown(row: Mapping[str, Any], options: QueryOptions) -> dict[str, Any]:
    """What of a row is shown: chosen columns, and other rows that come along."""
    chosen = [item.path[0] for item in options.select]
    names: Iterable[str] = chosen if chosen and "*" not in chosen else row
    shown = {name: _foretold(name, row[name]) for name in names if name in row}
    for item in options.expand:
        shown |= _expanded(row, item)
    return shown


def _foretold(name: str, value: Any) -> Any:
    return ANYTHING if name == "partitionDigest" else value


def _expanded(row: Mapping[str, Any], item: ExpandItem) -> dict[str, Any]:
    name, options = item.path[0], item.options or QueryOptions()
    other = row[name]
    if isinstance(other, Entity):
        return {name: _shown(_computed([other], options)[0], options)}
    found = _collection(other, options, is_inside=True)
    assert isinstance(found, Rows)
    if item.suffix == "$count":
        return {f"{name}@count": len(found.rows)}
    rows = [{} for _ in found.rows] if item.suffix == "$ref" else found.rows
    counted = {} if found.count is None else {f"{name}@count": found.count}
    return {name: rows, **counted}


def _may_be_ragged(steps: Iterable[Transformation]) -> bool:
    """True if rows may lack columns that other rows have."""
    return any(
        isinstance(step, Concat)
        or (isinstance(step, GroupBy) and any(isinstance(by, Rollup) for by in step.by))
        or (isinstance(step, GroupBy) and _may_be_ragged(step.transformations))
        for step in steps
    )
