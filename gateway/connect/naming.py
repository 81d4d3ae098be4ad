"""Readable names for the model, derived from the names of properties."""

from __future__ import annotations

import re
from collections.abc import Iterable

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_+")


def words(name: str) -> str:
    """Return a property's name as words.

    >>> words("enrollmentType"), words("userId"), words("cost_centre"), words("updatedAt day")
    ('Enrollment type', 'User ID', 'Cost centre', 'Updated at day')
    """
    parts = [part for part in _HUMP.split(name) if part] or [name]
    text = " ".join("ID" if part.lower() == "id" else _lower(part) for part in parts)
    return text[:1].upper() + text[1:]


def column_names(keys: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """Return a name for each column, unique regardless of case and different from all measures.

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
    """Return a word in lower case, or as it is if it is all capitals."""
    return part if part.isupper() and len(part) > 1 else part[:1].lower() + part[1:]
