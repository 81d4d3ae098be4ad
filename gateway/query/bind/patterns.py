r"""Translation of matchesPattern's patterns, ECMAScript with the flag `u`, to RE2 (5.1.1.7.1).

The engine uses RE2 because it runs in linear time. Syntax that means the same in both is copied,
syntax that differs is spelled out, and syntax that only one of them has is refused: lookaround and
backreferences, which RE2 cannot run, and RE2's own `\A`, `(?i)`, `[[:alpha:]]`, which no
ECMAScript engine accepts. A match is only true or false here, so groups lose their numbers and
names.
"""

from __future__ import annotations

import re

from gateway.query.bind.pattern_classes import (
    ESCAPED_CLASSES,
    LINE_ENDS,
    NOTHING,
    CharacterRanges,
    negated,
    property_of,
    text_of,
)

MAX_REPETITIONS = 1_000
"""RE2's limit, which applies to the product of nested repetitions."""
_MAX_GROUP_DEPTH = 100
_PERHAPS_EMPTY = re.compile(r"[(|]|(?<!\\x)\{0")
_MAX_CODE_POINT = 0x10FFFF
_DIGITS = frozenset("0123456789")
_NO_REPETITION = r"a { that does not start a repetition (write \{ for the character)"
_SYNTAX = frozenset("^$\\.*+?()[]{}|/")
_CONTROLS = {"t": 0x09, "n": 0x0A, "v": 0x0B, "f": 0x0C, "r": 0x0D}
_HEX = frozenset("0123456789abcdefABCDEF")
_LOOKAROUND = {
    "(?=": "lookahead",
    "(?!": "lookahead",
    "(?<=": "lookbehind",
    "(?<!": "lookbehind",
}


class PatternError(Exception):
    """A pattern that is invalid or not supported; the text says what is wrong, and where."""


def to_re2(pattern: str) -> str:
    r"""Return the RE2 pattern that matches the same texts.

    It is a group if a part of it may be empty: DuckDB turns `1(?:)` into a wrong LIKE.

    Raises:
        PatternError: it is not valid in ECMAScript, or cannot be evaluated.

    >>> print(to_re2(r"^\d+\u00e9[^]$"))
    ^[0-9]+é[\x{0}-\x{d7ff}\x{e000}-\x{10ffff}]$
    """
    reader = _Reader(pattern)
    text, _ = reader.disjunction()
    if not reader.at_end:
        raise reader.error("a closing parenthesis without an opening one")
    if r"\B" in reader.assertions:  # RE2 would match it between the bytes of one character
        return f"^(?s:.*?)({text})"
    return f"({text})" if _PERHAPS_EMPTY.search(text) else text


class _Reader:
    """A reader of a pattern from left to right, by code points."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._names: set[str] = set()
        self.assertions: set[str] = set()

    @property
    def at_end(self) -> bool:
        """True if nothing is left."""
        return self._at >= len(self._pattern)

    def error(self, what: str) -> PatternError:
        """Return the error for the current position; `what` is what the pattern has there."""
        return PatternError(f"{what} at character {self._at + 1}")

    def disjunction(self, depth: int = 0) -> tuple[str, int]:
        """Return alternatives up to the end or a `)`, and how often RE2 repeats their content."""
        if depth > _MAX_GROUP_DEPTH:
            raise self.error(f"more than {_MAX_GROUP_DEPTH} nested groups")
        parts: list[tuple[str, int]] = []
        while not self.at_end and not self._looks_at(")"):
            parts.append(("|", 1) if self._takes("|") else self._term(depth))
        return "".join(text for text, _ in parts), max((times for _, times in parts), default=1)

    def _looks_at(self, text: str) -> bool:
        return self._pattern.startswith(text, self._at)

    def _takes(self, text: str) -> bool:
        found = self._looks_at(text)
        self._at += len(text) if found else 0
        return found

    def _next(self) -> str:
        if self.at_end:
            raise self.error("an incomplete end")
        self._at += 1
        return self._pattern[self._at - 1]

    def _term(self, depth: int) -> tuple[str, int]:
        for assertion in ("^", "$", r"\b", r"\B"):
            if self._takes(assertion):
                self.assertions.add(assertion)
                self._check_no_quantifier(assertion)
                return assertion, 1
        atom, inside = self._group(depth) if self._looks_at("(") else (self._atom(), 1)
        quantifier, times = self._quantifier()
        if inside * times > MAX_REPETITIONS:
            raise self.error(f"more than {MAX_REPETITIONS} repetitions (nested ones multiply)")
        return atom + quantifier, inside * times

    def _check_no_quantifier(self, assertion: str) -> None:
        if not self.at_end and self._pattern[self._at] in "*+?{":
            raise self.error(f"a repeated {assertion}, which is not allowed,")

    def _quantifier(self) -> tuple[str, int]:
        """Return the quantifier, and how often it makes RE2 repeat the atom."""
        for sign in "*+?":
            if self._takes(sign):
                return sign + ("?" if self._takes("?") else ""), 1
        if not self._takes("{"):
            return "", 1
        low = high = self._number()
        counts = str(low)
        if self._takes(","):
            counts += ","
            if not self._looks_at("}"):
                high = self._number()
                counts += str(high)
        if not self._takes("}"):
            raise self.error(_NO_REPETITION)
        if high < low:
            raise self.error("a repetition whose maximum is below its minimum")
        return f"{{{counts}}}" + ("?" if self._takes("?") else ""), max(high, 1)

    def _number(self) -> int:
        start = self._at
        while not self.at_end and self._pattern[self._at] in _DIGITS:
            self._at += 1
        digits = self._pattern[start : self._at]
        if not digits:
            raise self.error(_NO_REPETITION)
        return min(int(digits[-10:]) if digits[:-10].strip("0") == "" else 10**9, 10**9)

    def _atom(self) -> str:
        if self._takes("."):
            return text_of(negated(LINE_ENDS))
        if self._takes("["):
            return self._class()
        if self._takes("\\"):
            return self._escape()
        found = self._next()
        if found in _SYNTAX - {"/"}:
            self._at -= 1
            raise self.error(f"a misplaced {found} (write \\{found} for the character)")
        return _literal(ord(found))

    def _group(self, depth: int) -> tuple[str, int]:
        for opening, name in _LOOKAROUND.items():
            if self._looks_at(opening):
                raise self.error(f"a {name}, which is not supported,")
        self._next()
        if self._takes("?") and not self._takes(":"):
            self._name()
        inner, repeated = self.disjunction(depth + 1)
        if not self._takes(")"):
            raise self.error("an unclosed parenthesis")
        return f"(?:{inner})", repeated

    def _name(self) -> None:
        end = self._pattern.find(">", self._at)
        name = self._pattern[self._at + 1 : end] if end > 0 else ""
        if not self._looks_at("<") or not name.replace("$", "_").isidentifier():
            raise self.error("an unknown (? (only (?: and (?<name> exist, not (?i) or (?P<)")
        if name in self._names:
            raise self.error(f"a second group named {name}")
        self._names.add(name)
        self._at = end + 1

    def _escape(self) -> str:
        """Return an escape outside of a class."""
        if self._takes("k") or (not self.at_end and self._pattern[self._at] in _DIGITS - {"0"}):
            raise self.error("a backreference, which is not supported,")
        members = self._class_escape()
        if members is not None:
            return text_of(members)
        code = self._character_escape(_SYNTAX)
        return text_of(NOTHING) if _is_surrogate(code) else _literal(code)

    def _class_escape(self) -> CharacterRanges | None:
        for letter, members in ESCAPED_CLASSES.items():
            if self._takes(letter):
                return members
        for letter in "pP":
            if self._takes(letter):
                return self._property(is_negated=letter == "P")
        return None

    def _property(self, *, is_negated: bool) -> CharacterRanges:
        end = self._pattern.find("}", self._at)
        name = self._pattern[self._at + 1 : end]
        members = property_of(name) if self._looks_at("{") and end > 0 else None
        if members is None:
            raise self.error(
                "an unsupported Unicode property (use general categories such as"
                r" \p{L} and scripts such as \p{Script=Greek})"
            )
        self._at = end + 1
        return negated(members) if is_negated else members

    def _character_escape(self, identity: frozenset[str]) -> int:
        """Return the code point; `identity` are the characters that may be escaped needlessly."""
        found = self._next()
        if found in _CONTROLS:
            return _CONTROLS[found]
        match found:
            case "0" if self.at_end or self._pattern[self._at] not in _DIGITS:
                return 0
            case "c" if not self.at_end and self._pattern[self._at].isascii():
                letter = self._next()
                if letter.isalpha():
                    return ord(letter) % 32
            case "x":
                return self._hexadecimal(2)
            case "u":
                return self._unicode()
            case _ if found in identity:
                return ord(found)
        self._at -= 1
        raise self.error(f"\\{found}, which ECMAScript does not have,")

    def _hexadecimal(self, digits: int) -> int:
        text = self._pattern[self._at : self._at + digits]
        if len(text) < digits or not _HEX.issuperset(text):
            raise self.error(f"an escape without its {digits} hexadecimal digits")
        self._at += digits
        return int(text, 16)

    def _unicode(self) -> int:
        r"""Return the code point of `\u{...}`, `\uXXXX` or of a surrogate pair of these."""
        if self._takes("{"):
            end = self._pattern.find("}", self._at)
            text = self._pattern[self._at : end] if end > 0 else ""
            if not text or not _HEX.issuperset(text) or int(text, 16) > _MAX_CODE_POINT:
                raise self.error(r"\u{ without a code point")
            self._at = end + 1
            return int(text, 16)
        high = self._hexadecimal(4)
        start = self._at
        if 0xD800 <= high < 0xDC00 and self._takes("\\u") and not self._looks_at("{"):
            low = self._hexadecimal(4)
            if 0xDC00 <= low < 0xE000:
                return 0x10000 + ((high - 0xD800) << 10) + low - 0xDC00
        self._at = start
        return high

    def _class(self) -> str:
        is_negated = self._takes("^")
        found = CharacterRanges()
        while not self._takes("]"):
            if self.at_end:
                raise self.error("an unclosed class")
            found = found.plus(self._range())
        return text_of(negated(found) if is_negated else found)

    def _range(self) -> CharacterRanges:
        first = self._member()
        if not self._looks_at("-") or self._looks_at("-]"):
            return (
                first if isinstance(first, CharacterRanges) else CharacterRanges(((first, first),))
            )
        self._next()
        last = self._member()
        if isinstance(first, CharacterRanges) or isinstance(last, CharacterRanges):
            raise self.error("a range that starts or ends with a class of characters")
        if last < first:
            raise self.error("a range whose end is before its start")
        return CharacterRanges(((first, last),))

    def _member(self) -> CharacterRanges | int:
        if not self._takes("\\"):
            return ord(self._next())
        if self._takes("b"):
            return 0x08
        members = self._class_escape()
        return self._character_escape(_SYNTAX | {"-"}) if members is None else members


def _is_surrogate(code: int) -> bool:
    return 0xD800 <= code < 0xE000


def _literal(code: int) -> str:
    """Return one character as a pattern."""
    character = chr(code)
    if character.isalnum() or code > 0x7F or character in " _":
        return character
    return f"\\x{{{code:x}}}"
