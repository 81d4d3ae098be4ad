"""Texts that list groups -> what separates them."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SEPARATORS = ("|", ";", ",")
_ID = re.compile(r"[\w.:/@-]{1,100}")


def find_separator(texts: Sequence[object]) -> tuple[str, bool]:
    """Return the separator, and True if it is certain: all parts look like ids, not like names.

    >>> find_separator(["g-1,g-2", "g-3"]), find_separator(["Sales, EMEA; Berlin"])
    ((',', True), (';', True))
    >>> find_separator(["Sales, EMEA"])
    (',', False)
    """
    known = [text for text in texts if isinstance(text, str) and text.strip()]
    for separator in _SEPARATORS[:-1]:
        if any(separator in text for text in known):
            return separator, True
    parts = [part.strip() for text in known for part in text.split(",") if part.strip()]
    return ",", all(_ID.fullmatch(part) for part in parts)
