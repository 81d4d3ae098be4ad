"""Which rows a variation should return, from the canonical rows and what its form says."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from gateway.sandbox.variations import Variant, Variation, truth
from gateway.sandbox.variations.selection import Matching, Role
from tests.support.variants import EVER, Ask, comparable, in_zone

Row = dict[str, Any]


def wanted_rows(variant: Variant, ask: Ask) -> list[Row]:
    """Return the flat rows that match, as far as the wire can say them."""
    variation = variant.variation
    nested = variant.store.to_rows()
    kept = [
        row
        for row, members in zip(variant.store.rows, nested, strict=True)
        if matches(members, ask, variation)
    ]
    flat = truth(kept, variation, archived=True)
    return [comparable(row, variation) for row in flat]


def matches(row: Row, ask: Ask, variation: Variation) -> bool:
    """Return whether the API should return this row."""
    filters, ranges = variation.filters, variation.ranges
    updated = ask.updated or (EVER if ranges.updated_at_required else None)
    applied = [
        *(role for role in ask.lists if role not in filters.ignored | filters.absent),
        *(["custom"] if ask.custom and is_applied("custom_fields", variation) else []),
        *(["updated"] if updated and ranges.updated_at_support == "exact" else []),
        *(["expiry"] if ask.expiry and ranges.expiry_date_support == "exact" else []),
    ]
    if is_hidden(row, variation, filtered=bool(applied)):
        return False
    checks: dict[str, Callable[[], bool]] = {
        role: lambda role=role: in_list(row, role, ask.lists[role], variation)  # type: ignore[misc]
        for role in ask.lists
    }
    checks["custom"] = lambda: has_field(row, ask, variation)
    checks["updated"] = lambda: in_range(row["updatedAt"], updated, variation)
    checks["expiry"] = lambda: in_range(row["expiryDate"], ask.expiry, variation)
    return all(checks[name]() for name in applied)


def is_applied(role: Role, variation: Variation) -> bool:
    return role not in variation.filters.ignored | variation.filters.absent


def is_hidden(row: Row, variation: Variation, *, filtered: bool) -> bool:
    archived = row["user"] is not None and row["user"].get("archivedAt") is not None
    match variation.population.hidden:
        case "unless_asked":
            return archived
        case "unfiltered":
            return archived and not filtered
        case _:
            return False


def in_list(row: Row, role: Role, values: Sequence[str], variation: Variation) -> bool:
    form = variation.filters
    if role in form.single:
        values = values[:1]
    elif form.most_values is not None:
        values = values[: form.most_values]
    return any_match(values_of(row, role), values, role, variation)


def any_match(own: Sequence[str], values: Sequence[str], role: Role, variation: Variation) -> bool:
    matching = variation.filters.matching
    if role in variation.number_roles or role in ("states", "enrollment_types"):
        matching = "exact"
    return any(is_match(value, wanted, matching) for value in own for wanted in values)


def is_match(value: str, wanted: str, matching: Matching) -> bool:
    match matching:
        case "insensitive":
            return value.casefold() == wanted.casefold()
        case "contains":
            return wanted in value
        case _:
            return value == wanted


def values_of(row: Row, role: Role) -> list[str]:
    user, content = row["user"] or {}, row["content"] or {}
    found = {
        "users": [user.get("id")],
        "contents": [content.get("id")],
        "groups": [group["id"] for group in user.get("groups", [])],
        "states": [row["state"]],
        "enrollment_types": [row["enrollmentType"]],
    }
    return [value for value in found[role] if value is not None]


def has_field(row: Row, ask: Ask, variation: Variation) -> bool:
    assert ask.custom is not None
    field_id, values = ask.custom
    fields = (row["user"] or {}).get("customFields", [])
    own = [field["value"] for field in fields if field["customFieldId"] == field_id]
    texts = [value for value in own if value is not None]
    return any_match(texts, values, "custom_fields", variation)


def in_range(
    text: str | None, ends: tuple[datetime | None, datetime | None] | None, variation: Variation
) -> bool:
    """Return whether an instant lies inside, at the resolution of the range's format."""
    assert ends is not None
    if text is None:
        return False
    form = variation.ranges
    moment = datetime.fromisoformat(f"{text[:26]}+00:00" if len(text) > 24 else text)
    if form.instant == "date" or form.whole_days:
        return in_days(moment, ends, variation)
    step = 1_000 if form.instant in ("seconds-z", "blank-seconds", "epoch-seconds") else 1
    start, end = (None if edge is None else cut(edge, step) for edge in ends)
    return (start is None or (start < moment if form.start_exclusive else start <= moment)) and (
        end is None or (moment < end if form.end_exclusive else moment <= end)
    )


def cut(moment: datetime, milliseconds: int) -> datetime:
    micro = moment.microsecond // (milliseconds * 1_000) * milliseconds * 1_000
    return moment.replace(microsecond=micro)


def in_days(
    moment: datetime, ends: tuple[datetime | None, datetime | None], variation: Variation
) -> bool:
    form = variation.ranges
    zone = form.zone if form.instant == "date" else "UTC"
    day = in_zone(moment, zone).date()
    first, last = (None if edge is None else in_zone(edge, zone).date() for edge in ends)
    inside = first is None or first <= day
    if first == day and form.start_exclusive:
        inside = in_zone(moment, zone).replace(tzinfo=None) != datetime(  # noqa: DTZ001
            day.year, day.month, day.day
        )
    return inside and (last is None or (day < last if form.end_exclusive else day <= last))
