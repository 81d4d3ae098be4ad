"""Ids of a request that are numbers or compare without case, as ids that the store has.

A value that no row has resolves to nothing, and a filter without values matches no row.
"""

from collections.abc import Callable, Iterable

import msgspec
from msgspec import UNSET, UnsetType

from gateway.sandbox.payloads import CustomFieldFilter, Filters
from gateway.sandbox.records import Row
from gateway.sandbox.variations.numbers import number_of
from gateway.sandbox.variations.selection import Role

Key = Callable[[str], str]


def resolve_filters(
    filters: Filters, rows: list[Row], *, numbers: frozenset[Role], insensitive: bool
) -> Filters:
    """Return filters with the ids that rows have."""
    if not numbers and not insensitive:
        return filters
    fold: Key = str.casefold if insensitive else str
    users: Key = _number_text if "users" in numbers else fold
    contents: Key = _number_text if "contents" in numbers else fold
    return msgspec.structs.replace(
        filters,
        user_ids=_known(filters.user_ids, users, (row.user.id for row in rows)),
        content_ids=_known(filters.content_ids, contents, (row.content.id for row in rows)),
        group_ids=_known(
            filters.group_ids, fold, (group for row in rows for group in row.user.groups)
        ),
        custom_fields=_known_fields(filters.custom_fields, fold, rows),
    )


def _number_text(value: str) -> str:
    return str(number_of(value))


def _known(
    wanted: tuple[str, ...] | UnsetType, key: Key, present: Iterable[str | None]
) -> tuple[str, ...] | UnsetType:
    """Return the present values whose key is that of a wanted one."""
    if wanted is UNSET or key is str:
        return wanted
    keys = {value.casefold() for value in wanted}
    values = {value for value in present if value is not None}
    return tuple(sorted(value for value in values if key(value) in keys))


def _known_fields(
    wanted: tuple[CustomFieldFilter, ...] | UnsetType, key: Key, rows: list[Row]
) -> tuple[CustomFieldFilter, ...] | UnsetType:
    if wanted is UNSET:
        return wanted
    return tuple(_known_field(field, key, rows) for field in wanted)


def _known_field(wanted: CustomFieldFilter, key: Key, rows: list[Row]) -> CustomFieldFilter:
    name = wanted.custom_field_id
    values = _known(wanted.values, key, (row.user.fields.get(name) for row in rows))
    return CustomFieldFilter(name, () if values is UNSET else values)
