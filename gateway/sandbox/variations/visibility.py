"""Rows that change or hide by themselves: archived people, and certificates that expire by date."""

from collections.abc import Callable

import msgspec
from msgspec import UNSET

from gateway.sandbox.instants import NANOSECONDS_PER_MICROSECOND, Clock, to_instant
from gateway.sandbox.payloads import Filters
from gateway.sandbox.records import Row, build_row, own_members
from gateway.sandbox.store import Store
from gateway.sandbox.variations.population import PopulationForm
from gateway.sandbox.variations.reader import MISSING, BodyReader

INCLUDE_ARCHIVED = "includeArchived"


class _Archived(msgspec.Struct, rename="camel"):
    archived_at: str | None = None


class _User(msgspec.Struct):
    user: _Archived | None = None


def is_archived(row: Row) -> bool:
    """Return True if the row's user has a date of archiving."""
    user = msgspec.json.decode(b"{" + row.user.text[1:], type=_User).user
    return user is not None and user.archived_at is not None


class Curtain:
    """The rule that hides the rows of archived people."""

    def __init__(self, rows: list[Row], form: PopulationForm) -> None:
        self._form = form
        users = {row.user.id: row for row in rows} if form.hidden != "never" else {}
        self._archived = {user_id for user_id, row in users.items() if is_archived(row)}

    def take(self, reader: BodyReader) -> bool:
        """Take the flag that shows archived people, if the API has one."""
        if self._form.hidden != "unless_asked":
            return False
        value = reader.take(INCLUDE_ARCHIVED)
        if value is not MISSING and not isinstance(value, bool):
            reader.refuse("boolean", INCLUDE_ARCHIVED)
        return value is True

    def draw(self, rows: list[Row], filters: Filters, *, include_archived: bool) -> list[Row]:
        """Return the rows that this request may see."""
        match self._form.hidden:
            case "never":
                return rows
            case "unless_asked":
                hides = not include_archived
            case _:
                hides = all(value is UNSET for value in msgspec.structs.astuple(filters))
        return [row for row in rows if row.user.id not in self._archived] if hides else rows


class Aging:
    """Approved rows that expire when the clock passes their date; nothing else in them changes."""

    def __init__(self, store: Store, form: PopulationForm, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._advances: Callable[[], None] = self._expire if form.by_time else _nothing
        self._until = float("-inf")

    def advance(self) -> None:
        """Let all rows expire whose date has passed since the last call."""
        self._advances()

    def _expire(self) -> None:
        since, until = self._until, to_instant(self._clock()) * NANOSECONDS_PER_MICROSECOND
        due = [
            row
            for row in self._store.rows
            if row.expiry_date is not None
            and row.state == "APPROVED"
            and since < row.expiry_date <= until
        ]
        for row in due:
            members = own_members(row) | {"state": "EXPIRED"}
            self._store.change(row, build_row(row.sequence, members, row.content, row.user))
        self._until = until


def _nothing() -> None:
    """Let no row expire."""
