"""Date ranges: their form, format, ends and resolution, proved on rows that were read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.discovery.probe.study import Study, identity
from gateway.discovery.probe.trees import Tree, grouped, merged
from gateway.discovery.probe.usual import INSTANTS, WITHIN, range_trees
from gateway.discovery.probe.values import Reader

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)
_MOST_GROUPS = 8


@dataclass(frozen=True, slots=True)
class RangeFound:
    """A range filter that returned exactly the rows that it should."""

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
    lower, upper = cut
    study.allow(calls)
    for group in _groups(study, name, trees):
        found = await _in_formats(study, name, expected, cut, group)
        if found is not None:
            return await _open_ends(study, expected, found, lower, upper)
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
    """Halve the trees until one is left that cuts the rows alone."""
    left = list(trees)
    values = _values(name, expected, cut, form[0])
    while len(left) > 1:
        half = left[: len(left) // 2]
        rows = study.rows(await study.ask(values, *half))
        good = rows is not None and _is_cut(expected, rows, *cut, form[1])
        left = half if good else left[len(left) // 2 :]
    if len(trees) > 1:
        rows = study.rows(await study.ask(values, left[0]))
    if rows is None or not _is_cut(expected, rows, *cut, form[1]):
        return None
    return _judged(name, left[0], *form, expected, rows, cut, words[id(left[0])])


def _groups(
    study: Study, name: str, trees: Sequence[tuple[Tree, str]]
) -> list[list[tuple[Tree, str]]]:
    """Return candidates in groups that can be sent together, the likeliest one alone."""
    wanted = [*trees, *(pair for within in WITHIN for pair in range_trees(name, within))]
    usable = [pair for pair in wanted if study.accepts(pair[0])]
    return [usable[:1], *grouped(usable[1:], merged(study.base, study.form))][:_MOST_GROUPS]


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


async def _open_ends(
    study: Study, expected: Expected, found: RangeFound, lower: int, upper: int
) -> RangeFound:
    """Find out whether one end may be left out; else use far ends instead."""
    alone = replace(found)
    values = {**expected.values, **alone.ends(lower, None)}
    rows = study.rows(await study.ask(values, found.tree))
    if rows is not None and all(
        (at := expected.column.micros(row)) is not None and at >= lower for row in rows
    ):
        return found
    far = timedelta(days=365 * 70) // _MICRO
    return replace(
        found,
        open_from=sent(-far, found.instant) if "epoch" not in found.instant else 0,
        open_to=sent(4_102_444_800_000_000, found.instant),
        evidence=f"{found.evidence}; both ends are needed",
    )
