"""Groups and custom fields of a row's user, as an API publishes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Place = Literal["user", "row", "absent"]
Objects = Sequence[Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class GroupForm:
    """The groups of a row's user.

    Attributes:
        place: inside the user, in the row, or nowhere.
        shape: `objects` with id and name, `ids`, or a `text` of ids.
        member: the member's name.
        id: the name of an object's id.
        name: the name of an object's name, or None without names.
        separator: what separates the ids of a text.
    """

    place: Place = "user"
    shape: Literal["objects", "ids", "text"] = "objects"
    member: str = "groups"
    id: str = "id"
    name: str | None = "name"
    separator: str = ","


@dataclass(frozen=True, slots=True)
class CustomFieldForm:
    """The custom fields of a row's user.

    Attributes:
        place: inside the user, in the row, or nowhere.
        shape: `list` of objects, `object` of values by id, `flat` members `cf_...` beside others,
            `nested` is `{field: {id, name}, value}`.
        member: the member's name.
        id: the name of an object's id.
        name: the name of an object's name, or None without names.
        value: the name of an object's value.
        typed: True if numbers, booleans, dates and lists are JSON values rather than texts.
    """

    place: Place = "user"
    shape: Literal["list", "object", "flat", "nested"] = "list"
    member: str = "customFields"
    id: str = "customFieldId"
    name: str | None = "name"
    value: str = "value"
    typed: bool = False


TYPED_FIELDS: Mapping[str, str] = MappingProxyType(
    {"cf_score": "number", "cf_remote": "boolean", "cf_hired": "date", "cf_skills": "list"}
)
"""Custom fields that a population of typed values has, with their types."""


def render_groups(groups: Objects, form: GroupForm) -> dict[str, object]:
    """Return the member with the groups."""
    ids = [group["id"] for group in groups]
    match form.shape:
        case "ids":
            return {form.member: ids}
        case "text":
            return {form.member: form.separator.join(map(str, ids))}
        case _:
            return {form.member: [_group(group, form) for group in groups]}


def _group(group: Mapping[str, object], form: GroupForm) -> dict[str, object]:
    named = {} if form.name is None else {form.name: group.get("name")}
    return {form.id: group["id"], **named}


def render_custom_fields(fields: Objects, form: CustomFieldForm) -> dict[str, object]:
    """Return the members with the custom fields."""
    values = {str(field["customFieldId"]): _typed(field, form) for field in fields}
    match form.shape:
        case "object":
            return {form.member: values}
        case "flat":
            return dict(values)
        case _:
            return {form.member: [_field(field, form) for field in fields]}


def _field(field: Mapping[str, object], form: CustomFieldForm) -> dict[str, object]:
    identity: dict[str, object] = {form.id: field["customFieldId"]}
    if form.name is not None:
        identity[form.name] = field.get("name")
    value = {form.value: _typed(field, form)}
    return {"field": identity, **value} if form.shape == "nested" else {**identity, **value}


def _typed(field: Mapping[str, object], form: CustomFieldForm) -> object:
    value = field.get("value")
    if not form.typed or not isinstance(value, str):
        return value
    return typed_value(str(field["customFieldId"]), value)


def typed_value(field_id: str, value: str) -> object:
    """Return a value of a typed field.

    >>> typed_value("cf_score", "12.5"), typed_value("cf_skills", "a|b"), typed_value("cf_x", "1")
    (12.5, ['a', 'b'], '1')
    """
    match TYPED_FIELDS.get(field_id):
        case "number":
            return float(value) if "." in value else int(value)
        case "boolean":
            return value == "true"
        case "list":
            return value.split("|") if value else []
        case _:
            return value
