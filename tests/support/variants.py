"""A client of variations, written from their forms: bodies to ask with, rows read back.

It is the inverse of what the sandbox does, and shares only the forms with it.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from gateway.sandbox.variations import Variant, Variation
from gateway.sandbox.variations.layout import to_pascal, to_snake
from gateway.sandbox.variations.moments import RangeFormat, Zone
from gateway.sandbox.variations.numbers import number_of
from gateway.sandbox.variations.selection import Role
from gateway.sandbox.variations.words import ENROLLMENT_TYPES, STATES, to_word

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

EVER = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


@dataclass(frozen=True)
class Ask:
    """What a client wants, in the terms of the assumed API."""

    start: int = 0
    limit: int = 10
    cursor: str | None = None
    order: tuple[str, bool] | None = None
    lists: dict[Role, Sequence[str]] = field(default_factory=dict)
    custom: tuple[str, Sequence[str]] | None = None
    updated: tuple[datetime | None, datetime | None] | None = None
    expiry: tuple[datetime | None, datetime | None] | None = None
    members: dict[str, Any] = field(default_factory=dict)

    def at(self, start: int) -> "Ask":
        """Return the same request from another row on."""
        return replace(self, start=start)

    def after(self, cursor: str | None) -> "Ask":
        """Return the same request with the cursor of the last response."""
        return replace(self, cursor=cursor)


def build_body(ask: Ask, variation: Variation, *, paged: bool = True) -> dict[str, Any]:
    """Return the body that asks for this in the variation's form."""
    body: dict[str, Any] = {}
    for path, value in [*variation.door.constants, *ask.members.items()]:
        put(body, path, value)
    for role in variation.filters.required:
        put(body, variation.filters.path(role), list_value(role, (), variation))
    for role, values in ask.lists.items():
        put(body, variation.filters.path(role), list_value(role, values, variation))
    if ask.custom is not None:
        put(body, variation.filters.path("custom_fields"), custom_value(ask.custom, variation))
    ranges = variation.ranges
    needs_range = ranges.updated_at_required and ranges.updated_at_support == "exact"
    updated = ask.updated or (EVER if needs_range else None)
    for path, ends in ((ranges.updated_at, updated), (ranges.expiry_date, ask.expiry)):
        if ends is not None:
            put_range(body, variation.filters.within(path), ends, variation)
    if paged:
        put_page(body, ask, variation)
    return body


def put(body: dict[str, Any], path: str, value: object) -> None:
    *parents, name = path.split(".")
    for parent in parents:
        body = body.setdefault(parent, {})
    body[name] = value


def put_page(body: dict[str, Any], ask: Ask, variation: Variation) -> None:
    paging = variation.paging
    put(body, paging.limit, ask.limit)
    if paging.kind == "cursor":
        if ask.cursor is not None:
            put(body, paging.position, ask.cursor)
    else:
        step = ask.limit if paging.kind == "page" else 1
        put(body, paging.position, paging.first + ask.start // step)
    if ask.order is not None and variation.order.support != "absent":
        put_order(body, ask.order, variation)


def put_order(body: dict[str, Any], order: tuple[str, bool], variation: Variation) -> None:
    form = variation.order
    name = dict(form.names).get(order[0], order[0])
    word = form.descending if order[1] else form.ascending
    match form.shape:
        case "two":
            put(body, form.member, name)
            put(body, form.direction, word)
        case "list":
            put(body, form.member, [{form.field_key: name, form.direction_key: word}])
        case "object":
            put(body, form.member, {name: word})
        case "signed":
            put(body, form.member, f"-{name}" if order[1] else name)
        case "colon":
            put(body, form.member, f"{name}:{word}")
        case "comma":
            put(body, form.member, f"{name},{word}")
        case "words":
            put(body, form.member, f"{name} {word}")


def list_value(role: Role, values: Sequence[str], variation: Variation) -> object:
    form = variation.filters
    wire: list[Any] = list(values)
    if role in ("states", "enrollment_types"):
        wire = [to_word(value, form.words) for value in values]
    if role in variation.number_roles:
        wire = [number_of(value) for value in values]
    if role in form.single:
        return wire[0]
    match form.list_shape:
        case "comma":
            return ",".join(map(str, wire))
        case "operator":
            return {"in": wire}
        case _:
            return wire


def custom_value(custom: tuple[str, Sequence[str]], variation: Variation) -> object:
    form = variation.filters
    if form.custom_shape == "object":
        return {custom[0]: list(custom[1])}
    return [{form.custom_id: custom[0], form.custom_values: list(custom[1])}]


def put_range(
    body: dict[str, Any],
    path: str,
    ends: tuple[datetime | None, datetime | None],
    variation: Variation,
) -> None:
    form = variation.ranges
    start, end = (None if end is None else range_end(end, form.instant, form.zone) for end in ends)
    given = {form.start: start, form.end: end}
    match form.shape:
        case "list":
            put(body, path, [start, end])
        case "flat":
            for name, value in given.items():
                if value is not None:
                    put(body, path + name, value)
        case _:
            put(body, path, {name: value for name, value in given.items() if value is not None})


def in_zone(moment: datetime, zone: Zone) -> datetime:
    """Return the moment in a zone, by the time zone database."""
    names = {"UTC": "UTC", "Berlin": "Europe/Berlin"}
    offsets = {"+05:30": 330, "-05:00": -300}
    if zone in names:
        return moment.astimezone(ZoneInfo(names[zone]))
    return moment.astimezone(timezone(timedelta(minutes=offsets[zone])))


def range_end(moment: datetime, form: RangeFormat, zone: Zone) -> object:
    """Return the end of a range on the wire."""
    local = in_zone(moment, zone)
    match form:
        case "iso" | "milliseconds-z":
            return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case "seconds-z":
            return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
        case "offset":
            return moment.astimezone(timezone(timedelta(hours=2))).isoformat(
                timespec="milliseconds"
            )
        case "naive":
            return local.replace(tzinfo=None).isoformat(timespec="milliseconds")
        case "blank-seconds":
            return f"{local:%Y-%m-%d %H:%M:%S}"
        case "date":
            return f"{local:%Y-%m-%d}"
        case "epoch-seconds":
            return int(moment.timestamp())
        case "epoch-milliseconds":
            return (moment - EPOCH) // timedelta(milliseconds=1)


def read(value: Any, path: str) -> Any:
    """Return what a response has at a path; None where a part of it is missing."""
    for name in path.replace("[0]", ".0").split(".") if path else []:
        if isinstance(value, list):
            value = value[0] if name == "0" else None
        elif value is not None:
            value = value.get(name)
    return value


def read_rows(response: Any, variation: Variation) -> list[dict[str, Any]]:
    """Return the flat rows of a response."""
    rows = read(response, variation.envelope.rows)
    if variation.envelope.rows_in:
        rows = [row[variation.envelope.rows_in] for row in rows]
    return [flatten(row, variation) for row in rows]


def flatten(row: dict[str, Any], variation: Variation) -> dict[str, Any]:
    """Return one row with the columns and values that `truth` has."""
    if variation.layout.inside:
        inner = row[cased(variation)(variation.layout.inside)]
        row = {**row, **inner}
    flat = {
        **read_key(row, variation),
        **read_person(row, variation),
        **read_content(row, variation),
        **read_values(row, variation),
    }
    return flat | read_attributes(row, variation)


def cased(variation: Variation) -> Callable[[str], str]:
    return {"snake": to_snake, "pascal": to_pascal}.get(variation.layout.case, str)


def read_key(row: dict[str, Any], variation: Variation) -> dict[str, Any]:
    form = variation.key
    if form.name is None or form.null_until_started:
        return {}
    value = row[cased(variation)(form.name)]
    return {"id": value["$oid"] if form.shape == "mongo" else str(value)}


def read_part(
    row: dict[str, Any], variation: Variation, member: str, shape: str
) -> Callable[[str], Any]:
    """Return how to read a member of a nested or flat part."""
    case = cased(variation)
    if shape == "flat":
        return lambda name: row.get(case(f"{member}{name[:1].upper()}{name[1:]}"))
    part = row.get(case(member)) or {}
    return lambda name: part.get(case(name))


def read_person(row: dict[str, Any], variation: Variation) -> dict[str, Any]:
    form = variation.user
    if form.shape == "id_only":
        return {"userId": as_text(row.get(cased(variation)(form.member)))}
    get = read_part(row, variation, form.member, form.shape)
    flat: dict[str, Any] = {}
    if form.id:
        flat["userId"] = as_text(get(form.id))
    if form.name != "absent":
        flat["userName"] = read_name(get, form.name, form.name_member)
    if form.email:
        flat["userEmail"] = get(form.email)
    if form.avatar:
        flat["userAvatar"] = get(form.avatar)
    return flat


def read_name(get: Callable[[str], Any], form: str, member: str) -> Any:
    if form == "split":
        parts = [part for part in (get("firstName"), get("lastName")) if part is not None]
        return " ".join(parts) if parts else None
    name = get(member)
    return next(iter(name.values())) if isinstance(name, dict) else name


def as_text(value: Any) -> str | None:
    return None if value is None else str(value)


def read_content(row: dict[str, Any], variation: Variation) -> dict[str, Any]:
    form = variation.content
    get = read_part(row, variation, form.member, form.shape)
    flat = {
        "contentId": as_text(get(form.id)),
        "contentName": read_name(get, form.name, form.name_member),
    }
    return flat | ({"contentType": get(form.type_member)} if form.type_member else {})


def read_values(row: dict[str, Any], variation: Variation) -> dict[str, Any]:
    case, renamed = cased(variation), dict(variation.layout.renamed)
    words = {to_word(name, variation.values.words): name for name in (*STATES, *ENROLLMENT_TYPES)}
    flat: dict[str, Any] = {}
    for column, decode in (
        ("state", lambda value: words.get(value, value)),
        ("enrollmentType", lambda value: words.get(value, value)),
        ("progress", read_progress),
        ("startedAt", read_instant),
        ("completedAt", read_instant),
        ("updatedAt", read_instant),
        ("expiryDate", read_instant),
        ("certificateIssuedAt", read_instant),
        ("attempt", lambda value: value),
    ):
        name = renamed.get(column, column)
        present = column != "attempt" or variation.population.attempt_numbers
        if name is not None and present:
            value = row.get(case(name))
            flat[column] = None if value is None else decode(value)
    if variation.values.progress == "fraction" and flat.get("progress") is not None:
        flat["progress"] *= 100
    return flat


def read_progress(value: Any) -> float:
    if isinstance(value, dict):
        value = next(part for part in value.values() if not isinstance(part, str))
    return float(str(value).removesuffix(" %").replace(",", "."))


def read_instant(value: Any) -> Any:
    """Return an instant; without a zone the wall time."""
    if isinstance(value, dict):
        value = value["$date"]
    if isinstance(value, int):
        return EPOCH + timedelta(milliseconds=value if abs(value) > 10**11 else value * 1000)
    if value.startswith("/Date("):
        return EPOCH + timedelta(milliseconds=int(value[6:-2]))
    if "." in value[:3]:
        return datetime.strptime(value, "%d.%m.%Y %H:%M:%S")  # noqa: DTZ007  # a wall time
    moment = datetime.fromisoformat(value[:26] + value[27:] if len(value) == 28 else value)
    return moment if moment.tzinfo is None else moment.astimezone(UTC)


def read_attributes(row: dict[str, Any], variation: Variation) -> dict[str, Any]:
    case = cased(variation)
    user = row.get(case(variation.user.member))
    places = {"row": row, "user": user if isinstance(user, dict) else row}
    groups, fields = variation.groups, variation.fields
    flat: dict[str, Any] = {}
    if groups.place != "absent":
        value = places[groups.place].get(case(groups.member)) or []
        flat |= read_groups(value, variation)
    if fields.place != "absent":
        flat["customFields"] = read_fields(places[fields.place], variation)
    return flat


def read_groups(value: Any, variation: Variation) -> dict[str, Any]:
    case, form = cased(variation), variation.groups
    if form.shape == "text":
        return {"groupIds": [part for part in value.split(form.separator) if part] if value else []}
    if form.shape == "ids":
        return {"groupIds": value}
    flat = {"groupIds": [group[case(form.id)] for group in value]}
    if form.name is None:
        return flat
    return flat | {"groupNames": [group.get(case(form.name)) for group in value]}


def read_fields(place: dict[str, Any], variation: Variation) -> dict[str, Any]:
    case, form = cased(variation), variation.fields
    if form.shape == "flat":
        return {name: value for name, value in place.items() if name.startswith("cf_")}
    value = place.get(case(form.member)) or []
    if isinstance(value, dict):
        return value
    fields: dict[str, Any] = {}
    for entry in value:
        identity = entry[case("field")] if form.shape == "nested" else entry
        fields[identity[case(form.id)]] = entry.get(case(form.value))
    return fields


def comparable(row: dict[str, Any], variation: Variation) -> dict[str, Any]:
    """Return a row of the truth as far as the wire can say it."""
    shown = dict(row)
    forms = variation.values
    for name, value in row.items():
        form = (forms.expiry_date if name == "expiryDate" else None) or forms.instants
        naive = form in ("naive", "blank", "blank-seconds", "german", "date")
        if isinstance(value, datetime) and naive:
            shown[name] = in_zone(value, forms.zone).replace(tzinfo=None)
    if variation.layout.nulls == "absent" and "customFields" in row:
        fields = row["customFields"].items()
        wanted = variation.fields.shape in ("object", "flat")
        shown["customFields"] = {k: v for k, v in fields if v is not None or not wanted}
    return shown


@asynccontextmanager
async def opened(variant: Variant) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client in this process, with a token and the headers that the API wants."""
    headers = {"Authorization": f"Bearer {variant.make_token()}"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(variant),
        base_url="http://variant",
        headers=headers | dict(variant.variation.door.headers),
    ) as client:
        yield client


async def ask_results(client: httpx.AsyncClient, variant: Variant, ask: Ask) -> httpx.Response:
    """Ask for one page."""
    door = variant.variation.door
    body = build_body(ask, variant.variation)
    return await client.post(door.prefix + door.results, json=body)
