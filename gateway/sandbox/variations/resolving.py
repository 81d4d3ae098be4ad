"""Ids of a request that are numbers or compare without case, as ids that the store has.

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

Matches = Callable[[str, str], bool]
"""Whether a value of the store matches a text of the request."""


def resolve_filters(
    filters: Filters, rows: list[Row], *, numbers: frozenset[Role], matching: Matching
) -> Filters:
    """Return filters with the ids that rows have."""
    if not numbers and matching == "exact":
        return filters
    usual = _MATCHES[matching]
    users = _is_number if "users" in numbers else usual
    contents = _is_number if "contents" in numbers else usual
    return msgspec.structs.replace(
        filters,
        user_ids=_known(filters.user_ids, users, (row.user.id for row in rows)),
        content_ids=_known(filters.content_ids, contents, (row.content.id for row in rows)),
        group_ids=_known(
            filters.group_ids, usual, (group for row in rows for group in row.user.groups)
        ),
        custom_fields=_known_fields(filters.custom_fields, usual, rows),
    )


def _is_number(value: str, wanted: str) -> bool:
    return str(number_of(value)) == wanted


def _is_equal(value: str, wanted: str) -> bool:
    return value == wanted


def _is_folded(value: str, wanted: str) -> bool:
    return value.casefold() == wanted.casefold()


def _contains(value: str, wanted: str) -> bool:
    return wanted in value


_MATCHES: Mapping[Matching, Matches] = MappingProxyType(
    {"exact": _is_equal, "insensitive": _is_folded, "contains": _contains}
)


def _known(
    wanted: tuple[str, ...] | UnsetType, matches: Matches, present: Iterable[str | None]
) -> tuple[str, ...] | UnsetType:
    """Return the present values that match a wanted one."""
    if wanted is UNSET:
        return wanted
    values = {value for value in present if value is not None}
    return tuple(sorted(value for value in values if any(matches(value, text) for text in wanted)))


def _known_fields(
    wanted: tuple[CustomFieldFilter, ...] | UnsetType, matches: Matches, rows: list[Row]
) -> tuple[CustomFieldFilter, ...] | UnsetType:
    if wanted is UNSET:
        return wanted
    return tuple(_known_field(field, matches, rows) for field in wanted)


def _known_field(wanted: CustomFieldFilter, matches: Matches, rows: list[Row]) -> CustomFieldFilter:
    name = wanted.custom_field_id
    values = _known(wanted.values, matches, (row.user.fields.get(name) for row in rows))
    return CustomFieldFilter(name, () if values is UNSET else values)
