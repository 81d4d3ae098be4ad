"""A date range that was found: what it sends, how sharp it is, and how far its open ends reach."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.discovery.probe.study import Study, identity
from gateway.discovery.probe.trees import Tree
from gateway.discovery.probe.values import Reader

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)
_FEW_ROWS = 20


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

    def of(self, rows: Sequence[dict[str, Any]]) -> Expected:
        """Return other rows of the same column."""
        return replace(self, rows=rows)

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
    came = expected.of(rows).instants
    return middle in came and all(abs(each - middle) <= 2 * slack for each in came)


def with_slot(node: Any, slot: str, other: str) -> Any:
    """Return a tree in which another text stands in place of a placeholder's."""
    if isinstance(node, dict):
        return {name: with_slot(inner, slot, other) for name, inner in node.items()}
    if isinstance(node, list):
        return [with_slot(inner, slot, other) for inner in node]
    return node.replace(slot, other) if isinstance(node, str) else node


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
        made = with_slot(made, f"${{{slot}}}", f"${{{slot} or {json.dumps(end)}}}")
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
    return [] if rows is None else expected.of(rows).instants
