"""Filters by values: each is proved with real values, inside rows that were read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from gateway.discovery.probe.study import Study, identity
from gateway.discovery.probe.trees import Tree, paths_of
from gateway.discovery.probe.usual import WITHIN, list_trees
from gateway.discovery.probe.values import Reader

Verdict = Literal["exact", "superset", "ignored", "unproved", "wrong"]
_MOST_GROUPS = 6
_MAX_CALLS = 8
_LONG_LIST_VALUES = 100
"""A list of this length is proved; longer ones are filtered here."""


class Raw(Protocol):
    """A column whose values are read as the API sends them."""

    def raw(self, row: Mapping[str, Any]) -> Any:
        """Return the value; None if the row has none."""


@dataclass(frozen=True, slots=True)
class FilterFound:
    """A filter by values, and what probes proved of it."""

    name: str
    tree: Tree
    verdict: Verdict
    most_values: int
    evidence: str

    @property
    def is_usable(self) -> bool:
        """True if the filter loses no row."""
        return self.verdict in ("exact", "superset")


@dataclass(frozen=True, slots=True)
class Scene:
    """Rows that a request returns whole, without the filter: the control of each proof."""

    rows: Sequence[dict[str, Any]]
    values: Mapping[str, Any]


async def find_filter(
    study: Study,
    name: str,
    column: Reader,
    scene: Scene,
    impossible: Any,
    trees: Sequence[tuple[Tree, str]] = (),
    *,
    beside: Sequence[Tree] = (),
    is_listed: bool = False,
) -> FilterFound | None:
    """Find a filter's member and prove it; None if no candidate narrows the rows.

    The two rarest values of the rows are requested, of an enumeration (`is_listed`) all but the
    commonest: no row with another value may arrive, and none with these may be missing. An
    impossible value in the same form must find nothing. `beside` are the trees of other filters:
    this one probably looks like them.
    """
    wanted = _wanted(column, scene.rows, is_listed=is_listed)
    if not wanted:
        return None
    study.allow(_MAX_CALLS)
    probe = _Probe(study, name, column, scene, impossible)
    groups, found = _groups(study, name, trees, beside), None
    if not is_listed:  # an API may refuse an unknown word, and no list is longer than the words
        found = await probe.first_that_narrows(groups[:1], wanted, _long_list(wanted, impossible))
    if found is None:
        found = await probe.first_that_narrows(groups, wanted, wanted)
    return None if found is None else await probe.judge(found, wanted)


@dataclass(frozen=True, slots=True)
class _Narrowing:
    """A tree that narrows the rows, the values that were sent, and the rows that came."""

    tree: Tree
    words: str
    sent: Sequence[Any]
    rows: Sequence[Mapping[str, Any]]


def _long_list(wanted: Sequence[Any], impossible: Any) -> list[Any]:
    """Return a list of the greatest length to send, with real values at its beginning and end."""
    fill = [_numbered(impossible, n) for n in range(_LONG_LIST_VALUES - len(wanted))]
    return [*wanted[:1], *fill, *wanted[1:]]


@dataclass(frozen=True, slots=True)
class _Probe:
    """The requests about one filter."""

    study: Study
    name: str
    column: Reader
    scene: Scene
    impossible: Any

    async def ask(self, sent: Sequence[Any], *trees: Tree) -> list[dict[str, Any]] | None:
        """Return the rows for some values."""
        values = {**self.scene.values, self.name: list(sent)}
        return self.study.rows(await self.study.ask(values, *trees))

    async def first_that_narrows(
        self,
        groups: Sequence[Sequence[tuple[Tree, str]]],
        wanted: Sequence[Any],
        sent: Sequence[Any],
    ) -> _Narrowing | None:
        """Return the first candidate with which fewer rows come, some of them wanted."""
        values = {**self.scene.values, self.name: list(sent)}
        for group in groups:
            reply, left = await self.study.together([tree for tree, _ in group], values)
            rows = None if reply is None else self.study.rows(reply)
            if rows is None or not narrows(self.column, self.scene, rows, wanted):
                continue
            words = {id(tree): text for tree, text in group}
            if len(left) > 1:
                left = await self._halve(left, wanted, sent)
                rows = await self.ask(sent, left[0]) or []
            return _Narrowing(left[0], words[id(left[0])], sent, rows)
        return None

    async def _halve(
        self, trees: Sequence[Tree], wanted: Sequence[Any], sent: Sequence[Any]
    ) -> list[Tree]:
        left = list(trees)
        while len(left) > 1:
            half = left[: len(left) // 2]
            rows = await self.ask(sent, *half)
            good = rows is not None and narrows(self.column, self.scene, rows, wanted)
            left = half if good else left[len(left) // 2 :]
        return left

    async def judge(self, found: _Narrowing, wanted: Sequence[Any]) -> FilterFound:
        """Judge the filter by its rows: all wanted ones, only these, and none for another value."""
        found, wanted = await self._shorter(found, wanted)
        rows, tree, text = found.rows, found.tree, found.words
        most = 1 if ".first}" in str(tree) else len(found.sent)
        if lacks_rows(self.column, self.scene, rows, wanted):
            told = f"{text}: rows are missing from the response"
            return FilterFound(self.name, tree, "wrong", most, told)
        exact = all(set(_values_of(self.column, row)) & set(wanted) for row in rows)
        if await self.ask([self.impossible, *_near(wanted)], tree):
            exact = False
            if await self.ask([self.impossible], tree):
                told = f"{text}: an impossible value finds rows"
                return FilterFound(self.name, tree, "ignored", most, told)
        told = f"{text}: {len(rows)} rows for {len(wanted)} values, none for an impossible one"
        verdict: Verdict = "exact" if exact else "superset"
        return FilterFound(self.name, tree, verdict, most, told)

    async def _shorter(
        self, found: _Narrowing, wanted: Sequence[Any]
    ) -> tuple[_Narrowing, Sequence[Any]]:
        """Try two values, then one, if rows are missing: a list may be cut, or only one taken."""
        for few in (list(wanted), list(wanted[:1])):
            if not lacks_rows(self.column, self.scene, found.rows, wanted):
                break
            rows = await self.ask(few, found.tree) or []
            found, wanted = _Narrowing(found.tree, found.words, few, rows), few
        return found, wanted


def _groups(
    study: Study, name: str, trees: Sequence[tuple[Tree, str]], beside: Sequence[Tree]
) -> list[list[tuple[Tree, str]]]:
    """Return candidates in groups that can be sent together, the likeliest one alone."""
    usual = [pair for within in WITHIN for pair in list_trees(name, within)]
    looks = {_look(tree) for tree in beside}
    usual.sort(key=lambda pair: _look(pair[0]) not in looks)
    wanted = [*trees, *usual]
    groups = study.groups(wanted)
    return groups if study.one_by_one else groups[:_MOST_GROUPS]


def _look(tree: Tree) -> tuple[object, ...]:
    """Return what filters of one API have in common: the object that they are in, and the form."""
    path = next(paths_of(tree))
    node: Any = tree
    for step in path:
        node = node[step]
    form = "first" if ".first}" in str(node) else "text" if ".text}" in str(node) else type(node)
    return path[:-1], form


def _values_of(column: Raw, row: Mapping[str, Any]) -> list[Any]:
    found = column.raw(row)
    if isinstance(found, list):
        return [value for value in found if isinstance(value, str | int)]
    return [found] if isinstance(found, str | int) and not isinstance(found, bool) else []


def _wanted(column: Raw, rows: Sequence[Mapping[str, Any]], *, is_listed: bool) -> list[Any]:
    """Return values that leave some rows out, rare ones first: two, or all but the commonest."""
    seen = Counter(value for row in rows for value in set(_values_of(column, row)))
    usable = [value for value, count in sorted(seen.items(), key=_rarest) if count < len(rows)]
    wanted = usable[:-1] if is_listed else usable[:2]
    is_whole = all(set(_values_of(column, row)) & set(wanted) for row in rows)
    return usable[:1] if is_whole else wanted


def has_two_values(column: Raw, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Return True if some rows have a value that others lack, so that a filter can be tried."""
    return bool(_wanted(column, rows, is_listed=False))


def _rarest(item: tuple[Any, int]) -> tuple[int, str]:
    return item[1], str(item[0])


def narrows(
    column: Raw, scene: Scene, rows: Sequence[Mapping[str, Any]], wanted: Sequence[Any]
) -> bool:
    """Return True if fewer rows came than without the filter, some of them wanted."""
    some = any(set(_values_of(column, row)) & set(wanted) for row in rows)
    others = [row for row in rows if not set(_values_of(column, row)) & set(wanted)]
    return some and len(others) < sum(
        not set(_values_of(column, row)) & set(wanted) for row in scene.rows
    )


def _near(wanted: Sequence[Any]) -> list[Any]:
    """Return texts that differ in case or by a letter: a filter that finds them is not exact."""
    texts = [value for value in wanted[:1] if isinstance(value, str)]
    changed = [text.swapcase() for text in texts] + [text[:-1] for text in texts if len(text) > 1]
    return [text for text in changed if text not in wanted]


def _numbered(impossible: Any, number: int) -> Any:
    return impossible + number if isinstance(impossible, int) else f"{impossible}-{number}"


def lacks_rows(
    column: Raw, scene: Scene, rows: Sequence[Mapping[str, Any]], wanted: Sequence[Any]
) -> bool:
    """Return True if a row of the scene with a wanted value did not come."""
    came = {identity(row) for row in rows}
    return any(
        set(_values_of(column, row)) & set(wanted) and identity(row) not in came
        for row in scene.rows
    )
