"""Names of columns from the words that people call a custom field by.

BI tools take letters, digits and underscores only, and no two names that differ in case alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_OTHER = re.compile(r"[^A-Za-z0-9_]+")
_LONGEST = 120
_LITERALS = ("null", "true", "false", "inf", "nan")
_LOGIC = ("and", "or", "not", "eq", "ne", "gt", "ge", "lt", "le", "in", "has")
_WORDS = frozenset({*_LITERALS, *_LOGIC, "add", "sub", "mul", "div", "divby", "mod"})
"""Literals and operators of OData's language."""
_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "ø": "o", "å": "a", "ł": "l", "đ": "d"})


def column_name(label: str, taken: Iterable[str]) -> str:
    """The name for a label, with a number behind it where it is taken.

    >>> column_name("Cost centre (EU)", []), column_name("Größe", []), column_name("2nd job", [])
    ('Cost_centre_EU', 'Grosse', '_2nd_job')
    >>> column_name("State", ["id", "state"]), column_name("部門", []), column_name("Null", [])
    ('State_2', 'field', 'Null_2')
    """
    plain = unicodedata.normalize("NFKD", label.translate(_LETTERS)).encode("ascii", "ignore")
    name = _OTHER.sub("_", plain.decode()).strip("_")[:_LONGEST] or "field"
    return free_name(f"_{name}" if name[0].isdigit() else name, taken)


def is_word(name: str) -> bool:
    """Return whether a name means something else in a query: `null eq 'x'` reads no column."""
    return name.lower() in _WORDS


def free_name(name: str, taken: Iterable[str]) -> str:
    """The name itself, or with the first number from 2 on that makes it free.

    OData's own words are never free.
    """
    others = {*_WORDS, *(other.lower() for other in taken)}
    found, number = name, 2
    while found.lower() in others:
        found, number = f"{name}_{number}", number + 1
    return found
