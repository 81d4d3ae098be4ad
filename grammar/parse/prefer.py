"""The `Prefer` header (RFC 7240; Part 1, 8.2.8): text to preferences, known or unknown."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from grammar.errors import ODataSyntaxError

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE = rf'(?:{_WORD}|"(?:[^"\\]|\\.)*+")'
_PAIR = rf"({_WORD})(?:[ \t]*+=[ \t]*+({_VALUE}))?+[ \t]*+"
_PREFERENCE = re.compile(rf"[ \t]*+{_PAIR}((?:;[ \t]*+(?:{_PAIR})?+)*+)(?:,|$)")
_PARAMETER = re.compile(rf";[ \t]*+{_PAIR}")
_PREFIX = "odata."


@dataclass(frozen=True, slots=True)
class Preference:
    """`name=value;parameter=value`, one item of a Prefer header.

    Attributes:
        name: in lower case, without the prefix `odata.`.
        value: unquoted; empty when absent.
        parameters: names in lower case, values unquoted, in order.
        written: the item as the client wrote it, for passing it on.
    """

    name: str
    value: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    written: str = field(default="", compare=False, repr=False)

    @property
    def has_prefix(self) -> bool:
        """True if the client wrote the name with `odata.`."""
        return self.written.lower().startswith(_PREFIX)


def parse_prefer(text: str, *, skip_malformed: bool = False) -> tuple[Preference, ...]:
    """Parse the decoded value of a Prefer header into its preferences, in order.

    With `skip_malformed`, text that is no preference is left out up to the next comma: a service
    ignores preferences that it does not understand.

    >>> parse_prefer('odata.maxpagesize=50, respond-async')
    (Preference(name='maxpagesize', value='50', parameters=()), \
Preference(name='respond-async', value='', parameters=()))
    >>> [preference.name for preference in parse_prefer('=, a b, wait=5', skip_malformed=True)]
    ['wait']

    Raises:
        ODataSyntaxError: an item is malformed and must not be skipped.
    """
    preferences: list[Preference] = []
    position = 0
    while position < len(text):
        match = _PREFERENCE.match(text, position)
        if match:
            preferences.append(_preference(match))
            position = match.end()
        elif skip_malformed:
            position = text.find(",", position) + 1 or len(text)
        else:
            message = "not a preference"
            raise ODataSyntaxError(message, text=text, position=position, option="Prefer")
    return tuple(preferences)


def _preference(match: re.Match[str]) -> Preference:
    pairs = _PARAMETER.findall(match[3])
    return Preference(
        name=match[1].lower().removeprefix(_PREFIX),
        value=_unquoted(match[2]),
        parameters=tuple((name.lower(), _unquoted(value)) for name, value in pairs),
        written=match[0].strip(" \t,"),
    )


def _unquoted(text: str | None) -> str:
    if not text or text[0] != '"':
        return text or ""
    return re.sub(r"\\(.)", r"\1", text[1:-1])
