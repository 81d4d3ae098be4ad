"""Values of OData's headers and preferences (Part 1, 8), as strict as the standard's cases.

The service ignores a preference with a wrong value, so only these checks need the patterns.
"""

from __future__ import annotations

import re

from grammar import ODataSyntaxError, Preference, parse_prefer

_NAMESPACE = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_ANNOTATION = rf"-?(?:\*|{_NAMESPACE}\.\*|{_NAMESPACE})(?:#[^\W\d]\w*)?"
_BOOLEAN = "(?:true|false)?"

# Preferences of Part 1, 8.2.8, without the prefix `odata.`, and what their value looks like.
PREFERENCES: dict[str, str] = {
    "allow-entityreferences": "",
    "callback": "",
    "continue-on-error": _BOOLEAN,
    "include-annotations": rf"{_ANNOTATION}(?:,{_ANNOTATION})*",
    "maxpagesize": "[1-9][0-9]*",
    "omit-values": "nulls|defaults",
    "respond-async": "",
    "return": "representation|minimal",
    "track-changes": "",
    "wait": "[0-9]+",
}
# Other headers, in lower case, and what their value looks like.
HEADERS: dict[str, str] = {
    "asyncresult": "[1-5][0-9][0-9]",
    "content-id": r"[0-9A-Za-z._~-]+",
    "isolation": "snapshot",
    "odata-entityid": r"\S+",
    "odata-error": r"\{.*\}",
    "odata-isolation": "snapshot",
    "odata-maxversion": r"[0-9]+\.[0-9]+",
    "odata-version": r"4\.0|4\.01",
}


def check_prefer(text: str) -> tuple[Preference, ...]:
    """Parse a Prefer header and refuse an OData preference with a value that it cannot have."""
    preferences = parse_prefer(text)
    for preference in preferences:
        pattern = PREFERENCES.get(preference.name, "(?s:.*)")
        if not re.fullmatch(pattern, preference.value):
            message = f"'{preference.value}' is not a value of the preference {preference.name}"
            raise ODataSyntaxError(message, text=text, option="Prefer")
    return preferences


def check_header(name: str, text: str) -> None:
    """Refuse a value that the header `name` (any case) cannot have; unknown headers pass."""
    pattern = HEADERS.get(name.lower())
    if pattern and not re.fullmatch(pattern, text.strip(" \t")):
        raise ODataSyntaxError(f"not a value of {name}", text=text, option=name)
