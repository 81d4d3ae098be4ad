"""The abilities that the feed can do without: filters, a range of another column, statistics.

They are tried on one page of rows, last, and only as long as calls are left. What is not found is
answered from snapshots.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.contract import file
from gateway.discovery.hints import Hints
from gateway.discovery.infer.found import Inferred
from gateway.discovery.probe.field_filter import FieldFilterFound, find_field_filter
from gateway.discovery.probe.filters import FilterFound, Scene, find_filter, has_two_values
from gateway.discovery.probe.range_search import find_range
from gateway.discovery.probe.ranges import Expected, RangeFound
from gateway.discovery.probe.statistics import (
    Selection,
    StatisticsFound,
    find_statistics,
    newer_half,
)
from gateway.discovery.probe.study import Study
from gateway.discovery.probe.trees import merged
from gateway.discovery.probe.values import Reader

FILTERS = (
    ("states", "state", "ZZ_NO_SUCH_STATE"),
    ("contents", "contentId", "zz-no-such-content"),
    ("enrollment_types", "enrollmentType", "ZZ_NO_SUCH_TYPE"),
    ("users", "userId", "zz-no-such-user"),
    ("groups", "groupIds", "zz-no-such-group"),
)
"""Name, column, and a value that no row has."""
_WORDS = {
    "statistics": "statistics",
    "expiry_date": "range of expiry dates",
    "custom_fields": "filter by custom fields",
}
_NO_CALL = "no call is left for it"


@dataclass(frozen=True, slots=True)
class Ground:
    """A page of rows, newest first if there is an order, and the values that request it.

    `is_all` is True if the API has no other rows. `calls` bounds the calls for filters by values,
    `rare_calls` those for the other abilities.
    """

    study: Study
    inferred: Inferred
    hints: Hints
    rows: Sequence[dict[str, Any]]
    values: Mapping[str, Any]
    calls: int
    rare_calls: int
    is_all: bool
    tell: Callable[[str], None]
    untested: dict[str, str] = field(default_factory=dict)

    @property
    def scene(self) -> Scene:
        """The rows without a filter."""
        return Scene(self.rows, self.values)

    def left(self, name: str) -> int:
        """Return how many calls a rare ability may make; without any, it is noted as untested."""
        left = self.rare_calls + self.is_all - self.study.caller.calls
        if left < 1:
            self.untested[name] = _NO_CALL
            if self.rare_calls:
                self.tell(f"{_WORDS[name]}: not tried, to keep the calls few; snapshots do as well")
        return max(0, left)


async def find_filters(ground: Ground) -> tuple[FilterFound, ...]:
    """Find the filters by values."""
    found: list[FilterFound] = []
    for name, column, impossible in FILTERS:
        entry = ground.inferred.column(column)
        if entry is None or ground.study.caller.calls >= ground.calls:
            ground.untested[name] = _NO_CALL if entry else f"no column {column}"
            continue
        if not has_two_values(Reader(entry), ground.rows):
            ground.untested[name] = "no value is in some rows only"
            continue
        made = await _filter(ground, name, entry, impossible, found)
        if made is not None:
            found.append(made)
    return tuple(found)


async def _filter(
    ground: Ground,
    name: str,
    entry: file.ColumnEntry,
    impossible: str,
    beside: Sequence[FilterFound],
) -> FilterFound | None:
    made = await find_filter(
        ground.study,
        name,
        Reader(entry),
        ground.scene,
        _like(impossible, entry),
        ground.hints.filters.get(name, ()),
        beside=[found.tree for found in beside],
        is_listed=bool(entry.values),
    )
    if made is None:
        ground.tell(f"filter by {name}: not found, so the gateway filters the rows")
        return None
    ground.tell(f"filter by {name}: {made.verdict}")
    if made.is_usable:
        ground.study.form = merged(ground.study.form, made.tree)
    return made


def _like(impossible: str, entry: file.ColumnEntry) -> Any:
    """Return an impossible value of the kind that the API has: a number where ids are numbers."""
    return 999_999_999_999 if entry.decode[:1] == ("text",) else impossible


async def find_expiry_range(ground: Ground, changed: RangeFound) -> RangeFound | None:
    """Find the range filter of the expiry date; `ground` has the newest rows.

    Open ends are sent as for the range of the last change, `changed`.
    """
    name, entry = "expiry_date", ground.inferred.column("expiryDate")
    if entry is None or not (calls := ground.left(name)):
        return None
    expected = Expected(ground.rows, Reader(entry), ground.values)
    hints = ground.hints.ranges.get(name, ())
    found = await find_range(ground.study, name, expected, hints, calls=calls)
    if found is None:
        return None
    ground.study.form = merged(ground.study.form, found.tree)
    ground.tell(f"range of expiry dates: {found.evidence}")
    if found.instant != changed.instant:
        return found
    return replace(found, open_from=changed.open_from, open_to=changed.open_to)


async def find_custom_fields(
    ground: Ground, filters: Sequence[FilterFound]
) -> FieldFilterFound | None:
    """Find the filter by custom fields."""
    name, section = "custom_fields", ground.inferred.custom_fields
    if section is None or not (calls := ground.left(name)):
        return None
    beside = [found.tree for found in filters if found.is_usable]
    hints = ground.hints.filters.get(name, ())
    found = await find_field_filter(ground.study, section, ground.scene, beside, hints, calls=calls)
    if found is not None:
        ground.study.form = merged(ground.study.form, found.tree)
        ground.tell(f"filter by custom fields: {found.evidence}")
    return found


async def find_aggregates(ground: Ground, changed: RangeFound | None) -> StatisticsFound | None:
    """Find the statistics; `changed` is the range filter of the last change, if there is one."""
    entry, selection = ground.inferred.column("updatedAt"), None
    if changed is not None and entry is not None:
        selection = newer_half(ground.rows, Reader(entry), changed)
    elif ground.is_all:
        selection = Selection(ground.rows, {})
    if selection is None or not ground.left("statistics"):
        return None
    path = ground.hints.statistics_path or _beside(ground.study.path)
    found = await find_statistics(ground.study, path, selection, ground.inferred.columns)
    if found is not None:
        ground.tell(
            f"statistics: {len(found.members)} members agree with {len(selection.rows)} rows"
        )
    return found


def _beside(path: str) -> str:
    """Return the documented path of statistics, at the place of the results' path.

    >>> _beside("/v1/analyse/results")
    '/v1/analyse/statistics'
    """
    return f"{path.rpartition('/')[0]}/statistics"
