"""Names for people of tables, columns and listed values: the owner's, or made from the name."""

from __future__ import annotations

import re

from gateway.edm.model import EntitySet, Property

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_+")


def words(name: str) -> str:
    """Return a name of the model as words.

    >>> words("enrollmentType"), words("userId"), words("cost_centre"), words("updatedAt day")
    ('Enrollment type', 'User ID', 'Cost centre', 'Updated at day')
    """
    parts = [part for part in _HUMP.split(name) if part] or [name]
    text = " ".join("ID" if part.lower() == "id" else _lower(part) for part in parts)
    return text[:1].upper() + text[1:]


def _lower(part: str) -> str:
    """Return a word in lower case, or as it is if it is all capitals."""
    return part if part.isupper() and len(part) > 1 else part[:1].lower() + part[1:]


def column_label(prop: Property) -> str:
    """Return the name of a column for people.

    >>> from gateway.edm.types import PrimitiveType
    >>> column_label(Property("jobTitle", PrimitiveType.STRING))
    'Job title'
    """
    return prop.label if prop.label and prop.label != prop.name else words(prop.name)


def table_label(entity_set: EntitySet) -> str:
    """Return the name of a table for people."""
    return entity_set.title or words(entity_set.name)


def value_label(prop: Property, value: str) -> str:
    """Return a listed value for people; other values are data and stay as they are.

    >>> from gateway.edm.types import PrimitiveType
    >>> state = Property("state", PrimitiveType.STRING, known_values=("NOT_STARTED", "open"))
    >>> value_label(state, "NOT_STARTED"), value_label(state, "open"), value_label(state, "A_B")
    ('Not started', 'open', 'A_B')
    """
    named = dict(prop.value_labels)
    if value in named:
        return named[value]
    return words(value.lower()) if value in prop.known_values and value.isupper() else value
