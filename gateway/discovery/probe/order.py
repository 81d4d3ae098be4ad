"""The order of rows: its form in requests, and a proof that the API obeys it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from gateway.discovery.claims.name_table import Part, Role
from gateway.discovery.claims.names import RoleScore, role_of
from gateway.discovery.probe.caller import Reply
from gateway.discovery.probe.study import Study
from gateway.discovery.probe.trees import Tree, grouped, merged
from gateway.discovery.probe.usual import OrderForm, order_forms
from gateway.discovery.probe.values import Reader, is_sorted

_MANY = 50
_MOST_GROUPS = 5
_MAX_CALLS = 24
_FEW = 2
_DIRECTIONS = (("ASC", "DESC"), ("asc", "desc"), ("ascending", "descending"), ("1", "-1"))


Ends: TypeAlias = tuple[int, int]
"""The oldest and the newest instant of known rows, in microseconds."""


@dataclass(frozen=True, slots=True)
class OrderFound:
    """An order that is obeyed in both directions."""

    form: OrderForm
    field: str
    evidence: str

    def values(self, *, descending: bool) -> dict[str, str]:
        """Return the values of the placeholders."""
        word = self.form.descending if descending else self.form.ascending
        return {"order.field": self.field, "order.direction": word}


async def find_order(
    study: Study,
    column: Reader,
    rows: Sequence[dict[str, Any]],
    forms: Sequence[OrderForm] = (),
    *,
    fields: Sequence[str] = (),
    most: int = _MANY,
) -> OrderFound | None:
    """Find how to sort by a column; None if no form is obeyed.

    Args:
        study: the API, whose limit is known.
        column: the column to sort by.
        rows: rows in the default order.
        forms: forms that a description names, tried first.
        fields: names of fields that a description allows.
        most: the largest page.
    """
    limit = max(2, min(most, _MANY))
    known = [value for row in rows if (value := column.micros(row)) is not None]
    ends = (min(known, default=0), max(known, default=0))
    descending = not is_sorted(map(column.micros, rows[:limit]), descending=True)
    study.allow(_MAX_CALLS)
    for field in _fields_of(column, fields):
        for round_ in _rounds([*forms, *order_forms()], study):
            found = await _try_round(
                study, column, ends, round_, field, limit, descending=descending
            )
            if found is not None:
                return found
    return None


def _fields_of(column: Reader, allowed: Sequence[str]) -> list[str]:
    """Return the names by which an API may know the column, likeliest first."""
    plain = [name for name in allowed if _updated(name)]
    path = [step.removesuffix("[]") for step in column.paths[0]] if column.paths else []
    last = path[-1] if path else column.name
    names = [*plain, last, ".".join(path), column.name, _constant(last)]
    return list(dict.fromkeys(name for name in names if name))


def _updated(name: str) -> list[RoleScore]:
    found = role_of((name,), Part.ROW)[:1]
    return found if found and found[0].role is Role.UPDATED_AT else []


def _constant(name: str) -> str:
    """Return a name in capitals, as enumerations have it.

    >>> _constant("updatedAt")
    'UPDATED_AT'
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()


def _rounds(forms: Sequence[OrderForm], study: Study) -> list[list[OrderForm]]:
    """Group forms that can be sent in one call, with the same words for directions.

    The likeliest form is a round of its own.
    """
    base = merged(study.base, study.form)
    by_words: dict[tuple[str, str], list[OrderForm]] = {}
    for form in forms[1:]:
        by_words.setdefault((form.ascending, form.descending), []).append(form)
    rounds = [list(forms[:1])]
    for same in by_words.values():
        groups = grouped([(form.tree, form) for form in same], base)
        rounds += [[form for _, form in group] for group in groups[:_MOST_GROUPS]]
    return rounds


async def _try_round(
    study: Study,
    column: Reader,
    ends: Ends,
    forms: Sequence[OrderForm],
    field: str,
    limit: int,
    *,
    descending: bool,
) -> OrderFound | None:
    by_tree = {id(form.tree): form for form in forms}
    word = forms[0].descending if descending else forms[0].ascending
    values = {"limit": limit, "order.field": field, "order.direction": word}
    trees = [form.tree for form in forms]
    reply, left = await study.together(trees, values, formats=True)
    if reply is None and 0 < len(left) <= _FEW:
        return await _other_words(study, column, ends, left, limit, descending=descending)
    if reply is None or not _obeys(study, reply, column, ends, descending=descending):
        return None
    while len(left) > 1:
        half = left[: len(left) // 2]
        reply = await study.ask(values, *half)
        good = _obeys(study, reply, column, ends, descending=descending)
        left = half if good else left[len(left) // 2 :]
    found = OrderFound(by_tree[id(left[0])], field, "")
    rows = study.rows(reply) or []
    return await _both_ways(study, column, ends, found, limit, rows, descending=descending)


async def _other_words(
    study: Study,
    column: Reader,
    ends: Ends,
    trees: Sequence[Tree],
    limit: int,
    *,
    descending: bool,
) -> OrderFound | None:
    """Try members that the API knows, whose values it refused, with other names and words."""
    for tree in trees:
        for field in _fields_of(column, ()):
            for words in _DIRECTIONS:
                if study.caller.calls >= study.last_call:
                    return None
                found = OrderFound(OrderForm(tree, *words), field, "")
                values = {"limit": limit, **found.values(descending=descending)}
                reply = await study.ask(values, tree)
                if _obeys(study, reply, column, ends, descending=descending):
                    rows = study.rows(reply) or []
                    return await _both_ways(
                        study, column, ends, found, limit, rows, descending=descending
                    )
    return None


async def _both_ways(
    study: Study,
    column: Reader,
    ends: Ends,
    found: OrderFound,
    limit: int,
    first: Sequence[Mapping[str, Any]],
    *,
    descending: bool,
) -> OrderFound | None:
    """Ask for the other direction, with another limit, so that no cache can feign it.

    `first` are the rows that came in the direction of the request before.
    """
    values = {"limit": max(2, limit - 1), **found.values(descending=not descending)}
    reply = await study.ask(values, found.form.tree)
    if not _obeys(study, reply, column, ends, descending=not descending):
        return None
    pages = [_instants(column, first), _instants(column, study.rows(reply) or [])]
    newest, oldest = pages if descending else reversed(pages)
    if max(newest) <= min(oldest) or max(oldest) > max(newest) or min(oldest) > min(newest):
        return None
    words = f"{len(newest)} rows newest first, {len(oldest)} rows oldest first"
    return OrderFound(found.form, found.field, words)


def _instants(column: Reader, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    return [value for row in rows if (value := column.micros(row)) is not None]


def _obeys(study: Study, reply: Reply, column: Reader, ends: Ends, *, descending: bool) -> bool:
    """Return True if rows are sorted; if all are equal, no known row may lie beyond them."""
    rows = study.rows(reply)
    if not rows:
        return False
    values = [value for row in rows if (value := column.micros(row)) is not None]
    if len(set(values)) == 1 and ends[0] < ends[1]:
        return values[0] >= ends[1] if descending else values[0] <= ends[0]
    return is_sorted(values, descending=descending)
