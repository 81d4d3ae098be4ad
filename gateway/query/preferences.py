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
_BOOLEANS = {"": True, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the client would like; None when not asked.

    `max_page_size` is in rows, at least 1. `continue_on_error` is about a `$batch`.
    """

    max_page_size: int | None = None
    continue_on_error: bool | None = None


def parse_preferences(values: Iterable[str]) -> Preferences:
    """All `Prefer` header lines; with and without `odata.`, the latter wins (Protocol 8.2.8).

    >>> parse_preferences(["odata.maxpagesize=50, respond-async"])
    Preferences(max_page_size=50, continue_on_error=None)
    >>> parse_preferences(["maxpagesize=7", "odata.maxpagesize=50"])
    Preferences(max_page_size=7, continue_on_error=None)
    >>> parse_preferences(["maxpagesize=0", "=;broken"])
    Preferences(max_page_size=None, continue_on_error=None)
    >>> parse_preferences(["odata.continue-on-error"]).continue_on_error
    True
    """
    found: dict[str, str] = {}
    for value in values:
        for match in _PREFERENCE.finditer(value):
            found.setdefault(match[1].lower(), (match[2] or "").strip('"'))
    size = found.get("maxpagesize", found.get("odata.maxpagesize", ""))
    usable = size.isascii() and size.isdigit() and len(size) < 10 and int(size) > 0
    going_on = found.get("continue-on-error", found.get("odata.continue-on-error", "unknown"))
    return Preferences(int(size) if usable else None, _BOOLEANS.get(going_on.lower()))


def merge_preferences(own: Iterable[str], inherited: Iterable[str]) -> str:
    """One `Prefer` value: all of `own`, and what of `inherited` it does not speak of.

    >>> merge_preferences(["odata.maxpagesize=2"], ["maxpagesize=9, respond-async"])
    'odata.maxpagesize=2, respond-async'
    """
    kept = [match for value in own for match in _PREFERENCE.finditer(value)]
    spoken_of = {_bare_name(match) for match in kept}
    for value in inherited:
        kept += [m for m in _PREFERENCE.finditer(value) if _bare_name(m) not in spoken_of]
    return ", ".join(match[0].strip(" \t,") for match in kept)


def _bare_name(match: re.Match[str]) -> str:
    return match[1].lower().removeprefix("odata.")
