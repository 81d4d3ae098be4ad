"""Filters by values: each is proved with real values, inside rows that were read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gateway.discovery.probe.study import Study, identity
from gateway.discovery.probe.trees import Tree, grouped, merged
from gateway.discovery.probe.usual import WITHIN, list_trees
from gateway.discovery.probe.values import Reader

Verdict = Literal["exact", "superset", "ignored", "unproved", "wrong"]
_MOST_GROUPS = 6
_MAX_CALLS = 8
_LONG_LIST_VALUES = 100
"""A list of this length is proved; longer ones are filtered here."""


@dataclass(frozen=True, slots=True)
class FilterFound:
    """A filter by values, and what probes proved of it."""

    name: str
    tree: Tree
    verdict: Verdict
    most_values: int
    evidence: str


@dataclass(frozen=True, slots=True)
class Scene:
    """Rows that a request returns whole, without the filter: the control of each proof."""

    rows: Sequence[dict[str, Any]]
    values: Mapping[str, Any]
    trees: tuple[Tree, ...] = ()


async def find_filter(
    study: Study,
    name: str,
    column: Reader,
    scene: Scene,
    impossible: Any,
    trees: Sequence[tuple[Tree, str]] = (),
) -> FilterFound | None:
    """Find a filter's member and prove it; None if no candidate narrows the rows.

    The two rarest values of the rows are requested: no row with another value may arrive, and none
    with these may be missing. An impossible value in the same form must find nothing.
    """
    wanted = _two_values(column, scene.rows)
    if not wanted:
        return None
    study.allow(_MAX_CALLS)
    for group in _groups(study, name, trees):
        values = {**scene.values, name: wanted}
        reply, left = (
            await study.together([tree for tree, _ in group], values)
            if not scene.trees
            else await _with_scene(study, group, values, scene)
        )
        rows = None if reply is None else study.rows(reply)
        if rows is None:
            continue
        if not _narrows(column, scene, rows, wanted):
            continue
        words = {id(tree): text for tree, text in group}
        while len(left) > 1:
            half = left[: len(left) // 2]
            rows = study.rows(await study.ask(values, *half, *scene.trees))
            good = rows is not None and _narrows(column, scene, rows, wanted)
            left = half if good else left[len(left) // 2 :]
        return await _judged(study, name, left[0], column, scene, wanted, impossible, words)
    return None


async def _with_scene(
    study: Study, group: Sequence[tuple[Tree, str]], values: Mapping[str, Any], scene: Scene
) -> tuple[Any, list[Tree]]:
    """Send a group together with the trees of the scene."""
    form = study.form
    for tree in scene.trees:
        study.form = merged(study.form, tree)
    try:
        return await study.together([tree for tree, _ in group], values)
    finally:
        study.form = form


def _groups(
    study: Study, name: str, trees: Sequence[tuple[Tree, str]]
) -> list[list[tuple[Tree, str]]]:
    """Return candidates in groups that can be sent together, the likeliest one alone."""
    wanted = [*trees, *(pair for within in WITHIN for pair in list_trees(name, within))]
    usable = [pair for pair in wanted if study.accepts(pair[0])]
    return [usable[:1], *grouped(usable[1:], merged(study.base, study.form))][:_MOST_GROUPS]


def _values_of(column: Reader, row: Mapping[str, Any]) -> list[Any]:
    found = column.raw(row)
    if isinstance(found, list):
        return [value for value in found if isinstance(value, str | int)]
    return [found] if isinstance(found, str | int) and not isinstance(found, bool) else []


def _two_values(column: Reader, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return two values that some rows have and others lack, rare ones first; one if only one."""
    seen = Counter(value for row in rows for value in set(_values_of(column, row)))
    usable = [value for value, count in sorted(seen.items(), key=_rarest) if count < len(rows)]
    return usable[:2]


def has_two_values(column: Reader, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Return True if some rows have a value that others lack, so that a filter can be tried."""
    return bool(_two_values(column, rows))


def _rarest(item: tuple[Any, int]) -> tuple[int, str]:
    return item[1], str(item[0])


def _narrows(
    column: Reader, scene: Scene, rows: Sequence[Mapping[str, Any]], wanted: Sequence[Any]
) -> bool:
    """Return True if fewer rows came than without the filter, some of them wanted."""
    some = any(set(_values_of(column, row)) & set(wanted) for row in rows)
    others = [row for row in rows if not set(_values_of(column, row)) & set(wanted)]
    return some and len(others) < sum(
        not set(_values_of(column, row)) & set(wanted) for row in scene.rows
    )


async def _judged(
    study: Study,
    name: str,
    tree: Tree,
    column: Reader,
    scene: Scene,
    wanted: Sequence[Any],
    impossible: Any,
    words: Mapping[int, str],
) -> FilterFound:
    text = words.get(id(tree), name)
    values = {**scene.values, name: list(wanted)}
    rows = study.rows(await study.ask(values, tree, *scene.trees))
    most = len(wanted)
    if rows is not None and len(wanted) > 1 and _lacks(column, scene, rows, wanted):
        one = [wanted[0]]
        rows = study.rows(await study.ask({**values, name: one}, tree, *scene.trees))
        wanted, most = one, 1
    if rows is None or _lacks(column, scene, rows, wanted):
        return FilterFound(name, tree, "wrong", most, f"{text}: rows are missing from the response")
    exact = all(set(_values_of(column, row)) & set(wanted) for row in rows)
    none = study.rows(await study.ask({**scene.values, name: [impossible]}, tree, *scene.trees))
    if none:
        return FilterFound(name, tree, "ignored", most, f"{text}: an impossible value finds rows")
    near = _near(wanted)
    if near and study.rows(await study.ask({**scene.values, name: near}, tree, *scene.trees)):
        exact = False
    most = 1 if most == 1 else await _longest(study, name, tree, column, scene, wanted, impossible)
    verdict: Verdict = "exact" if exact else "superset"
    told = f"{text}: {len(rows)} rows for {len(wanted)} values, none for an impossible one"
    return FilterFound(name, tree, verdict, most, told)


def _near(wanted: Sequence[Any]) -> list[Any]:
    """Return texts that differ in case or by a letter: a filter that finds them is not exact."""
    texts = [value for value in wanted[:1] if isinstance(value, str)]
    changed = [text.swapcase() for text in texts] + [text[:-1] for text in texts if len(text) > 1]
    return [text for text in changed if text not in wanted]


async def _longest(
    study: Study,
    name: str,
    tree: Tree,
    column: Reader,
    scene: Scene,
    wanted: Sequence[Any],
    impossible: Any,
) -> int:
    """Return the length of a list that works: the real values are at its end."""
    fill = [_numbered(impossible, n) for n in range(_LONG_LIST_VALUES - len(wanted))]
    values = {**scene.values, name: [*fill, *wanted]}
    rows = study.rows(await study.ask(values, tree, *scene.trees))
    if rows is None or _lacks(column, scene, rows, wanted):
        return len(wanted)
    return _LONG_LIST_VALUES


def _numbered(impossible: Any, number: int) -> Any:
    return impossible + number if isinstance(impossible, int) else f"{impossible}-{number}"


def _lacks(
    column: Reader, scene: Scene, rows: Sequence[Mapping[str, Any]], wanted: Sequence[Any]
) -> bool:
    """Return True if a row of the scene with a wanted value did not come."""
    came = {identity(row) for row in rows}
    return any(
        set(_values_of(column, row)) & set(wanted) and identity(row) not in came
        for row in scene.rows
    )
