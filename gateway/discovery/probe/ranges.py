"""Date ranges: their form, format, ends and resolution, proved on rows that were read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.discovery.probe.study import Study, identity
from gateway.discovery.probe.trees import Tree, merged, slots_in
from gateway.discovery.probe.usual import INSTANTS, WITHIN, range_trees
from gateway.discovery.probe.values import Reader

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)
_MOST_GROUPS = 8
_FEW_ROWS = 20
_FEWEST_ENDS = 8


@dataclass(frozen=True, slots=True)
class RangeFound:
    """A range filter that returned exactly the rows that it should.

    `shows_more` is True if it has older rows than a request without it, which then hides some.
    """

    name: str
    tree: Tree
    instant: str
    resolution_milliseconds: int
    from_inclusive: bool
    to_inclusive: bool
    exact: bool
    evidence: str
    open_from: str | int | None = None
    open_to: str | int | None = None
    shows_more: bool = False

    def ends(self, lower: int | None, upper: int | None) -> dict[str, Any]:
        """Return the values of the placeholders for instants in microseconds."""
        found = {
            f"{self.name}.from": self.open_from if lower is None else sent(lower, self.instant),
            f"{self.name}.to": self.open_to if upper is None else sent(upper, self.instant),
        }
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Expected:
    """Rows in an order by the column, of which a range must return a part."""

    rows: Sequence[dict[str, Any]]
    column: Reader
    values: Mapping[str, Any]

    @property
    def instants(self) -> list[int]:
        """The instants of the rows, in microseconds."""
        return [at for row in self.rows if (at := self.column.micros(row)) is not None]

    def inside(self, lower: int, upper: int) -> set[bytes]:
        """Return the rows strictly between two instants."""
        return {
            identity(row)
            for row in self.rows
            if (at := self.column.micros(row)) is not None and lower < at < upper
        }


def sent(micros: int, form: str) -> Any:
    """Return an instant in a format of `usual.INSTANTS`."""
    value = _EPOCH + micros * _MICRO
    match form:
        case "iso":
            return value.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
        case "epoch_milliseconds":
            return micros // 1000
        case "epoch_seconds":
            return micros // 1_000_000
        case pattern:
            return value.strftime(pattern.replace("%L", f"{value.microsecond // 1000:03d}"))


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
    cut = _cut(expected)
    if cut is None:
        return None
    study.allow(calls)
    for group in _groups(study, name, trees):
        found = await _in_formats(study, name, expected, cut, group)
        if found is not None:
            return found
    return None


async def _in_formats(
    study: Study,
    name: str,
    expected: Expected,
    cut: tuple[int, int],
    group: Sequence[tuple[Tree, str]],
) -> RangeFound | None:
    """Try a group with each format of instants, as long as the API complains of formats."""
    left = [tree for tree, _ in group]
    words = {id(tree): text for tree, text in group}
    for form, step in INSTANTS:
        if step > 1000 and cut[1] - cut[0] < 2 * step * 1000:
            continue
        values = _values(name, expected, cut, form)
        reply, left = await study.together(left, values, formats=True)
        rows = None if reply is None else study.rows(reply)
        study.narrowed |= rows is not None and len(rows) < len(expected.rows)
        if rows is not None and _is_cut(expected, rows, *cut, step):
            return await _single(study, name, expected, cut, left, words, (form, step), rows)
        if not left or (rows is not None):
            return None
    return None


def _values(name: str, expected: Expected, cut: tuple[int, int], form: str) -> Mapping[str, Any]:
    ends = {f"{name}.from": sent(cut[0], form), f"{name}.to": sent(cut[1], form)}
    return {**expected.values, **ends}


def _cut(expected: Expected) -> tuple[int, int] | None:
    """Return two instants of rows, one above the other, with rows between them if possible."""
    known = sorted({at for row in expected.rows if (at := expected.column.micros(row)) is not None})
    if len(known) < 4:
        return None
    quarter = len(known) // 4
    return known[max(1, quarter)], known[-1 - max(1, quarter)]


async def _single(
    study: Study,
    name: str,
    expected: Expected,
    cut: tuple[int, int],
    trees: Sequence[Tree],
    words: Mapping[int, str],
    form: tuple[str, int],
    rows: Sequence[dict[str, Any]] | None,
) -> RangeFound | None:
    """Find the tree that cuts the rows alone; `rows` came for all trees together."""
    values = _values(name, expected, cut, form[0])
    for tree in (
        trees if len(trees) == 1 else await _obeyed(study, name, expected, cut, trees, form)
    ):
        if len(trees) > 1:
            rows = study.rows(await study.ask(values, tree))
        if rows is None or not _is_cut(expected, rows, *cut, form[1]):
            continue
        found = _judged(name, tree, *form, expected, rows, cut, words[id(tree)])
        is_certain = found.from_inclusive and found.to_inclusive
        if is_certain or form[1] > 1000 or await is_sharp(study, found, expected):
            return found
    return None


async def is_sharp(
    study: Study, found: RangeFound, expected: Expected, at: int | None = None
) -> bool:
    """Return True if a range of seconds around a row's instant has this row, and none far from it.

    An end whose row did not come may be exclusive; or all instants are read in a wrong zone, and
    the row lies hours outside. `at` is the row's instant, in the middle of the rows by default.
    """
    known = sorted(expected.instants)
    if not known:
        return False
    middle = known[len(known) // 2] if at is None else at
    slack = (found.resolution_milliseconds + 1000) * 1000
    ends = found.ends(middle - slack, middle + slack)
    rows = study.rows(await study.ask({**expected.values, **ends}, found.tree)) or []
    came = replace(expected, rows=rows).instants
    return middle in came and all(abs(each - middle) <= 2 * slack for each in came)


async def _obeyed(
    study: Study,
    name: str,
    expected: Expected,
    cut: tuple[int, int],
    trees: Sequence[Tree],
    form: tuple[str, int],
) -> Sequence[Tree]:
    """Return the trees that the API may obey: each has a lower end of its own in one call.

    The oldest row that comes shows which ends count. If rows have few instants, or the API takes
    days, the trees are halved until one is left.
    """
    lower, upper = cut
    left = _by_start(trees, name)
    known = sorted({at for at in expected.instants if lower <= at < upper})
    if len(known) < _FEWEST_ENDS or form[1] > 1000:
        return await _halved(study, name, expected, cut, trees, form)
    while len(left) > 1:
        size = -(-len(left) // len(known))
        parts = [left[n : n + size] for n in range(0, len(left), size)]
        starts = [known[len(known) * n // len(parts)] for n in range(len(parts))]
        values = {**expected.values, f"{name}.to": sent(upper, form[0])}
        whole: Tree = {}
        for number, (part, at) in enumerate(zip(parts, starts, strict=True)):
            values[f"{name}{number}.from"] = sent(at, form[0])
            for same in part:
                own = _renamed(same[0], f"{name}.from", f"{name}{number}.from")
                whole = merged(whole, own)
        rows = study.rows(await study.ask(values, whole)) or []
        oldest = max(lower, min(replace(expected, rows=rows).instants, default=lower))
        left = parts[max(n for n, at in enumerate(starts) if at <= oldest)]
    return left[0]


def _by_start(trees: Sequence[Tree], name: str) -> list[list[Tree]]:
    """Group trees whose lower end is the same member."""
    found: dict[str, list[Tree]] = {}
    for tree in trees:
        place = next(slots_in(tree, f"{name}.from"), repr(tree))
        found.setdefault(place, []).append(tree)
    return list(found.values())


def _renamed(node: Any, slot: str, other: str) -> Any:
    if isinstance(node, dict):
        return {name: _renamed(inner, slot, other) for name, inner in node.items()}
    if isinstance(node, list):
        return [_renamed(inner, slot, other) for inner in node]
    return node.replace(slot, other) if isinstance(node, str) else node


async def _halved(
    study: Study,
    name: str,
    expected: Expected,
    cut: tuple[int, int],
    trees: Sequence[Tree],
    form: tuple[str, int],
) -> Sequence[Tree]:
    values, left = _values(name, expected, cut, form[0]), list(trees)
    while len(left) > 1:
        half = left[: len(left) // 2]
        rows = study.rows(await study.ask(values, *half))
        good = rows is not None and _is_cut(expected, rows, *cut, form[1])
        left = half if good else left[len(left) // 2 :]
    return left


def _groups(
    study: Study, name: str, trees: Sequence[tuple[Tree, str]]
) -> list[list[tuple[Tree, str]]]:
    """Return candidates in groups that can be sent together, the likeliest one alone."""
    wanted = [*trees, *(pair for within in WITHIN for pair in range_trees(name, within))]
    groups = study.groups(wanted)
    return groups if study.one_by_one else groups[:_MOST_GROUPS]


def _is_cut(
    expected: Expected, rows: Sequence[dict[str, Any]], lower: int, upper: int, step: int
) -> bool:
    """Return True if rows lie in the range, a step more or less, and none is missing."""
    slack = step * 1000
    instants = [expected.column.micros(row) for row in rows]
    if not instants or any(
        at is None or not lower - slack <= at <= upper + slack for at in instants
    ):
        return False
    return expected.inside(lower + slack, upper - slack) <= {identity(row) for row in rows}


def _judged(
    name: str,
    tree: Tree,
    form: str,
    step: int,
    expected: Expected,
    rows: Sequence[dict[str, Any]],
    cut: tuple[int, int],
    words: str,
) -> RangeFound:
    """Record what the rows at both ends show; an end is inclusive only if its row came."""
    lower, upper = cut
    instants = {at for row in rows if (at := expected.column.micros(row)) is not None}
    outside = [at for at in instants if not lower <= at <= upper]
    exact = step == 1 and not outside
    return RangeFound(
        name,
        tree,
        form,
        step,
        from_inclusive=lower in instants,
        to_inclusive=upper in instants,
        exact=exact,
        evidence=f"{words}: {len(rows)} rows inside a page, as they should be",
    )


async def settle_open_ends(
    study: Study, found: RangeFound, newest: Expected, oldest: Expected
) -> RangeFound | None:
    """Find out whether an end may be left out; else use far ends, and prove them.

    An API may limit an open range to some days before or after its other end, or before today:
    from the oldest row on, the newest must come, and up to the newest, the oldest. Returns None if
    no range has both.
    """
    if not oldest.instants:  # rows without the value come first, so that no extract uses the order
        return found
    for each in (found, _with_far_ends(found)):
        oldest_seen = await _reach(study, each, newest, oldest)
        if oldest_seen is not None:
            known = min(oldest.instants) - found.resolution_milliseconds * 1000
            return replace(each, shows_more=oldest_seen < known)
    return None


def always_whole(found: RangeFound) -> Tree:
    """Return the tree with far ends as defaults, so that each request sends a range."""
    far, made = _with_far_ends(found), found.tree
    for slot, end in ((f"{found.name}.from", far.open_from), (f"{found.name}.to", far.open_to)):
        made = _renamed(made, f"${{{slot}}}", f"${{{slot} or {json.dumps(end)}}}")
    return dict(made)


def _with_far_ends(found: RangeFound) -> RangeFound:
    years = timedelta(days=365 * 70) // _MICRO
    return replace(
        found,
        open_from=sent(-years, found.instant) if "epoch" not in found.instant else 0,
        open_to=sent(4_102_444_800_000_000, found.instant),
        evidence=f"{found.evidence}; both ends are needed",
    )


async def _reach(study: Study, found: RangeFound, newest: Expected, oldest: Expected) -> int | None:
    """Return the oldest instant up to the newest row; None if either does not come."""
    first, last = min(oldest.instants, default=0), max(newest.instants, default=0)
    upwards = await _instants_of(study, found, newest, (first, None))
    if not upwards or max(upwards) < last:
        return None
    downwards = await _instants_of(study, found, oldest, (None, last))
    return min(downwards) if downwards and min(downwards) <= first else None


async def _instants_of(
    study: Study, found: RangeFound, expected: Expected, ends: tuple[int | None, int | None]
) -> list[int]:
    """Return the instants of the first rows of a range, in the order of the rows expected."""
    few = {"limit": min(_FEW_ROWS, len(expected.rows))}
    values = {**expected.values, **few, **found.ends(*ends)}
    rows = study.rows(await study.ask(values, found.tree))
    return [] if rows is None else replace(expected, rows=rows).instants
