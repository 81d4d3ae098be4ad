"""The order of rows: its form in requests, and a proof that the API obeys it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

from gateway.discovery.claims.name_table import Part, Role
from gateway.discovery.claims.names import RoleScore, role_of
from gateway.discovery.probe.caller import Reply
from gateway.discovery.probe.study import Study
from gateway.discovery.probe.trees import Tree, at, paths_of, slots_in
from gateway.discovery.probe.usual import OrderForm, order_forms
from gateway.discovery.probe.values import Reader, is_sorted

_MANY = 50
_MOST_GROUPS = 5
_MAX_CALLS = 24
_FEW = 2
_SLOT = "${order.field}"
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
        left = await _known_forms(study, [*forms, *order_forms()], field)
        round_ = _fitting(left, study)[:1]  # the likeliest form is sent alone
        while round_ and study.caller.calls < study.last_call:
            found = await _try_round(
                study, column, ends, round_, field, limit, descending=descending
            )
            if found is not None:
                return found
            tried = set(map(id, round_))
            left = [form for form in left if id(form) not in tried]
            round_ = _round(_fitting(left, study), study)
    return None


def _fields_of(column: Reader, allowed: Sequence[str]) -> list[str]:
    """Return the names by which an API may know the column, likeliest first."""
    plain = [name for name in allowed if _updated(name)]
    steps = column.paths[0] if column.paths else ()
    path = [step.removesuffix("[]") for step in steps if not step.startswith(("$", "_"))]
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


def _round(forms: Sequence[OrderForm], study: Study) -> list[OrderForm]:
    """Return forms that can be sent in one call, with the same words for directions.

    Lists and objects come last, because an API that takes a text may refuse all of the call for
    them, and those of known members first.
    """
    usable = [form for form in forms if study.accepts(form.tree)]
    if not usable:
        return []
    first = min(usable, key=lambda form: (not _is_known(form, study), _is_structured(form)))
    same = [
        form
        for form in usable
        if (form.ascending, form.descending) == (first.ascending, first.descending)
        and _is_structured(form) == _is_structured(first)
        and _is_known(form, study) == _is_known(first, study)
    ]
    pairs = [(form.tree, form) for form in same]
    group = study.groups(pairs, first_alone=False, known_first=False)[0]
    return [form for _, form in group]


def _is_known(form: OrderForm, study: Study) -> bool:
    return bool(study.types.keys() & set(paths_of(form.tree)))


def _is_structured(form: OrderForm) -> bool:
    """Return True if the field stands in a list, or is the name of a member."""
    return not any(_SLOT in node for node in _texts(form.tree))


def _has_word(tree: Tree) -> bool:
    """Return True if the direction is a member of its own, and not a part of a text."""
    return any(True for _ in slots_in(tree, "order.direction"))


def _texts(tree: Tree) -> Iterator[str]:
    for node in tree.values():
        if isinstance(node, dict) and not any("${" in name for name in node):
            yield from _texts(node)
        elif isinstance(node, str):
            yield node


async def _known_forms(study: Study, forms: Sequence[OrderForm], field: str) -> list[OrderForm]:
    """Return the forms to try; of a strict API that names no member, those that it accepts.

    It accepts a member with a field's name alone, or it does not know the member.
    """
    if not study.silent:
        return list(forms)
    names = dict.fromkeys(name for form in forms for name in slots_in(form.tree, "order.field"))
    for name in names:
        if study.caller.calls >= study.last_call:
            break
        if study.rows(await study.ask({"limit": 2}, at(name, field))) is not None:
            return [form for form in forms if name in _places(form.tree)]
    return []


def _fitting(forms: Sequence[OrderForm], study: Study) -> list[OrderForm]:
    """Return the forms with the types and the words that refusals have named."""
    words = {word for pair in _DIRECTIONS for word in pair} & study.allowed
    return [
        form
        for form in forms
        if study.is_of_type(form.tree, str)
        and (not words or not form.ascending or form.descending in words)
    ]


def _places(tree: Tree) -> list[str]:
    return [".".join(path) for path in paths_of(tree)]


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
    says = study.allowed or (not study.silent and _has_word(forms[0].tree))
    if reply is None and 0 < len(left) <= _FEW and forms[0].ascending and says:
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
    for tree, field, words in product(trees, _fields_of(column, ()), _DIRECTIONS):
        if study.caller.calls >= study.last_call:
            return None
        if _is_possible(tree, field, words, study):
            found = OrderFound(OrderForm(tree, *words), field, "")
            values = {"limit": limit, **found.values(descending=descending)}
            reply = await study.ask(values, tree)
            study.note_refusal(reply)
            if _obeys(study, reply, column, ends, descending=descending):
                rows = study.rows(reply) or []
                return await _both_ways(
                    study, column, ends, found, limit, rows, descending=descending
                )
    return None


def _is_possible(tree: Tree, field: str, words: tuple[str, str], study: Study) -> bool:
    """Return False for what refusals exclude: another type, or words that they do not list."""
    known = {word for pair in _DIRECTIONS for word in pair} & study.allowed
    updated = {name for name in study.allowed if _updated(name)}
    return (
        study.is_of_type(tree, str)
        and (not known or words[1] in known)
        and (not updated or field in updated)
    )


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
