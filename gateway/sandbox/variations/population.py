"""Rows that a population has and others do not: nulls, attempts, archived people, long ties.

A population changes the dataset before it is served, so that filters, orders and statistics agree
with the rows. The ids and numbers of rows decide which ones change, not chance.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, cast

from gateway.sandbox.dataset import Dataset
from gateway.sandbox.instants import to_nanoseconds
from gateway.sandbox.variations.moments import DAY, RESOLUTIONS, InstantFormat, render_instant
from gateway.sandbox.variations.numbers import number_of
from gateway.sandbox.variations.values import INSTANTS, ValueForm

Members = dict[str, object]
NEW_STATE = "WAITING_FOR_APPROVAL"
ARCHIVED_AT = "2025-06-30T22:00:00.000Z"
SEEN_GROUP = "grp-01"
"""The only group that a manager's token sees."""


@dataclass(frozen=True, slots=True)
class PopulationForm:
    """The people, their results, and the part that a token sees.

    Attributes:
        null_users: every n-th user has been deleted, and is null in the rows; 0 for none.
        null_contents: the same for contents.
        null_names: every n-th user has no name.
        emails: `all` gives an address to every user.
        null_states: every n-th row has no state.
        null_progress: every n-th row has no progress.
        null_updates: True if rows that are not started have no `updatedAt`.
        new_states: every n-th row has a state that is not documented.
        oldest_row: a strange value in the row with the oldest update, and in no other.
        archived: every n-th user is archived.
        hidden: when archived people are left out: never, unless `includeArchived` is true, or from
            requests without any filter.
        sees: the people that the token sees: all, one group, or none.
        attempts: every n-th row has an earlier attempt of the same user in the same content.
        attempt_numbers: True if rows have a member `attempt`.
        ties: that many rows share one `updatedAt`.
        expiry: the meaning of the expiry date: some of both, the end of a certificate's
            validity, or the date until which to finish.
        last_year: every n-th row expires at the end of the year 9999.
        sub_milliseconds: True if `updatedAt` has seven digits.
        typed_fields: True if people have custom fields of all types.
        by_time: True if approved rows expire by the clock, without a new `updatedAt`.
    """

    null_users: int = 0
    null_contents: int = 0
    null_names: int = 0
    emails: Literal["some", "all"] = "some"
    null_states: int = 0
    null_progress: int = 0
    null_updates: bool = False
    new_states: int = 0
    oldest_row: Literal["usual", "new_state", "null_progress", "null_user", "null_content"] = (
        "usual"
    )
    archived: int = 0
    hidden: Literal["never", "unless_asked", "unfiltered"] = "never"
    sees: Literal["all", "group", "nothing"] = "all"
    attempts: int = 0
    attempt_numbers: bool = False
    ties: int = 0
    expiry: Literal["mixed", "validity", "due"] = "mixed"
    last_year: int = 0
    sub_milliseconds: bool = False
    typed_fields: bool = False
    by_time: bool = False


def populate(dataset: Dataset, form: PopulationForm, values: ValueForm) -> Dataset:
    """Return the dataset with this population, its instants as fine as their format."""
    if form == PopulationForm() and values.instants is None and values.expiry_date is None:
        return dataset
    rows = (_change(number, row, form, values) for number, row in enumerate(dataset.to_rows()))
    seen = [row for row in rows if _is_seen(row, form)]
    if seen and form.oldest_row != "usual":
        oldest = min(seen, key=lambda row: str(row["updatedAt"] or "9999"))
        oldest |= _STRANGE[form.oldest_row]
    return Dataset.from_rows(_with_attempts(seen, form))


_STRANGE: Mapping[str, Members] = MappingProxyType(
    {
        "new_state": {"state": NEW_STATE},
        "null_progress": {"progress": None},
        "null_user": {"user": None},
        "null_content": {"content": None},
    }
)


def _change(number: int, row: Members, form: PopulationForm, values: ValueForm) -> Members:
    """Return one changed row."""
    row |= _own_values(number, row, form)
    for name in INSTANTS:
        chosen = (values.expiry_date if name == "expiryDate" else None) or values.instants
        if chosen is not None and isinstance(row[name], str) and not form.sub_milliseconds:
            row[name] = _cut(str(row[name]), chosen)
    content, user = cast("Members | None", row["content"]), cast("Members | None", row["user"])
    row["content"] = content and (None if _chosen(content, form.null_contents) else content)
    row["user"] = user and _change_user(user, form)
    return row


def _own_values(number: int, row: Members, form: PopulationForm) -> Members:
    changes: Members = {}
    if _every(number, form.new_states):
        changes["state"] = NEW_STATE
    if _every(number, form.null_states):
        changes["state"] = None
    if _every(number, form.null_progress):
        changes["progress"] = None
    changes |= _expiry(row, form)
    if _every(number, form.last_year):
        changes["expiryDate"] = "9999-12-31T23:59:59.999Z"
    if number < form.ties:
        changes["updatedAt"] = "2024-05-06T07:08:09.123Z"
    if form.null_updates and row["state"] == "NOT_STARTED":
        changes["updatedAt"] = None
    elif form.sub_milliseconds:
        digits = f"{number * 37 % 9_000:04}"
        changes["updatedAt"] = f"{str(row['updatedAt'])[:-1]}{digits}Z"
    return changes


def _expiry(row: Members, form: PopulationForm) -> Members:
    """Return the members that the meaning of the expiry date changes."""
    expired = row["state"] == "EXPIRED"
    match form.expiry:
        case "validity" if expired and row["completedAt"] is None:
            return {"completedAt": row["startedAt"], "certificateIssuedAt": row["startedAt"]}
        case "validity" if not expired and row["state"] != "APPROVED":
            return {"expiryDate": None}
        case "due" if expired:
            return {"completedAt": None, "certificateIssuedAt": None}
        case _:
            return {}


def _every(number: int, step: int) -> bool:
    return step > 0 and number % step == step - 1


def _chosen(thing: Members, step: int) -> bool:
    return step > 0 and number_of(str(thing["id"])) % step == 0


def _cut(text: str, form: InstantFormat) -> str:
    """Return an instant without the parts that its format cannot express."""
    step = RESOLUTIONS[form]
    instant = to_nanoseconds(text)
    whole = instant // step * step
    return str(render_instant(whole, "seconds-z" if step == DAY else "milliseconds-z"))


def _change_user(user: Members, form: PopulationForm) -> Members | None:
    if _chosen(user, form.null_users):
        return None
    if form.archived:
        user["archivedAt"] = ARCHIVED_AT if _chosen(user, form.archived) else None
    if _chosen(user, form.null_names):
        user["name"] = None
    if form.emails == "all":
        user["email"] = user["email"] or f"{number_of(str(user['id']))}@example.com"
    if form.typed_fields:
        user["customFields"] = [*cast("list[Members]", user["customFields"]), *_typed_fields(user)]
    return user


def _typed_fields(user: Members) -> list[Members]:
    number = number_of(str(user["id"]))
    values = {
        "cf_score": str(number % 1_000 / 4) if number % 3 else str(number % 1_000),
        "cf_remote": "true" if number % 2 else "false",
        "cf_hired": f"20{number % 25:02}-0{number % 9 + 1}-15",
        "cf_skills": "|".join(("Excel", "Python", "Forklift")[: number % 4]),
    }
    return [
        {"customFieldId": name, "name": name[3:].title(), "value": value}
        for name, value in values.items()
    ]


def _is_seen(row: Members, form: PopulationForm) -> bool:
    if form.sees != "group":
        return form.sees == "all"
    user = cast("Members | None", row["user"])
    groups = cast("list[Members]", user["groups"]) if user else []
    return any(group["id"] == SEEN_GROUP for group in groups)


def _with_attempts(rows: Iterable[Members], form: PopulationForm) -> Iterator[Members]:
    for number, row in enumerate(rows):
        repeated = _every(number, form.attempts)
        if repeated:
            yield _earlier_attempt(row, form)
        yield row | ({"attempt": 2 if repeated else 1} if form.attempt_numbers else {})


def _earlier_attempt(row: Members, form: PopulationForm) -> Members:
    """Return a failed attempt a year before the row, of the same user and content."""
    last = str(row["updatedAt"] or ARCHIVED_AT)
    failed: Members = {
        "id": f"{row['id']}~1",
        "state": "FAILED",
        "progress": 40,
        "updatedAt": f"{int(last[:4]) - 1}-03-01{last[10:]}",
        "startedAt": None,
        "completedAt": None,
        "expiryDate": None,
        "certificateIssuedAt": None,
    }
    return row | failed | ({"attempt": 1} if form.attempt_numbers else {})
