"""The key, the person and the content of a row, as an API publishes them.

Each `render_...` function returns the members that it adds to the row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from gateway.sandbox.variations.numbers import number_of

Members = dict[str, object]


@dataclass(frozen=True, slots=True)
class KeyForm:
    """The identity of a row.

    Attributes:
        name: the member's name, or None without a key.
        shape: text, number, or `{"$oid": text}`.
        null_until_started: True if rows that are not started have no id yet.
    """

    name: str | None = "id"
    shape: Literal["text", "number", "mongo"] = "text"
    null_until_started: bool = False


@dataclass(frozen=True, slots=True)
class PersonForm:
    """The user of a row.

    Attributes:
        member: the name of the object, or the prefix of flat members.
        shape: `nested` is an object, `flat` are members such as `userId`, `id_only` is the id.
        id: the name of the id, or None without one; flat members capitalize it after the prefix.
        id_number: True if the id is a number.
        name: `text`, `split` into first and last name, `languages` by language, or `absent`.
        name_member: the name of the name.
        email: the name of the address, or None without one.
        avatar: the name of the picture's URL, or None without one.
    """

    member: str = "user"
    shape: Literal["nested", "flat", "id_only"] = "nested"
    id: str | None = "id"
    id_number: bool = False
    name: Literal["text", "split", "languages", "absent"] = "text"
    name_member: str = "name"
    email: str | None = "email"
    avatar: str | None = "avatar"


@dataclass(frozen=True, slots=True)
class ContentForm:
    """The content of a row; the attributes are those of `PersonForm`."""

    member: str = "content"
    shape: Literal["nested", "flat", "id_only"] = "nested"
    id: str = "id"
    id_number: bool = False
    name: Literal["text", "languages"] = "text"
    name_member: str = "name"
    type_member: str | None = "type"


def render_key(row_id: str, form: KeyForm, *, started: bool) -> Members:
    """Render the id of a row."""
    if form.name is None:
        return {}
    if form.null_until_started and not started:
        return {form.name: None}
    match form.shape:
        case "number":
            return {form.name: number_of(row_id)}
        case "mongo":
            return {form.name: {"$oid": row_id}}
        case _:
            return {form.name: row_id}


def render_person(user: Mapping[str, object] | None, form: PersonForm) -> Members:
    """Render the user, without groups and custom fields."""
    if user is None:
        return _place(None, form.member, form.shape, _person_names(form))
    members: Members = {}
    if form.id is not None:
        members[form.id] = _id(user.get("id"), number=form.id_number)
    members |= _person_name(user.get("name"), form)
    members |= {wire: user.get("email") for wire in [form.email] if wire}
    members |= {wire: user.get("avatar") for wire in [form.avatar] if wire}
    members |= {name: user[name] for name in user.keys() - _KNOWN_USER}
    return _place(members, form.member, form.shape, list(members))


_KNOWN_USER = {"id", "name", "email", "avatar", "groups", "customFields"}


def _person_names(form: PersonForm) -> list[str]:
    names = {"split": ["firstName", "lastName"], "absent": []}.get(form.name, [form.name_member])
    return [name for name in (form.id, *names, form.email, form.avatar) if name]


def _person_name(name: object, form: PersonForm) -> Members:
    match form.name:
        case "absent":
            return {}
        case "split":
            first, last = split_name(cast("str | None", name))
            return {"firstName": first, "lastName": last}
        case "languages":
            return {form.name_member: _by_language(name)}
        case _:
            return {form.name_member: name}


def split_name(name: str | None) -> tuple[str | None, str | None]:
    """Split a name at its last blank; both parts joined by a blank are the name again.

    >>> split_name("Ludwig van der Berg"), split_name("Ada"), split_name(None)
    (('Ludwig van der', 'Berg'), ('Ada', None), (None, None))
    """
    first, _, last = (name or "").rpartition(" ")
    return (first, last) if first and last else (name, None)


def _by_language(name: object) -> object:
    return None if name is None else {"en": name, "de": f"{name} (de)"}


def _id(value: object, *, number: bool) -> object:
    return number_of(value) if number and isinstance(value, str) else value


def render_content(content: Mapping[str, object] | None, form: ContentForm) -> Members:
    """Render the content."""
    names = [name for name in (form.id, form.name_member, form.type_member) if name]
    if content is None:
        return _place(None, form.member, form.shape, names)
    name = content.get("name")
    members: Members = {
        form.id: _id(content.get("id"), number=form.id_number),
        form.name_member: _by_language(name) if form.name == "languages" else name,
    }
    members |= {wire: content.get("type") for wire in [form.type_member] if wire}
    return _place(members, form.member, form.shape, names)


def _place(members: Members | None, member: str, shape: str, names: list[str]) -> Members:
    """Return the row's members for an object; without one, null members."""
    known: Members = dict.fromkeys(names) if members is None else members
    match shape:
        case "flat":
            return {flat_name(member, name): value for name, value in known.items()}
        case "id_only":
            return {member: next(iter(known.values()), None)}
        case _:
            return {member: members}


def flat_name(prefix: str, name: str) -> str:
    """Return the name of a flat member.

    >>> flat_name("user", "id"), flat_name("user", "_id"), flat_name("", "email")
    ('userId', 'user_id', 'email')
    """
    return f"{prefix}{name[:1].upper()}{name[1:]}" if prefix else name
