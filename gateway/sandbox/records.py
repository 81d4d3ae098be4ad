"""Rows in memory: the values for filters and orders, and encoded JSON text.

A page of a thousand rows must be a join of byte strings, and a million rows must fit in memory. So
each user and each content is encoded once and shared by its rows; a row's own text contains
neither. The `text` fragments are joined in the order row, content, user: the row's opens the
object, the user's closes it.

Input is the nested shape of the API's Result schema; output is the same shape as bytes.
"""

from collections.abc import Iterable, Mapping

import msgspec

from gateway.sandbox.instants import to_nanoseconds


class User(msgspec.Struct, frozen=True, gc=False):
    """A participant; `fields` maps a custom field's id to its value, possibly null."""

    id: str | None
    groups: frozenset[str]
    fields: dict[str, str | None]
    text: bytes


class Content(msgspec.Struct, frozen=True, gc=False):
    """A course, program, document, event or quiz."""

    id: str | None
    text: bytes


class Row(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One user's result in one content; instants in nanoseconds, progress 0 to 100.

    `sequence` is the row's number in the order of insertion. It breaks ties and never changes.
    """

    sequence: int
    id: str
    user: User
    content: Content
    enrollment_type: str | None
    state: str | None
    progress: float | None
    started_at: int | None
    completed_at: int | None
    updated_at: int | None
    expiry_date: int | None
    certificate_issued_at: int | None
    text: bytes


class _Group(msgspec.Struct):
    id: str


class _CustomField(msgspec.Struct, rename="camel"):
    custom_field_id: str
    value: str | None = None


class _User(msgspec.Struct, rename="camel"):
    id: str | None = None
    groups: tuple[_Group, ...] = ()
    custom_fields: tuple[_CustomField, ...] = ()


class _Content(msgspec.Struct):
    id: str | None = None


class _Result(msgspec.Struct, rename="camel"):
    """The members that filters and orders need; all others stay encoded."""

    id: str
    enrollment_type: str | None = None
    state: str | None = None
    progress: float | None = None
    started_at: str | None = None
    completed_at: str | None = None
    updated_at: str | None = None
    expiry_date: str | None = None
    certificate_issued_at: str | None = None


def build_user(member: Mapping[str, object] | None) -> User:
    """Build the shared part of a user from the nested object (or null) of a result."""
    user = msgspec.convert(member or {}, _User)
    return User(
        id=user.id,
        groups=frozenset(group.id for group in user.groups),
        fields={field.custom_field_id: field.value for field in user.custom_fields},
        text=b',"user":%b}' % msgspec.json.encode(member),
    )


def build_content(member: Mapping[str, object] | None) -> Content:
    """Build the shared part of a content from the nested object (or null) of a result."""
    content = msgspec.convert(member or {}, _Content)
    return Content(id=content.id, text=b',"content":%b' % msgspec.json.encode(member))


def build_row(sequence: int, members: Mapping[str, object], content: Content, user: User) -> Row:
    """Build a row from the members of a result other than `user` and `content`.

    Raises:
        msgspec.ValidationError: `id` is missing, or a type is not the one that the API documents.
    """
    result = msgspec.convert(members, _Result)
    return Row(
        sequence=sequence,
        id=result.id,
        user=user,
        content=content,
        enrollment_type=result.enrollment_type,
        state=result.state,
        progress=result.progress,
        started_at=_instant(result.started_at),
        completed_at=_instant(result.completed_at),
        updated_at=_instant(result.updated_at),
        expiry_date=_instant(result.expiry_date),
        certificate_issued_at=_instant(result.certificate_issued_at),
        text=msgspec.json.encode(members)[:-1],
    )


def build_nested(sequence: int, row: Mapping[str, object]) -> Row:
    """Build a row from a whole result; its user and content are not shared.

    Raises:
        msgspec.ValidationError: `id` is missing, or a type is not the one that the API documents.
    """
    members = dict(row)
    parts = {name: members.pop(name, None) for name in ("content", "user")}
    shared = msgspec.convert(parts, dict[str, dict[str, object] | None])
    return build_row(
        sequence, members, build_content(shared["content"]), build_user(shared["user"])
    )


def own_members(row: Row) -> dict[str, object]:
    """Return a row's members other than `user` and `content`, for changes."""
    return msgspec.json.decode(row.text + b"}", type=dict[str, object])


def encode_rows(rows: Iterable[Row]) -> bytes:
    """Encode rows as the inside of a JSON array, in the given order."""
    return b",".join([b"".join((row.text, row.content.text, row.user.text)) for row in rows])


def decode_rows(rows: Iterable[Row]) -> list[dict[str, object]]:
    """Return rows in the nested shape, each as a new dict."""
    return msgspec.json.decode(b"[%b]" % encode_rows(rows), type=list[dict[str, object]])


def _instant(text: str | None) -> int | None:
    try:
        return None if text is None else to_nanoseconds(text)
    except ValueError as error:
        raise msgspec.ValidationError(str(error)) from error
