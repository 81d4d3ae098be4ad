"""Filters: the names, nesting and shapes in which an API takes them, as canonical `Filters`.

Unknown words and wrong types are problems; an unknown id is not, it matches nothing.
"""

from dataclasses import dataclass
from typing import Literal, cast

from msgspec import UNSET, UnsetType

from gateway.sandbox.payloads import CustomFieldFilter, DateRange, EnrollmentType, Filters, State
from gateway.sandbox.variations.ranges import RangeForm, take_range
from gateway.sandbox.variations.reader import MISSING, BodyReader
from gateway.sandbox.variations.wordings import Kind
from gateway.sandbox.variations.words import ENROLLMENT_TYPES, STATES, WordStyle, words

Role = Literal["groups", "users", "contents", "states", "enrollment_types", "custom_fields"]
LIST_ROLES: tuple[Role, ...] = ("groups", "users", "contents", "states", "enrollment_types")
Matching = Literal["exact", "insensitive", "contains"]
_NO_ROLES: frozenset[Role] = frozenset()


@dataclass(frozen=True, slots=True)
class FilterForm:
    """The form of filters with lists of values.

    Attributes:
        nested: the object that holds all filters and ranges, or "".
        groups: the member's name; the same for each role.
        ignored: roles that are accepted and not applied.
        absent: roles that the API does not know.
        required: roles whose list must be present; an empty one then matches all rows.
        single: roles that take one value instead of a list.
        list_shape: `comma` joins the values to a text, `operator` wraps them in `{in: [...]}`.
        most_values: the longest list, or None.
        over_most_values: the fate of a longer list.
        matching: the comparison of ids and values of custom fields; `contains` finds all that
            contain the requested text.
        custom_shape: `list` of `{id, values}`, or `object` of values by id.
        custom_id: the name of the id in a list.
        custom_values: the name of the values in a list.
        words: the style of states and enrollment types.
    """

    nested: str = ""
    groups: str = "groupIds"
    users: str = "userIds"
    contents: str = "contentIds"
    states: str = "states"
    enrollment_types: str = "enrollmentTypes"
    custom_fields: str = "customFields"
    ignored: frozenset[Role] = _NO_ROLES
    absent: frozenset[Role] = _NO_ROLES
    required: frozenset[Role] = _NO_ROLES
    single: frozenset[Role] = _NO_ROLES
    list_shape: Literal["list", "comma", "operator"] = "list"
    most_values: int | None = None
    over_most_values: Literal["refused", "cut"] = "refused"
    matching: Matching = "exact"
    custom_shape: Literal["list", "object"] = "list"
    custom_id: str = "customFieldId"
    custom_values: str = "values"
    words: WordStyle = "upper"

    def path(self, role: Role) -> str:
        """Return the whole path of a role's member."""
        name: str = getattr(self, role)
        return self.within(name)

    def within(self, name: str) -> str:
        """Return the path of a member among the filters."""
        return f"{self.nested}.{name}" if self.nested else name


def take_filters(
    reader: BodyReader, form: FilterForm, ranges: RangeForm, numbers: frozenset[Role] = _NO_ROLES
) -> Filters:
    """Take all filters of a body; ids of the roles in `numbers` are numbers, here as texts."""
    lists = {role: _take_list(reader, form, role, numbers) for role in LIST_ROLES}
    custom = _take_custom_fields(reader, form)
    updated = take_range(reader, ranges, form.within(ranges.updated_at), ranges.updated_at_support)
    if ranges.updated_at_required and updated is UNSET and ranges.updated_at_support == "exact":
        reader.refuse("required", form.within(ranges.updated_at))
    if updated is UNSET and ranges.since is not None:
        updated = DateRange(ranges.since, UNSET)
    expiry = take_range(reader, ranges, form.within(ranges.expiry_date), ranges.expiry_date_support)
    return Filters(
        group_ids=lists["groups"],
        user_ids=lists["users"],
        content_ids=lists["contents"],
        states=cast("tuple[State, ...] | UnsetType", lists["states"]),
        enrollment_types=cast("tuple[EnrollmentType, ...] | UnsetType", lists["enrollment_types"]),
        custom_fields=custom,
        updated_at_date_range=updated,
        expiry_date_range=expiry,
    )


def _take_list(
    reader: BodyReader, form: FilterForm, role: Role, numbers: frozenset[Role]
) -> tuple[str, ...] | UnsetType:
    """Take one list, in canonical words; numbers become texts."""
    if role in form.absent:
        return UNSET
    path = form.path(role)
    values = _take_values(reader, form, role, path)
    if values is None:
        return UNSET
    if form.most_values is not None and len(values) > form.most_values:
        if form.over_most_values == "refused":
            reader.refuse("longest", path, form.most_values)
        values = values[: form.most_values]
    if role in ("states", "enrollment_types"):
        canonical = _constants(reader, form, role, values)
    else:
        canonical = _ids(reader, form, role, values, number=role in numbers)
    return UNSET if role in form.ignored else tuple(sorted(canonical))


def _take_values(
    reader: BodyReader, form: FilterForm, role: Role, path: str
) -> list[object] | None:
    value = reader.take(path)
    if value is MISSING:
        if role in form.required:
            reader.refuse("required", path)
        return None
    values = _unwrap(reader, form, role, path, value)
    if values == []:
        if role not in form.required:
            reader.refuse("empty", path)
        return None
    return values


def _unwrap(
    reader: BodyReader, form: FilterForm, role: Role, path: str, value: object
) -> list[object] | None:
    """Return the values inside the API's shape; None after refusing another shape."""
    if role in form.single:
        if isinstance(value, list | dict):
            reader.refuse("single", path)
            return None
        return [value]
    if form.list_shape == "comma":
        if isinstance(value, str):
            return [part for part in value.split(",") if part]
        reader.refuse("single", path)
        return None
    if form.list_shape == "operator":
        if not isinstance(value, dict) or value.keys() != {"in"}:
            reader.refuse("object", path)
            return None
        value = value["in"]
    if isinstance(value, list):
        return value
    reader.refuse("list", path)
    return None


def _constants(
    reader: BodyReader, form: FilterForm, role: Role, values: list[object]
) -> tuple[str, ...]:
    """Return the constants behind the API's words."""
    constants = STATES if role == "states" else ENROLLMENT_TYPES
    known = {word: name for name, word in words(constants, form.words).items()}
    if all(isinstance(value, str) and value in known for value in values):
        return tuple(known[str(value)] for value in values)
    kind: Kind = "one_of" if role in form.single else "each_one_of"
    reader.refuse(kind, form.path(role), ", ".join(known))
    return ()


def _ids(
    reader: BodyReader, form: FilterForm, role: Role, values: list[object], *, number: bool
) -> tuple[str, ...]:
    wanted = int if number and form.list_shape != "comma" else str
    if not all(isinstance(value, wanted) for value in values):
        reader.refuse("integer" if number else "text", form.path(role))
    return tuple(str(value) for value in values)


def _take_custom_fields(
    reader: BodyReader, form: FilterForm
) -> tuple[CustomFieldFilter, ...] | UnsetType:
    if "custom_fields" in form.absent:
        return UNSET
    path = form.path("custom_fields")
    value = reader.take(path)
    if value is MISSING:
        return UNSET
    pairs = _custom_pairs(reader, form, path, value)
    fields = tuple(
        CustomFieldFilter(field_id, tuple(values))
        for field_id, values in pairs
        if isinstance(field_id, str) and _is_texts(values)
    )
    if len(fields) < max(1, len(pairs)):
        reader.refuse("text", path)
    return UNSET if "custom_fields" in form.ignored else fields


def _custom_pairs(
    reader: BodyReader, form: FilterForm, path: str, value: object
) -> list[tuple[object, list[str]]]:
    """Return (id, values) of each field in the API's shape; unknown members are problems."""
    if form.custom_shape == "object":
        if isinstance(value, dict):
            return [(name, values) for name, values in value.items()]
        reader.refuse("object", path)
        return []
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        reader.refuse("list", path)
        return []
    names = {form.custom_id, form.custom_values}
    for entry in value:
        for name in entry.keys() - names:
            reader.refuse("unknown", f"{path}.{name}")
    return [(entry.get(form.custom_id), entry.get(form.custom_values)) for entry in value]


def _is_texts(values: object) -> bool:
    return (
        isinstance(values, list)
        and bool(values)
        and all(isinstance(value, str) for value in values)
    )
