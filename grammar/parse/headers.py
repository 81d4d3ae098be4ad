"""Values of OData's headers and preferences (Part 1, 8), as far as they have a syntax of their own.

Input: the decoded text of one header value, without its name. Nothing here says what a service does
with it; unknown preferences are well-formed, because a service must ignore them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from grammar.errors import ODataSyntaxError

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE = rf'(?:{_WORD}|"(?:[^"\\]|\\.)*+")'
_PAIR = rf"({_WORD})(?:[ \t]*+=[ \t]*+({_VALUE}))?+[ \t]*+"
_PREFERENCE = re.compile(rf"[ \t]*+{_PAIR}((?:;[ \t]*+(?:{_PAIR})?+)*+)(?:,|$)")
_PARAMETER = re.compile(rf";[ \t]*+{_PAIR}")

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


@dataclass(frozen=True, slots=True)
class Preference:
    """`name=value;parameter=value`; `name` in lower case without `odata.`, values unquoted."""

    name: str
    value: str = ""
    parameters: tuple[tuple[str, str], ...] = ()


def parse_prefer(text: str) -> tuple[Preference, ...]:
    """The value of a Prefer header (RFC 7240), all preferences in order.

    >>> parse_prefer('odata.maxpagesize=50, respond-async')
    (Preference(name='maxpagesize', value='50', parameters=()), \
Preference(name='respond-async', value='', parameters=()))

    Raises:
        ODataSyntaxError: for what is no list of preferences, and for an OData preference with a
            value that it cannot have. Who must ignore malformed ones parses them one by one.
    """
    preferences: list[Preference] = []
    position = 0
    while position < len(text):
        match = _PREFERENCE.match(text, position)
        if match is None:
            raise ODataSyntaxError("no preference", text=text, position=position, option="Prefer")
        preferences.append(_preference(match, text))
        position = match.end()
    return tuple(preferences)


def check_header(name: str, text: str) -> None:
    """Refuse a value that the header `name` (any case) cannot have; unknown headers pass."""
    pattern = HEADERS.get(name.lower())
    if pattern and not re.fullmatch(pattern, text.strip(" \t")):
        raise ODataSyntaxError(f"no value for {name}", text=text, option=name)


def _preference(match: re.Match[str], text: str) -> Preference:
    name = match[1].lower().removeprefix("odata.")
    value = _unquoted(match[2])
    if not re.fullmatch(PREFERENCES.get(name, "(?s:.*)"), value):
        message = f"'{value}' is no value for the preference {name}"
        raise ODataSyntaxError(message, text=text, position=match.start(), option="Prefer")
    parameters = _PARAMETER.findall(match[3])
    return Preference(name, value, tuple((key.lower(), _unquoted(v)) for key, v in parameters))


def _unquoted(text: str | None) -> str:
    if not text or text[0] != '"':
        return text or ""
    return re.sub(r"\\(.)", r"\1", text[1:-1])
