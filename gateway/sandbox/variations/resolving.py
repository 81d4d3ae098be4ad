"""Ids of a request that are numbers, or compared without case -> ids in the store.

A value that no row has resolves to nothing, and a filter without values matches no row.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import msgspec
from msgspec import UNSET, UnsetType

from gateway.sandbox.payloads import CustomFieldFilter, Filters
from gateway.sandbox.records import Row
from gateway.sandbox.variations.numbers import number_of
from gateway.sandbox.variations.selection import Matching, Role

Find = Callable[[set[str], tuple[str, ...]], Iterable[str]]
"""A function that returns the values of the store that match the texts of a request."""


def resolve_filters(
    filters: Filters, rows: list[Row], *, numbers: frozenset[Role], matching: Matching
) -> Filters:
    """Return filters with the ids that rows have."""
    if not numbers and matching == "exact":
        return filters
    usual = _FINDS[matching]
    users = _find_numbers if "users" in numbers else usual
    contents = _find_numbers if "contents" in numbers else usual
    return msgspec.structs.replace(
        filters,
        user_ids=_known(filters.user_ids, users, (row.user.id for row in rows)),
        content_ids=_known(filters.content_ids, contents, (row.content.id for row in rows)),
        group_ids=_known(
            filters.group_ids, usual, (group for row in rows for group in row.user.groups)
        ),
        custom_fields=_known_fields(filters.custom_fields, usual, rows),
    )


def _find_numbers(values: set[str], wanted: tuple[str, ...]) -> Iterable[str]:
    numbers = set(wanted)
    return (value for value in values if str(number_of(value)) in numbers)


def _find_equal(values: set[str], wanted: tuple[str, ...]) -> Iterable[str]:
    return values & set(wanted)


def _find_in_any_case(values: set[str], wanted: tuple[str, ...]) -> Iterable[str]:
    folded = {text.casefold() for text in wanted}
    return (value for value in values if value.casefold() in folded)


def _find_containing(values: set[str], wanted: tuple[str, ...]) -> Iterable[str]:
    return (value for value in values if any(text in value for text in wanted))


_FINDS: Mapping[Matching, Find] = MappingProxyType(
    {"exact": _find_equal, "insensitive": _find_in_any_case, "contains": _find_containing}
)


def _known(
    wanted: tuple[str, ...] | UnsetType, find: Find, present: Iterable[str | None]
) -> tuple[str, ...] | UnsetType:
    """Return the present values that match a wanted one."""
    if wanted is UNSET:
        return wanted
    values = {value for value in present if value is not None}
    return tuple(sorted(find(values, wanted)))


def _known_fields(
    wanted: tuple[CustomFieldFilter, ...] | UnsetType, find: Find, rows: list[Row]
) -> tuple[CustomFieldFilter, ...] | UnsetType:
    if wanted is UNSET:
        return wanted
    return tuple(_known_field(field, find, rows) for field in wanted)


def _known_field(wanted: CustomFieldFilter, find: Find, rows: list[Row]) -> CustomFieldFilter:
    name = wanted.custom_field_id
    values = _known(wanted.values, find, (row.user.fields.get(name) for row in rows))
    return CustomFieldFilter(name, () if values is UNSET else values)
