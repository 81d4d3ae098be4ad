"""Filters as checks of one row; a row matches if it passes every check.

Null never matches, neither a date range nor a list of values.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from msgspec import UNSET, UnsetType

from gateway.sandbox.instants import NANOSECONDS_PER_MICROSECOND, to_instant
from gateway.sandbox.payloads import CustomFieldFilter, DateRange, Filters
from gateway.sandbox.records import Row

Check = Callable[[Row], bool]


def build_checks(filters: Filters) -> tuple[Check, ...]:
    """Build one check for each given filter, the cheapest first."""
    checks = [
        _one_of(filters.states, lambda row: row.state),
        _one_of(filters.enrollment_types, lambda row: row.enrollment_type),
        _one_of(filters.user_ids, lambda row: row.user.id),
        _one_of(filters.content_ids, lambda row: row.content.id),
        _within(filters.updated_at_date_range, lambda row: row.updated_at),
        _within(filters.expiry_date_range, lambda row: row.expiry_date),
        _in_group(filters.group_ids),
    ]
    if filters.custom_fields is not UNSET:
        checks += map(_has_custom_field, filters.custom_fields)
    return tuple(check for check in checks if check is not None)


def matching(rows: Iterable[Row], checks: Iterable[Check]) -> list[Row]:
    """Return the rows that pass all checks, in their order."""
    matched = list(rows)
    for check in checks:
        matched = list(filter(check, matched))
    return matched


def _one_of(
    values: tuple[str, ...] | UnsetType, value: Callable[[Row], str | None]
) -> Check | None:
    if values is UNSET:
        return None
    wanted = frozenset(values)
    return lambda row: value(row) in wanted


def _within(span: DateRange | UnsetType, value: Callable[[Row], int | None]) -> Check | None:
    if span is UNSET:
        return None
    first, last = _bound(span.start, float("-inf")), _bound(span.end, float("inf"))

    def check(row: Row) -> bool:
        instant = value(row)
        return instant is not None and first <= instant <= last

    return check


def _bound(moment: datetime | UnsetType, unbounded: float) -> float:
    """The end as rows have it, in nanoseconds."""
    return unbounded if moment is UNSET else to_instant(moment) * NANOSECONDS_PER_MICROSECOND


def _in_group(group_ids: tuple[str, ...] | UnsetType) -> Check | None:
    if group_ids is UNSET:
        return None
    wanted = frozenset(group_ids)
    return lambda row: not wanted.isdisjoint(row.user.groups)


def _has_custom_field(wanted: CustomFieldFilter) -> Check:
    values: frozenset[str | None] = frozenset(wanted.values)
    return lambda row: row.user.fields.get(wanted.custom_field_id) in values
