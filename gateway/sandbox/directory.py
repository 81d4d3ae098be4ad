"""Generated users, with groups and custom fields, and generated contents.

Awkward names come early, so that a few hundred users have them all, and are rarer later. Some ids
end in characters that need escaping in a URL, a JSON text or an OData literal. They stay unique,
because the awkward part follows the number.
"""

from gateway.sandbox.draws import Draw
from gateway.sandbox.records import Content, User, build_content, build_user
from gateway.sandbox.vocabulary import (
    AWKWARD_ID_ENDS,
    AWKWARD_TEXTS,
    CONTENT_TYPES,
    CUSTOM_FIELDS,
    FIRST_NAMES,
    GROUP_NAMES,
    LAST_NAMES,
    TOPICS,
)

_NAMES_PER_EARLY_AWKWARD_ONE = 5
"""One name in five is awkward, until each awkward name has occurred."""
_AWKWARD_NAME_PROBABILITY = 1 / 20
_AWKWARD_ID_PROBABILITY = 1 / 40
_MAX_GROUPS_PER_USER = 4


def build_users(count: int, draw: Draw) -> list[User]:
    """Build users, from `usr-000000` on."""
    return [build_user(_user(number, draw)) for number in range(count)]


def build_contents(count: int, draw: Draw) -> list[Content]:
    """Build contents, from `cnt-0000` on."""
    return [build_content(_content(number, draw)) for number in range(count)]


def awkward_id(text: str, draw: Draw) -> str:
    """Return the id, sometimes with an end that needs escaping."""
    return text + draw.pick(AWKWARD_ID_ENDS) if draw.chance(_AWKWARD_ID_PROBABILITY) else text


def _user(number: int, draw: Draw) -> dict[str, object]:
    first, last = draw.pick(FIRST_NAMES), draw.pick(LAST_NAMES)
    avatar = f"https://cdn.example.com/avatars/{number:06}.png"
    return {
        "id": awkward_id(f"usr-{number:06}", draw),
        "name": _name(number, f"{first} {last}", draw),
        "email": _email(f"{first}.{last}", number, draw),
        "avatar": avatar if draw.chance(0.4) else None,
        "groups": _groups(draw),
        "customFields": _custom_fields(draw),
    }


def _content(number: int, draw: Draw) -> dict[str, object]:
    return {
        "id": awkward_id(f"cnt-{number:04}", draw),
        "name": _name(number, f"{draw.pick(TOPICS)} {number}", draw),
        "type": draw.pick(CONTENT_TYPES),
    }


def _name(number: int, ordinary: str, draw: Draw) -> str:
    turn, place = divmod(number, _NAMES_PER_EARLY_AWKWARD_ONE)
    if turn < len(AWKWARD_TEXTS):
        return AWKWARD_TEXTS[turn] if place == _NAMES_PER_EARLY_AWKWARD_ONE - 1 else ordinary
    return draw.pick(AWKWARD_TEXTS) if draw.chance(_AWKWARD_NAME_PROBABILITY) else ordinary


def _email(name: str, number: int, draw: Draw) -> str | None:
    if draw.chance(0.05):
        return None
    local = "".join(letter for letter in name.lower() if letter.isalnum() or letter == ".")
    return f"{local}+{number}@example.com" if draw.chance(0.1) else f"{local}{number}@example.com"


def _groups(draw: Draw) -> list[dict[str, str]]:
    """Return up to four different groups."""
    numbers = {draw.below(len(GROUP_NAMES)) for _ in range(draw.below(_MAX_GROUPS_PER_USER + 1))}
    return [{"id": f"grp-{number:02}", "name": GROUP_NAMES[number]} for number in sorted(numbers)]


def _custom_fields(draw: Draw) -> list[dict[str, str | None]]:
    """Return a value for most fields and null for some; other fields are missing."""
    fields: list[dict[str, str | None]] = []
    for field_id, name, values in CUSTOM_FIELDS:
        if draw.chance(0.9):
            value = None if draw.chance(0.1) else draw.pick(values)
            fields.append({"customFieldId": field_id, "name": name, "value": value})
    return fields
