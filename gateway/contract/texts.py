"""The text in a text column for a value that is not text.

Custom fields may hold numbers, yes and no, or lists; each value has one text, the same in all
extracts, so that it can be grouped and compared.
"""

from __future__ import annotations

from typing import Any

import msgspec

_MIN_ROUNDED_INTEGER = 2**53
"""From here on a Double may be a rounded whole number."""


def text_of(value: Any) -> str:
    """Return a text unchanged, and any other JSON value in its shortest notation.

    >>> text_of(5.0), text_of(True), text_of({"b": [1, "ü"], "a": None}), text_of("5")
    ('5', 'true', '{"a":null,"b":[1,"ü"]}', '5')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < _MIN_ROUNDED_INTEGER:
        return str(int(value))
    return msgspec.json.encode(value, order="deterministic").decode()


def may_be_made(text: str) -> bool:
    """Return True if `text_of` also returns this text for a value that is not text.

    A filter for such a text cannot be sent: the upstream may compare texts only with texts.

    >>> may_be_made("5"), may_be_made("05"), may_be_made("Sales"), may_be_made("true")
    (True, False, False, True)
    """
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return value is not None and not isinstance(value, str) and text_of(value) == text
