"""Names for people, made of the names that properties have."""

from __future__ import annotations

import re
from collections.abc import Iterable

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_+")


def words(name: str) -> str:
    """A property's name as words.

    >>> words("enrollmentType"), words("userId"), words("cost_centre"), words("updatedAt day")
    ('Enrollment type', 'User ID', 'Cost centre', 'Updated at day')
    """
    parts = [part for part in _HUMP.split(name) if part] or [name]
    told = " ".join("ID" if part.lower() == "id" else _lower(part) for part in parts)
    return told[:1].upper() + told[1:]


def column_names(keys: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """A name for each column, no two alike but for case, and none that a measure has.

    >>> column_names(["userName", "user_name"], ["User name"])
    {'userName': 'userName', 'user_name': 'user_name'}
    >>> column_names(["failed"], ["Failed"])
    {'failed': 'failed (column)'}
    """
    used, found = {name.lower() for name in taken}, {}
    for key in keys:
        options = (words(key), key, f"{key} (column)")
        name = next(option for option in options if option.lower() not in used)
        used.add(name.lower())
        found[key] = name
    return found


def _lower(part: str) -> str:
    """Words in lower case, what is written in capitals as it is."""
    return part if part.isupper() and len(part) > 1 else part[:1].lower() + part[1:]
