"""The rows of a correct feed of a variation: flat rows in the gateway's published columns.

Columns that the variation makes unknowable are left out of every row. Instants are aware and in
UTC, cut to microseconds and to what their format can say; progress is in percent; states and
enrollment types are the documented constants, whatever the API's words are.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import cast

from gateway.sandbox.records import Row, decode_rows
from gateway.sandbox.variations.attributes import typed_value
from gateway.sandbox.variations.model import Variation
from gateway.sandbox.variations.moments import RESOLUTIONS
from gateway.sandbox.variations.numbers import number_of
from gateway.sandbox.variations.parts import Members
from gateway.sandbox.variations.values import INSTANTS
from gateway.sandbox.variations.visibility import is_archived

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def truth(
    rows: Iterable[Row], variation: Variation, *, archived: bool = False
) -> list[dict[str, object]]:
    """Return the rows of a complete and correct feed, in the order of insertion.

    Where archived people are hidden unless the request asks for them, only `archived` includes
    them.
    """
    kept = list(rows)
    if variation.population.hidden == "unless_asked" and not archived:
        kept = [row for row in kept if not is_archived(row)]
    nested = decode_rows(kept)
    return [_flat(row, members, variation) for row, members in zip(kept, nested, strict=True)]


def _flat(row: Row, members: Members, variation: Variation) -> dict[str, object]:
    renamed = dict(variation.layout.renamed)
    flat: dict[str, object] = {
        **_key(row, variation),
        **_person(cast("Members | None", members["user"]), variation),
        **_content(cast("Members | None", members["content"]), variation),
        "progress": row.progress,
        "state": row.state,
        "enrollmentType": row.enrollment_type,
        **_instants(row, variation),
    }
    if variation.population.attempt_numbers and renamed.get("attempt", "attempt") is not None:
        flat["attempt"] = members["attempt"]
    return {name: value for name, value in flat.items() if renamed.get(name, name) is not None}


def _key(row: Row, variation: Variation) -> dict[str, object]:
    form = variation.key
    if form.name is None or form.null_until_started:
        return {}
    return {"id": str(number_of(row.id)) if form.shape == "number" else row.id}


def _person(user: Members | None, variation: Variation) -> dict[str, object]:
    form = variation.user
    known = user or {}
    flat: dict[str, object] = {}
    if form.id is not None:
        flat["userId"] = _id(known.get("id"), number=form.id_number)
    if form.shape != "id_only":
        flat |= {"userName": known.get("name")} if form.name != "absent" else {}
        flat |= {"userEmail": known.get("email")} if form.email else {}
        flat |= {"userAvatar": known.get("avatar")} if form.avatar else {}
    elif form.id is None and form.email:
        flat["userEmail"] = known.get("email")
    return flat | _attributes(known, variation)


def _attributes(user: Members, variation: Variation) -> dict[str, object]:
    flat: dict[str, object] = {}
    if variation.groups.place != "absent":
        groups = cast("list[Members]", user.get("groups") or [])
        flat["groupIds"] = [group["id"] for group in groups]
        if variation.groups.shape == "objects" and variation.groups.name is not None:
            flat["groupNames"] = [group["name"] for group in groups]
    if variation.fields.place != "absent":
        fields = cast("list[Members]", user.get("customFields") or [])
        flat["customFields"] = {
            str(field["customFieldId"]): _custom_value(field, variation) for field in fields
        }
    return flat


def _custom_value(field: Members, variation: Variation) -> object:
    value = field.get("value")
    if not variation.fields.typed or not isinstance(value, str):
        return value
    return typed_value(str(field["customFieldId"]), value)


def _content(content: Members | None, variation: Variation) -> dict[str, object]:
    form = variation.content
    known = content or {}
    flat: dict[str, object] = {"contentId": _id(known.get("id"), number=form.id_number)}
    if form.shape == "id_only":
        return flat
    flat["contentName"] = known.get("name")
    return flat | ({"contentType": known.get("type")} if form.type_member else {})


def _id(value: object, *, number: bool) -> object:
    return str(number_of(value)) if number and isinstance(value, str) else value


def _instants(row: Row, variation: Variation) -> dict[str, object]:
    stored = (
        row.started_at,
        row.completed_at,
        row.updated_at,
        row.expiry_date,
        row.certificate_issued_at,
    )
    return {
        name: None if instant is None else _moment(name, instant, variation)
        for name, instant in zip(INSTANTS, stored, strict=True)
    }


def _moment(name: str, instant: int, variation: Variation) -> datetime:
    form = variation.values
    chosen = (form.expiry_date if name == "expiryDate" else None) or form.instants
    step = 1 if chosen is None else RESOLUTIONS[chosen]
    return _EPOCH + timedelta(microseconds=instant // step * step // 1_000)
