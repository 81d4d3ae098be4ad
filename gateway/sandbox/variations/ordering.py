"""Orders: the form in a request, obedience to it, and the places of nulls and ties."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from random import Random
from types import MappingProxyType
from typing import Literal

from gateway.sandbox.records import Row
from gateway.sandbox.variations.reader import MISSING, BodyReader
from gateway.sandbox.views import ATTRIBUTES, Ordering

_ATTRIBUTES: Mapping[str, str | None] = MappingProxyType({**ATTRIBUTES, "createdAt": None})
"""The attribute of each field; rows are created in the order of insertion."""
_FIELDS = tuple(ATTRIBUTES)
_SEPARATORS: Mapping[str, str] = MappingProxyType({"colon": ":", "comma": ","})


@dataclass(frozen=True, slots=True)
class OrderForm:
    """The form of an order, and its effect in the API.

    Attributes:
        shape: `two` has a member for the field and one for the direction, `list` is a list of
            objects, `object` has the direction by field, the others are texts: `-updatedAt`,
            `updatedAt:desc`, `updatedAt,desc`, `updatedAt desc`.
        member: the path of the field or of the whole order.
        direction: the path of the direction for `two`.
        field_key: the name of the field in a list.
        direction_key: the name of the direction in a list.
        ascending: the word for an ascending order.
        descending: the word for a descending one.
        fields: the fields that can be ordered by.
        names: pairs of a field and its name in a request, where they differ.
        support: `ignored` accepts every order and obeys none, `absent` knows no order.
        direction_obeyed: False if every order is ascending.
        nulls: first or last, or as the smallest or largest value.
        ties: the order among equal values: by insertion, or another on every call.
        unordered: the order without a request for one.
    """

    shape: Literal["two", "list", "object", "signed", "colon", "comma", "words"] = "two"
    member: str = "options.orderBy"
    direction: str = "options.order"
    field_key: str = "field"
    direction_key: str = "order"
    ascending: str = "ASC"
    descending: str = "DESC"
    fields: tuple[str, ...] = _FIELDS
    names: tuple[tuple[str, str], ...] = ()
    support: Literal["obeyed", "ignored", "absent"] = "obeyed"
    direction_obeyed: bool = True
    nulls: Literal["last", "first", "smallest", "largest"] = "last"
    ties: Literal["insertion", "reshuffled"] = "insertion"
    unordered: Literal["insertion", "reshuffled"] = "insertion"


@dataclass(frozen=True, slots=True)
class Order:
    """An order as the store has it; `created` is the order of insertion on request."""

    ordering: Ordering = field(default_factory=Ordering)
    backwards: bool = False


def take_order(reader: BodyReader, form: OrderForm) -> Order:
    """Take the order of a request."""
    if form.support == "absent":
        return Order()
    asked = _take_pair(reader, form)
    if asked is None:
        return Order()
    field, direction = asked
    names = dict(form.names)
    fields = {names.get(name, name): name for name in form.fields}
    if not isinstance(field, str) or field not in fields:
        reader.refuse("one_of", form.member, ", ".join(fields))
        return Order()
    if not isinstance(direction, str) or direction not in (form.ascending, form.descending):
        path = form.direction if form.shape == "two" else form.member
        reader.refuse("one_of", path, f"{form.ascending}, {form.descending}")
        return Order()
    if form.support == "ignored":
        return Order()
    descending = direction == form.descending and form.direction_obeyed
    attribute = _ATTRIBUTES[fields[str(field)]]
    if attribute is None:
        return Order(backwards=descending)
    return Order(Ordering(attribute, descending))


def _take_pair(reader: BodyReader, form: OrderForm) -> tuple[object, object] | None:
    """Take field and direction in the API's shape; None without an order."""
    if form.shape == "two":
        return _take_two(reader, form)
    value = reader.take(form.member)
    if value is MISSING:
        return None
    match form.shape:
        case "list":
            return _from_list(reader, form, value)
        case "object":
            return _from_object(reader, form, value)
        case _:
            return _from_text(reader, form, value)


def _take_two(reader: BodyReader, form: OrderForm) -> tuple[object, object] | None:
    field, direction = reader.take(form.member), reader.take(form.direction)
    if field is MISSING:
        if direction is not MISSING:
            reader.refuse("required", form.member)
        return None
    return field, form.ascending if direction is MISSING else direction


def _from_list(reader: BodyReader, form: OrderForm, value: object) -> tuple[object, object] | None:
    if not isinstance(value, list) or not all(isinstance(key, dict) for key in value):
        reader.refuse("list", form.member)
        return None
    if len(value) != 1:
        reader.refuse("longest", form.member, 1)
        return None
    (key,) = value
    for name in key.keys() - {form.field_key, form.direction_key}:
        reader.refuse("unknown", f"{form.member}.{name}")
    return key.get(form.field_key), key.get(form.direction_key, form.ascending)


def _from_object(
    reader: BodyReader, form: OrderForm, value: object
) -> tuple[object, object] | None:
    if not isinstance(value, dict) or len(value) != 1:
        reader.refuse("object", form.member)
        return None
    ((field, direction),) = value.items()
    return field, direction


def _from_text(reader: BodyReader, form: OrderForm, value: object) -> tuple[object, object] | None:
    if not isinstance(value, str):
        reader.refuse("single", form.member)
        return None
    if form.shape == "signed":
        return value.removeprefix("-"), form.descending if value[:1] == "-" else form.ascending
    field, _, direction = value.partition(_SEPARATORS.get(form.shape, " "))
    return field, direction or form.ascending


def arrange(rows: list[Row], order: Order, form: OrderForm, draw: Random) -> list[Row]:
    """Return rows, which the store has ordered, as this API orders them; ties are drawn again."""
    attribute = order.ordering.attribute
    if attribute is None:
        if form.unordered == "reshuffled" and not order.backwards:
            return draw.sample(rows, len(rows))
        return rows[::-1] if order.backwards else rows
    if form.nulls == "last" and form.ties == "insertion":
        return rows
    return _arrange_values(rows, order.ordering, form, draw)


def _arrange_values(
    rows: list[Row], ordering: Ordering, form: OrderForm, draw: Random
) -> list[Row]:
    value = attrgetter(ordering.attribute or "id")
    if form.ties == "reshuffled":
        ties: dict[object, list[Row]] = {}
        for row in rows:
            ties.setdefault(value(row), []).append(row)
        rows = [row for tie in ties.values() for row in draw.sample(tie, len(tie))]
    nulls_first = form.nulls == "first" or form.nulls == (
        "largest" if ordering.descending else "smallest"
    )
    if not nulls_first:
        return rows
    nulls = [row for row in rows if value(row) is None]
    return nulls + rows[: len(rows) - len(nulls)]
