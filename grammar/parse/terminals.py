"""Conversion of terminals: to a Literal, a checked name, an operator in lower case.

These are the terminals of expressions; others are next to the rules that use them.
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

MAX_IDENTIFIER_CHARACTERS = 128
_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_MAX_NUMBER_CHARACTERS = 400
_LETTERS = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Nl"})
_PARTS = _LETTERS | {"Nd", "Mn", "Mc", "Pc", "Cf"}
# Unicode categories of the characters that office programs put for quotes, spaces and minus signs.
_LOOKALIKES = {
    "Pi": "put text in straight single quotes: 'text'",
    "Pf": "put text in straight single quotes: 'text'",
    "Ps": "put text in straight single quotes: 'text'",
    "Zs": "it looks like a space: type it again",
    "Pd": "it looks like a minus sign: type it again",
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
    """Check a name, qualified or not (ABNF `odataIdentifier`): letters and digits, up to 128."""
    if text.isascii() and len(text) <= MAX_IDENTIFIER_CHARACTERS:
        return text
    if max(map(len, text.split("."))) > MAX_IDENTIFIER_CHARACTERS:
        raise BuilderError(f"a name has at most {MAX_IDENTIFIER_CHARACTERS} characters")
    for index, character in enumerate(text):
        allowed = _PARTS if index and text[index - 1] != "." else _LETTERS
        if not character.isascii() and unicodedata.category(character) not in allowed:
            hint = _LOOKALIKES.get(unicodedata.category(character), "")
            message = f"the character U+{ord(character):04X} is not allowed in a name"
            raise BuilderError(message, hint=hint, at=index)
    return text


def annotation(text: str) -> str:
    """Check the names in `@Namespace.Term#Qualifier`."""
    name(text[1:].replace("#", "."))
    return text


def step(text: str) -> str:
    """Check `/Name` or `/@Namespace.Term` and remove the slash."""
    return annotation(text[1:]) if text[1] == "@" else name(text[1:])


def opened(text: str) -> str:
    """Return the name in `Name(` or `/Name(`."""
    return name(text.rstrip(f"({BLANKS}").removeprefix("/"))


def string(text: str) -> Literal:
    """Remove the quotes, and halve doubled quotes inside."""
    return Literal(LiteralKind.STRING, text[1:-1].replace("''", "'"))


def number(text: str) -> Literal:
    """Convert digits to an integer, with a point to a Decimal, with an exponent to a Double.

    The suffixes of OData 2 and 3 override this: `d` and `f` Double, `m` Decimal, `L` integer.
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
    if len(text) > _MAX_NUMBER_CHARACTERS:
        raise BuilderError(f"a number has at most {_MAX_NUMBER_CHARACTERS} digits")
    if "." in text:
        return Literal(LiteralKind.DECIMAL, Decimal(text))
    return Literal(LiteralKind.INTEGER, int(text))


def boolean(text: str) -> Literal:
    """Convert `true` or `false` in any case."""
    return _BOOLEANS[text.lower()]


def non_finite(text: str) -> Literal:
    """Convert INF, -INF or NaN, in exactly this case."""
    return _NON_FINITE[text]


def quoted(text: str) -> Literal:
    """Convert `prefix'value'`: duration, binary, geography, geometry, or an enumeration.

    Some clients still send `guid'...'`, as in OData 2 and 3.
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
    """Convert a Guid to lower case."""
    return Literal(LiteralKind.GUID, text.lower())


def date(text: str) -> Literal:
    """Convert a date as `canonical.date` does."""
    return Literal(LiteralKind.DATE, canonical.date(text))


def time_of_day(text: str) -> Literal:
    """Convert a time as `canonical.time_of_day` does."""
    return Literal(LiteralKind.TIME_OF_DAY, canonical.time_of_day(text))


def date_time_offset(text: str) -> Literal:
    """Convert an instant as `canonical.date_time_offset` does."""
    return Literal(LiteralKind.DATE_TIME_OFFSET, canonical.date_time_offset(text))


def json_string(text: str) -> str:
    """Return the value of a JSON string."""
    try:
        value = str(json.loads(text))
        value.encode()
    except ValueError as error:
        raise BuilderError("not a JSON string", hint='inside, write \\" and \\\\') from error
    return value


def word(text: str) -> str:
    """Return an operator or direction in lower case, without whitespace around it."""
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
