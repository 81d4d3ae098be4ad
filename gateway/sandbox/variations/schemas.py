"""JSON schemas of a variation's requests and responses, for its OpenAPI description.

Requests follow from the forms. Responses are inferred from rendered samples, so that they cannot
lag behind what the API sends.
"""

import re
from collections.abc import Sequence
from typing import Any

from gateway.sandbox.variations.model import Variation
from gateway.sandbox.variations.moments import RangeFormat
from gateway.sandbox.variations.ordering import OrderForm
from gateway.sandbox.variations.ranges import RangeForm
from gateway.sandbox.variations.selection import LIST_ROLES, FilterForm, Role
from gateway.sandbox.variations.visibility import INCLUDE_ARCHIVED
from gateway.sandbox.variations.words import ENROLLMENT_TYPES, STATES, words

Schema = dict[str, Any]
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_ORDER_EXAMPLES = {
    "signed": "-updatedAt",
    "colon": "updatedAt:desc",
    "comma": "updatedAt,desc",
    "words": "updatedAt desc",
}
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def filters_schema(variation: Variation) -> Schema:
    """Return the schema of the body for statistics."""
    return _to_object(_filter_members(variation), variation)


def request_schema(variation: Variation) -> Schema:
    """Return the schema of the body for results."""
    members = _page_members(variation) | _filter_members(variation)
    if variation.order.support != "absent":
        members |= _order_members(variation.order)
    return _to_object(members, variation)


def _page_members(variation: Variation) -> dict[str, Schema]:
    paging = variation.paging
    limit: Schema = {"type": "integer", "minimum": 1, "maximum": paging.largest}
    if paging.sizes:
        limit["enum"] = list(paging.sizes)
    else:
        limit["default"] = paging.default_size
    position: Schema = {"type": "integer", "minimum": paging.first}
    if paging.kind == "cursor":
        position = {"type": "string", "description": "The cursor of the previous response"}
    return {paging.limit: limit, paging.position: position}


def _order_members(order: OrderForm) -> dict[str, Schema]:
    names = dict(order.names)
    fields: Schema = {"type": "string", "enum": [names.get(name, name) for name in order.fields]}
    direction: Schema = {"type": "string", "enum": [order.ascending, order.descending]}
    match order.shape:
        case "two":
            return {order.member: fields, order.direction: direction}
        case "list":
            key = {order.field_key: fields, order.direction_key: direction}
            return {order.member: {"type": "array", "items": {"type": "object", "properties": key}}}
        case "object":
            properties = dict.fromkeys(fields["enum"], direction)
            return {order.member: {"type": "object", "properties": properties}}
        case _:
            return {order.member: {"type": "string", "example": _ORDER_EXAMPLES[order.shape]}}


def _filter_members(variation: Variation) -> dict[str, Schema]:
    form, ranges = variation.filters, variation.ranges
    members: dict[str, Schema] = {
        path: {"enum": [value]} for path, value in variation.door.constants
    }
    if variation.population.hidden == "unless_asked":
        members[INCLUDE_ARCHIVED] = {"type": "boolean", "default": False}
    for role in LIST_ROLES:
        if role not in form.absent:
            members[form.path(role)] = _list_schema(role, variation)
    if "custom_fields" not in form.absent:
        members[form.path("custom_fields")] = _custom_fields_schema(form)
    if ranges.updated_at_support != "absent":
        members |= _range_members(form.within(ranges.updated_at), ranges)
    if ranges.expiry_date_support != "absent":
        members |= _range_members(form.within(ranges.expiry_date), ranges)
    return members


def _list_schema(role: Role, variation: Variation) -> Schema:
    form = variation.filters
    element: Schema = {"type": "integer" if role in variation.number_roles else "string"}
    if role in ("states", "enrollment_types"):
        constants = STATES if role == "states" else ENROLLMENT_TYPES
        element["enum"] = list(words(constants, form.words).values())
    schema: Schema = element
    if role in form.single:
        return schema
    if form.list_shape == "comma":
        return {"type": "string", "description": "Values, separated by commas"}
    schema = {"type": "array", "items": element}
    if form.most_values is not None and form.over_most_values == "refused":
        schema["maxItems"] = form.most_values
    if form.list_shape == "operator":
        return {"type": "object", "properties": {"in": schema}}
    return schema


def _custom_fields_schema(form: FilterForm) -> Schema:
    values = {"type": "array", "items": {"type": "string"}}
    if form.custom_shape == "object":
        return {"type": "object", "additionalProperties": values}
    properties = {form.custom_id: {"type": "string"}, form.custom_values: values}
    return {"type": "array", "items": {"type": "object", "properties": properties}}


def _range_members(path: str, form: RangeForm) -> dict[str, Schema]:
    end = _instant_schema(form.instant)
    match form.shape:
        case "flat":
            return {path + form.start: end, path + form.end: end}
        case "list":
            return {path: {"type": "array", "items": end, "minItems": 2, "maxItems": 2}}
        case _:
            schema = {"type": "object", "properties": {form.start: end, form.end: end}}
            required = {"required": [form.start, form.end]} if form.both_required else {}
            return {path: schema | required}


def _instant_schema(instant: RangeFormat) -> Schema:
    match instant:
        case "epoch-seconds" | "epoch-milliseconds":
            return {"type": "integer", "description": f"UNIX time, {instant[6:]}"}
        case "date":
            return {"type": "string", "format": "date"}
        case "naive" | "blank-seconds":
            return {"type": "string"}
        case _:
            return {"type": "string", "format": "date-time"}


def _to_object(members: dict[str, Schema], variation: Variation) -> Schema:
    """Return the schema of an object from the schemas of its members by dotted path."""
    strict = variation.status.unknown_members == "refused"
    required = {path for path, _ in variation.door.constants}
    required |= {variation.filters.path(role) for role in variation.filters.required}
    if variation.paging.limit_required:
        required.add(variation.paging.limit)
    return _nest(members, required & members.keys(), strict=strict)


def _nest(members: dict[str, Schema], required: set[str], *, strict: bool) -> Schema:
    groups: dict[str, dict[str, Schema]] = {}
    for path, member in members.items():
        name, _, rest = path.partition(".")
        groups.setdefault(name, {})[rest] = member
    properties = {
        name: parts.get("") or _nest(parts, _below(required, name), strict=strict)
        for name, parts in groups.items()
    }
    names = sorted({path.partition(".")[0] for path in required})
    schema: Schema = {"type": "object", "properties": properties}
    schema |= {"required": names} if names else {}
    return schema | ({"additionalProperties": False} if strict else {})


def _below(paths: set[str], name: str) -> set[str]:
    return {path.removeprefix(f"{name}.") for path in paths if path.startswith(f"{name}.")}


def infer_schema(samples: Sequence[object], variation: Variation) -> Schema:
    """Return a schema that all samples match, with the version's way of writing nulls."""
    values = [sample for sample in samples if sample is not None]
    schema = _infer(values, variation) if values else {}
    if len(values) == len(samples) or not schema:
        return schema
    match variation.description.version:
        case "3.1.0":
            enum = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
            return schema | {"type": [schema["type"], "null"]} | enum
        case "2.0":
            return schema | {"x-nullable": True}
        case _:
            return schema | {"nullable": True}


def _infer(values: Sequence[object], variation: Variation) -> Schema:
    """Return the schema of values; values of several kinds get an empty schema."""
    objects = [value for value in values if isinstance(value, dict)]
    lists = [value for value in values if isinstance(value, list)]
    kinds = {type(value) for value in values}
    if len(objects) == len(values):
        names = {name: None for value in objects for name in value}
        properties = {
            name: infer_schema([value[name] for value in objects if name in value], variation)
            for name in names
        }
        return {"type": "object", "properties": properties}
    if len(lists) == len(values):
        elements = [element for value in lists for element in value]
        return {"type": "array", "items": infer_schema(elements, variation)}
    if kinds == {str}:
        return _text_schema(values, variation)
    if len(kinds) == 1:
        return {"type": _TYPES[kinds.pop()]}
    return {"type": "number"} if kinds == {int, float} else {}


def _text_schema(values: Sequence[object], variation: Variation) -> Schema:
    for constants in (STATES, ENROLLMENT_TYPES):
        known = list(words(constants, variation.values.words).values())
        if set(values) <= set(known):
            return {"type": "string", "enum": known}
    if all(_DATE_TIME.fullmatch(str(value)) for value in values):
        return {"type": "string", "format": "date-time"}
    return {"type": "string"}
