"""The `Prefer` header (RFC 7240, OData Protocol 8.2.8) as far as the service applies it.

Unknown, unsupported and malformed preferences are ignored, as 8.2.8 demands; whatever is applied
is answered in `Preference-Applied`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_PREFERENCE = re.compile(
    r"""\s*([!#$%&'*+.^_`|~\w-]+)            # name
        (?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;,"]*))?   # value, quoted or not
        (?:\s*;[^,]*)?\s*(?:,|$)             # parameters are not used by any preference we know""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the client would like; `max_page_size` is in rows, at least 1, None when not asked."""

    max_page_size: int | None = None


def parse_preferences(values: Iterable[str]) -> Preferences:
    """All `Prefer` header lines; with and without `odata.`, the latter wins (Protocol 8.2.8).

    >>> parse_preferences(["odata.maxpagesize=50, respond-async"])
    Preferences(max_page_size=50)
    >>> parse_preferences(["maxpagesize=7", "odata.maxpagesize=50"])
    Preferences(max_page_size=7)
    >>> parse_preferences(["maxpagesize=0", "=;broken"])
    Preferences(max_page_size=None)
    """
    found: dict[str, str] = {}
    for value in values:
        for match in _PREFERENCE.finditer(value):
            found.setdefault(match[1].lower(), (match[2] or "").strip('"'))
    size = found.get("maxpagesize", found.get("odata.maxpagesize", ""))
    usable = size.isascii() and size.isdigit() and len(size) < 10 and int(size) > 0
    return Preferences(int(size) if usable else None)
