"""Names of columns, made from the labels of custom fields.

BI tools accept only letters, digits and underscores, and no two names that differ in case alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_OTHER = re.compile(r"[^A-Za-z0-9_]+")
_MAX_CHARACTERS = 120
_LITERALS = ("null", "true", "false", "inf", "nan")
_LOGIC = ("and", "or", "not", "eq", "ne", "gt", "ge", "lt", "le", "in", "has")
_WORDS = frozenset({*_LITERALS, *_LOGIC, "add", "sub", "mul", "div", "divby", "mod"})
"""Literals and operators of OData's language."""
_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "ø": "o", "å": "a", "ł": "l", "đ": "d"})


def column_name(label: str, taken: Iterable[str]) -> str:
    """Return the column name for a label, with a number at its end if the name is taken.

    >>> column_name("Cost centre (EU)", []), column_name("Größe", []), column_name("2nd job", [])
    ('Cost_centre_EU', 'Grosse', '_2nd_job')
    >>> column_name("State", ["id", "state"]), column_name("部門", []), column_name("Null", [])
    ('State_2', 'field', 'Null_2')
    """
    plain = unicodedata.normalize("NFKD", label.translate(_LETTERS)).encode("ascii", "ignore")
    name = _OTHER.sub("_", plain.decode()).strip("_")[:_MAX_CHARACTERS] or "field"
    return free_name(f"_{name}" if name[0].isdigit() else name, taken)


def is_word(name: str) -> bool:
    """Return True if a name has another meaning in a query: `null eq 'x'` reads no column."""
    return name.lower() in _WORDS


def free_name(name: str, taken: Iterable[str]) -> str:
    """Return the name, with the lowest number from 2 on that makes it free if it is taken.

    Words of OData's language are never free.
    """
    others = {*_WORDS, *(other.lower() for other in taken)}
    found, number = name, 2
    while found.lower() in others:
        found, number = f"{name}_{number}", number + 1
    return found
