"""What each terminal of `odata.lark` becomes: a Literal, a checked name, an operator in lower case.

These are the terminals of expressions; others stand beside the rules that use them.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Callable
from decimal import Decimal

from grammar.errors import BuilderError
from grammar.parse import canonical
from grammar.parse.lalr_runtime import BLANKS
from grammar.tree.expressions import Literal, LiteralKind

MAX_IDENTIFIER = 128
_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_MAX_DIGITS = 400
_LETTERS = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Nl"})
_PARTS = _LETTERS | {"Nd", "Mn", "Mc", "Pc", "Cf"}
# Categories of what office programs make of straight quotes, blanks and minus signs.
_LOOKALIKES = {
    "Pi": "text stands in straight single quotes: 'text'",
    "Pf": "text stands in straight single quotes: 'text'",
    "Ps": "text stands in straight single quotes: 'text'",
    "Zs": "it looks like a blank: type it anew",
    "Pd": "it looks like a minus sign: type it anew",
}

_NULL = Literal(LiteralKind.NULL, None)
_BOOLEANS = {
    "true": Literal(LiteralKind.BOOLEAN, True),
    "false": Literal(LiteralKind.BOOLEAN, False),
}
# One NaN object: a tuple, hence a node, compares items by identity first, so NaN equals itself.
_NON_FINITE = {
    "INF": Literal(LiteralKind.DOUBLE, math.inf),
    "-INF": Literal(LiteralKind.DOUBLE, -math.inf),
    "NaN": Literal(LiteralKind.DOUBLE, math.nan),
}


def name(text: str) -> str:
    """Check a possibly qualified name (ABNF `odataIdentifier`): letters, digits, 128 characters."""
    if text.isascii() and len(text) <= MAX_IDENTIFIER:
        return text
    if max(map(len, text.split("."))) > MAX_IDENTIFIER:
        raise BuilderError(f"a name has at most {MAX_IDENTIFIER} characters")
    for place, character in enumerate(text):
        allowed = _PARTS if place and text[place - 1] != "." else _LETTERS
        if not character.isascii() and unicodedata.category(character) not in allowed:
            hint = _LOOKALIKES.get(unicodedata.category(character), "")
            message = f"the character U+{ord(character):04X} cannot stand in a name"
            raise BuilderError(message, hint=hint, at=place)
    return text


def annotation(text: str) -> str:
    """`@Namespace.Term#Qualifier`: check the names in it."""
    name(text[1:].replace("#", "."))
    return text


def step(text: str) -> str:
    """`/Name` or `/@Namespace.Term` -> without the slash."""
    return annotation(text[1:]) if text[1] == "@" else name(text[1:])


def opened(text: str) -> str:
    """`Name(` or `/Name(` -> Name."""
    return name(text.rstrip(f"({BLANKS}").removeprefix("/"))


def string(text: str) -> Literal:
    """Without the quotes around it, a doubled quote inside made one."""
    return Literal(LiteralKind.STRING, text[1:-1].replace("''", "'"))


def number(text: str) -> Literal:
    """Digits alone are an integer, a point makes a Decimal, an exponent a Double.

    The letters of OData 2 and 3 say it otherwise: `d` and `f` Double, `m` Decimal, `L` integer.
    """
    digits = text.rstrip("dDfFlLmM")
    suffix = text[len(digits) :].lower()
    if suffix in ("d", "f") or (not suffix and "e" in text.lower()):
        return _double(digits)
    if suffix == "l" and not digits.lstrip("+-").isdigit():
        raise BuilderError("a number with the suffix 'L' has neither point nor exponent")
    if suffix == "m":
        return _decimal(digits)
    return _exact(text.rstrip("lL"))


def _double(text: str) -> Literal:
    value = float(text)
    if math.isinf(value):
        raise BuilderError("the number is out of the range of Edm.Double")
    return Literal(LiteralKind.DOUBLE, value)


def _decimal(text: str) -> Literal:
    if "e" in text.lower():
        raise BuilderError("a number with the suffix 'm' has no exponent")
    return _exact(text if "." in text else f"{text}.0")


def _exact(text: str) -> Literal:
    if len(text) > _MAX_DIGITS:
        raise BuilderError(f"a number has at most {_MAX_DIGITS} digits")
    if "." in text:
        return Literal(LiteralKind.DECIMAL, Decimal(text))
    return Literal(LiteralKind.INTEGER, int(text))


def boolean(text: str) -> Literal:
    """`true` and `false` in any case."""
    return _BOOLEANS[text.lower()]


def non_finite(text: str) -> Literal:
    """INF, -INF, NaN, in exactly this case."""
    return _NON_FINITE[text]


def quoted(text: str) -> Literal:
    """`prefix'value'`: duration, binary, geography, geometry, or the name of an enumeration.

    `guid'...'` is OData 2 and 3, which some clients still send.
    """
    prefix, _, value = text[:-1].partition("'")
    match prefix.lower():
        case "guid" if _GUID.fullmatch(value):
            return guid(value)
        case "duration":
            return Literal(LiteralKind.DURATION, canonical.duration(value))
        case "binary":
            return Literal(LiteralKind.BINARY, canonical.binary(value))
        case "geography":
            return Literal(LiteralKind.GEOGRAPHY, canonical.geo(value))
        case "geometry":
            return Literal(LiteralKind.GEOMETRY, canonical.geo(value))
    if "." not in prefix:
        raise canonical.foreign_prefix(prefix, value)
    return Literal(LiteralKind.ENUM, canonical.enumeration(value), name(prefix))


def guid(text: str) -> Literal:
    """Lower case."""
    return Literal(LiteralKind.GUID, text.lower())


def date(text: str) -> Literal:
    """See `canonical.date`."""
    return Literal(LiteralKind.DATE, canonical.date(text))


def time_of_day(text: str) -> Literal:
    """See `canonical.time_of_day`."""
    return Literal(LiteralKind.TIME_OF_DAY, canonical.time_of_day(text))


def date_time_offset(text: str) -> Literal:
    """See `canonical.date_time_offset`."""
    return Literal(LiteralKind.DATE_TIME_OFFSET, canonical.date_time_offset(text))


def json_string(text: str) -> str:
    """A JSON string -> its value."""
    try:
        value = str(json.loads(text))
        value.encode()
    except ValueError as error:
        raise BuilderError("not a JSON string", hint='inside, write \\" and \\\\') from error
    return value


def word(text: str) -> str:
    """An operator or direction without the blanks around it, in lower case."""
    return text.strip(BLANKS).lower()


LITERAL_AND_NAME_TERMINALS: dict[str, Callable[[str], object]] = {
    "STRING": string,
    "NUMBER": number,
    "QUOTED": quoted,
    "GUID": guid,
    "DATE_TIME_OFFSET": date_time_offset,
    "DATE": date,
    "TIME_OF_DAY": time_of_day,
    "BOOLEAN": boolean,
    "NULL": lambda _: _NULL,
    "NON_FINITE": non_finite,
    "JSON_STRING": json_string,
    "NAME": name,
    "ANNOTATION": annotation,
    "ALIAS": lambda text: name(text[1:]),
    "COLLECTION_TYPE": lambda text: f"Collection({name(text[11:-1])})",
    "STEP": step,
    "STEP_STAR": lambda _: "*",
    "FUNCTION": opened,
    "KEYED": opened,
    "STEP_CALL": opened,
    "LAMBDA": lambda text: opened(text).lower(),
    "QUALIFIED_STAR": lambda text: f"{name(text[:-2])}.*",
    "OR": word,
    "AND": word,
    "EQUALITY": word,
    "RELATION": word,
    "ADDITION": word,
    "MULTIPLICATION": word,
    "HAS": word,
    "IN": word,
    "NOT": word,
    "MINUS": word,
    "DIRECTION": word,
}
