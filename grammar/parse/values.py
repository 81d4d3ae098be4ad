"""Primitive values in payloads, defaults and key segments (ABNF section 6).

Their type is known, so they have no quotes and no prefix: `2024-02-29`, `P1D`, `O'Neil`. The text
is stricter than in a URL: `true` in lower case, offsets with their plus sign.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from grammar.errors import BuilderError, ODataSyntaxError
from grammar.parse import canonical, terminals
from grammar.tree.expressions import Literal, LiteralKind

_INTEGER = r"[-+]?[0-9]{1,19}"
_NUMBER = r"[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|-?INF|NaN"
_DATE = r"-?[0-9]{4,}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?"
_GUID = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"


def _number(text: str) -> Literal:
    finite = text.lstrip("+-")[0].isdigit()
    return terminals.number(text) if finite else terminals.non_finite(text)


def _of(kind: LiteralKind, read: Callable[[str], str]) -> Callable[[str], Literal]:
    return lambda text: Literal(kind, read(text))


_READERS: dict[str, tuple[str, Callable[[str], Literal]]] = {
    "Edm.Boolean": ("true|false", terminals.boolean),
    **dict.fromkeys(
        ("Edm.Byte", "Edm.SByte", "Edm.Int16", "Edm.Int32", "Edm.Int64"),
        (_INTEGER, terminals.number),
    ),
    **dict.fromkeys(("Edm.Decimal", "Edm.Double", "Edm.Single"), (_NUMBER, _number)),
    "Edm.String": (r"(?s:.*)", lambda text: Literal(LiteralKind.STRING, text)),
    "Edm.Date": (_DATE, terminals.date),
    "Edm.TimeOfDay": (_TIME, terminals.time_of_day),
    "Edm.DateTimeOffset": (
        rf"{_DATE}[Tt]{_TIME}(?:[Zz]|[-+][0-9]{{2}}:[0-9]{{2}})",
        terminals.date_time_offset,
    ),
    "Edm.Duration": (r"[^+].*", _of(LiteralKind.DURATION, canonical.duration)),
    "Edm.Guid": (_GUID, terminals.guid),
    "Edm.Binary": (r"[0-9A-Za-z_=-]*", _of(LiteralKind.BINARY, canonical.binary)),
}


def parse_value(text: str, type_name: str) -> Literal:
    """Parse the text of a value of a type; a type without `Edm.` is an enumeration.

    The binder checks the ranges of integer types.

    >>> parse_value("2024-02-29", "Edm.Date").kind
    <LiteralKind.DATE: 'Edm.Date'>

    Raises:
        ODataSyntaxError: the text is not a value of that type.
    """
    pattern, read = _reader(type_name)
    if not re.fullmatch(pattern, text):
        raise ODataSyntaxError(f"not a value of type {type_name}", text=text)
    try:
        return read(text)
    except BuilderError as error:
        raise ODataSyntaxError(error.message, text=text, hint=error.hint) from None


def _reader(type_name: str) -> tuple[str, Callable[[str], Literal]]:
    if type_name in _READERS:
        return _READERS[type_name]
    for prefix, kind in (
        ("Edm.Geography", LiteralKind.GEOGRAPHY),
        ("Edm.Geometry", LiteralKind.GEOMETRY),
    ):
        if type_name.startswith(prefix):
            return "(?s:.*)", _of(kind, canonical.geo)
    if type_name.startswith("Edm."):
        raise ODataSyntaxError(f"not a primitive type: {type_name}")
    return "(?s:.*)", lambda text: Literal(LiteralKind.ENUM, canonical.enumeration(text), type_name)
