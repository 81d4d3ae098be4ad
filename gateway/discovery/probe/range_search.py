"""The search for the form of a date range: members, format of instants, ends and resolution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.discovery.probe.ranges import Expected, RangeFound, is_sharp, sent, with_slot
from gateway.discovery.probe.study import Study, identity
from gateway.discovery.probe.trees import Tree, merged, slots_in
from gateway.discovery.probe.usual import INSTANTS, WITHIN, range_trees

_MOST_GROUPS = 8
_FEWEST_ENDS = 8
Rows = Sequence[dict[str, Any]]


async def find_range(
    study: Study,
    name: str,
    expected: Expected,
    trees: Sequence[tuple[Tree, str]] = (),
    *,
    calls: int,
) -> RangeFound | None:
    """Find the range filter of a column; None if none is obeyed.

    The rows expected are one page in the order of the column; the range is cut inside it, with
    instants that rows have, so that the ends show whether they are included.
    """
    known = sorted(set(expected.instants))
    if len(known) < 4:
        return None
    quarter = max(1, len(known) // 4)
    search = _Search(study, name, expected, known[quarter], known[-1 - quarter])
    study.allow(calls)
    for group in search.groups(trees):
        found = await search.in_formats(group)
        if found is not None:
            return found
    return None


@dataclass(frozen=True, slots=True)
class _Form:
    """A format of instants, and its resolution in milliseconds."""

    name: str
    step: int

    @property
    def is_coarse(self) -> bool:
        """True for formats of days."""
        return self.step > 1000


@dataclass(frozen=True, slots=True)
class _Search:
    """The requests for a range between two instants of rows, in microseconds."""

    study: Study
    name: str
    expected: Expected
    lower: int
    upper: int

    def groups(self, trees: Sequence[tuple[Tree, str]]) -> list[list[tuple[Tree, str]]]:
        """Return candidates in groups that can be sent together, the likeliest one alone."""
        usual = (pair for within in WITHIN for pair in range_trees(self.name, within))
        groups = self.study.groups([*trees, *usual])
        return groups if self.study.one_by_one else groups[:_MOST_GROUPS]

    async def in_formats(self, group: Sequence[tuple[Tree, str]]) -> RangeFound | None:
        """Try a group with each format of instants, as long as the API complains of formats."""
        left = [tree for tree, _ in group]
        words = {id(tree): text for tree, text in group}
        for form in (_Form(*each) for each in INSTANTS):
            if form.is_coarse and self.upper - self.lower < 2 * form.step * 1000:
                continue
            reply, left = await self.study.together(left, self._values(form), formats=True)
            rows = None if reply is None else self.study.rows(reply)
            self.study.narrowed |= rows is not None and len(rows) < len(self.expected.rows)
            if rows is not None and self._is_cut(rows, form):
                return await self._single(left, words, form, rows)
            if not left or rows is not None:
                return None
        return None

    def _values(self, form: _Form) -> Mapping[str, Any]:
        lower, upper = (sent(end, form.name) for end in (self.lower, self.upper))
        return {**self.expected.values, f"{self.name}.from": lower, f"{self.name}.to": upper}

    async def _single(
        self, trees: Sequence[Tree], words: Mapping[int, str], form: _Form, rows: Rows
    ) -> RangeFound | None:
        """Find the tree that cuts the rows alone; `rows` came for all trees together."""
        if len(trees) == 1:
            return await self._certain(trees[0], form, rows, words[id(trees[0])])
        for tree in await self._obeyed(trees, form):
            came = self.study.rows(await self.study.ask(self._values(form), tree))
            if came is not None and self._is_cut(came, form):
                found = await self._certain(tree, form, came, words[id(tree)])
                if found is not None:
                    return found
        return None

    async def _certain(self, tree: Tree, form: _Form, rows: Rows, words: str) -> RangeFound | None:
        """Return the range; None if an end is missing, and not because it is exclusive."""
        found = self._judged(tree, form, rows, words)
        both_came = found.from_inclusive and found.to_inclusive
        is_certain = both_came or form.is_coarse or await is_sharp(self.study, found, self.expected)
        return found if is_certain else None

    async def _obeyed(self, trees: Sequence[Tree], form: _Form) -> Sequence[Tree]:
        """Return the trees that the API may obey, which have the same lower end.

        Each lower end has an instant of its own in one call, and the oldest row that comes shows
        which one counts. If rows have few instants, or the API takes days, the trees are halved.
        """
        known = sorted({at for at in self.expected.instants if self.lower <= at < self.upper})
        if len(known) < _FEWEST_ENDS or form.is_coarse:
            return await self._halved(trees, form)
        left = _by_start(trees, self.name)
        while len(left) > 1:
            size = -(-len(left) // len(known))
            parts = [left[n : n + size] for n in range(0, len(left), size)]
            starts = [known[len(known) * n // len(parts)] for n in range(len(parts))]
            oldest = await self._oldest(parts, starts, form)
            left = parts[max(n for n, at in enumerate(starts) if at <= oldest)]
        return left[0]

    async def _oldest(
        self, parts: Sequence[Sequence[Sequence[Tree]]], starts: Sequence[int], form: _Form
    ) -> int:
        """Return the instant of the oldest row that comes if each part begins at its own start."""
        values = {**self.expected.values, f"{self.name}.to": sent(self.upper, form.name)}
        whole: Tree = {}
        for number, (part, at) in enumerate(zip(parts, starts, strict=True)):
            own = f"{self.name}{number}.from"
            values[own] = sent(at, form.name)
            for first, *_ in part:
                whole = merged(whole, with_slot(first, f"{self.name}.from", own))
        rows = self.study.rows(await self.study.ask(values, whole)) or []
        return max(self.lower, min(self.expected.of(rows).instants, default=self.lower))

    async def _halved(self, trees: Sequence[Tree], form: _Form) -> Sequence[Tree]:
        left = list(trees)
        while len(left) > 1:
            half = left[: len(left) // 2]
            rows = self.study.rows(await self.study.ask(self._values(form), *half))
            is_good = rows is not None and self._is_cut(rows, form)
            left = half if is_good else left[len(left) // 2 :]
        return left

    def _is_cut(self, rows: Rows, form: _Form) -> bool:
        """Return True if rows lie in the range, a step more or less, and none is missing."""
        slack = form.step * 1000
        lower, upper = self.lower - slack, self.upper + slack
        instants = [self.expected.column.micros(row) for row in rows]
        if not instants or any(at is None or not lower <= at <= upper for at in instants):
            return False
        needed = self.expected.inside(self.lower + slack, self.upper - slack)
        return needed <= {identity(row) for row in rows}

    def _judged(self, tree: Tree, form: _Form, rows: Rows, words: str) -> RangeFound:
        """Record what the rows at both ends show; an end is inclusive only if its row came."""
        instants = set(self.expected.of(rows).instants)
        is_inside = all(self.lower <= at <= self.upper for at in instants)
        return RangeFound(
            self.name,
            tree,
            form.name,
            form.step,
            from_inclusive=self.lower in instants,
            to_inclusive=self.upper in instants,
            exact=form.step == 1 and is_inside,
            evidence=f"{words}: {len(rows)} rows inside a page, as they should be",
        )


def _by_start(trees: Sequence[Tree], name: str) -> list[list[Tree]]:
    """Group trees whose lower end is the same member."""
    found: dict[str, list[Tree]] = {}
    for tree in trees:
        place = next(slots_in(tree, f"{name}.from"), repr(tree))
        found.setdefault(place, []).append(tree)
    return list(found.values())
