"""Readable names for the model, derived from the names of properties."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.edm.labels import words


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
