"""Classes of characters in patterns: sets of code points, and Unicode properties of RE2."""

from __future__ import annotations

from dataclasses import dataclass

_MAX_CODE_POINT = 0x10FFFF
_SURROGATES = (0xD800, 0xDFFF)
Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class CharacterRanges:
    r"""Ranges of code points, and RE2's names of further ones, such as `\p{Lu}`.

    If `is_negated`, the members are all other code points.
    """

    ranges: Ranges = ()
    named: tuple[str, ...] = ()
    is_negated: bool = False

    def plus(self, other: CharacterRanges) -> CharacterRanges:
        """Return the members of both; a negated `other` has only one name."""
        named = (n.replace("\\p", "\\P") for n in other.named) if other.is_negated else other.named
        return CharacterRanges((*self.ranges, *other.ranges), (*self.named, *named))


def negated(members: CharacterRanges) -> CharacterRanges:
    """Return all other code points."""
    if not members.named:
        return CharacterRanges(_complement(members.ranges))
    return CharacterRanges(members.ranges, members.named, not members.is_negated)


def text_of(members: CharacterRanges) -> str:
    r"""Return the class as RE2 writes it.

    >>> print(text_of(CharacterRanges(((97, 99), (98, 122)), ("\\p{Lu}",))))
    [a-z\p{Lu}]
    """
    ranges = _merged(members.ranges)
    if not ranges and not members.named:
        return f"[^{_span(0, _MAX_CODE_POINT)}]"
    listed = "".join(_span(first, last) for first, last in ranges)
    return f"[{'^' if members.is_negated else ''}{listed}{''.join(members.named)}]"


def property_of(name: str) -> CharacterRanges | None:
    r"""Return the members of `\p{name}`; None if it is not supported."""
    key, separator, value = name.rpartition("=")
    if key in ("Script", "sc"):
        script = next((s for s, short in _SCRIPTS.items() if value in (s, short)), None)
        return None if script is None else CharacterRanges(named=(f"\\p{{{script}}}",))
    if separator and key not in ("General_Category", "gc"):
        return None
    if not separator and name in _BINARY:
        return CharacterRanges(_BINARY[name])
    short = _CATEGORIES.get(value, value)
    return CharacterRanges(named=(f"\\p{{{short}}}",)) if short in _CATEGORIES.values() else None


def _merged(ranges: Ranges) -> Ranges:
    """Return the ranges in order, without overlaps and without surrogates, which no text has."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(part for span in ranges for part in _without_surrogates(span)):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def _without_surrogates(span: tuple[int, int]) -> Ranges:
    first, last = span
    below, above = (first, min(last, _SURROGATES[0] - 1)), (max(first, _SURROGATES[1] + 1), last)
    return tuple(part for part in (below, above) if part[0] <= part[1])


def _complement(ranges: Ranges) -> Ranges:
    found: list[tuple[int, int]] = []
    start = 0
    for first, last in _merged(ranges):
        found.append((start, first - 1))
        start = last + 1
    found.append((start, _MAX_CODE_POINT))
    return tuple((first, last) for first, last in found if first <= last)


def _span(first: int, last: int) -> str:
    return _code(first) if first == last else f"{_code(first)}-{_code(last)}"


def _code(code: int) -> str:
    character = chr(code)
    return character if character.isascii() and character.isalnum() else f"\\x{{{code:x}}}"


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in text.split())


_DIGITS: Ranges = ((0x30, 0x39),)
_WORD: Ranges = (*_DIGITS, (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_WHITE: Ranges = (
    *((0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A)),
    *((0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000)),
)
NOTHING = CharacterRanges()
LINE_ENDS = CharacterRanges(((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029)))
ESCAPED_CLASSES = {
    "d": CharacterRanges(_DIGITS),
    "D": CharacterRanges(_complement(_DIGITS)),
    "w": CharacterRanges(_WORD),
    "W": CharacterRanges(_complement(_WORD)),
    "s": CharacterRanges((*_WHITE, (0xFEFF, 0xFEFF))),
    "S": CharacterRanges(_complement((*_WHITE, (0xFEFF, 0xFEFF)))),
}
_BINARY: dict[str, Ranges] = {
    "Any": ((0, _MAX_CODE_POINT),),
    "ASCII": ((0, 0x7F),),
    "White_Space": (*_WHITE, (0x85, 0x85)),
    "space": (*_WHITE, (0x85, 0x85)),
}
_CATEGORIES = _pairs(
    " Letter=L Uppercase_Letter=Lu Lowercase_Letter=Ll Titlecase_Letter=Lt Modifier_Letter=Lm"
    " Other_Letter=Lo Mark=M Combining_Mark=M Nonspacing_Mark=Mn Spacing_Mark=Mc"
    " Enclosing_Mark=Me Number=N Decimal_Number=Nd digit=Nd Letter_Number=Nl Other_Number=No"
    " Punctuation=P punct=P Connector_Punctuation=Pc Dash_Punctuation=Pd Open_Punctuation=Ps"
    " Close_Punctuation=Pe Initial_Punctuation=Pi Final_Punctuation=Pf Other_Punctuation=Po"
    " Symbol=S Math_Symbol=Sm Currency_Symbol=Sc Modifier_Symbol=Sk Other_Symbol=So"
    " Separator=Z Space_Separator=Zs Line_Separator=Zl Paragraph_Separator=Zp Control=Cc"
    " cntrl=Cc Format=Cf Private_Use=Co"
)
"""Long names of general categories; those that hold unassigned code points are not among them."""
_SCRIPTS = _pairs(
    " Arabic=Arab Armenian=Armn Bengali=Beng Cyrillic=Cyrl Devanagari=Deva Georgian=Geor"
    " Greek=Grek Gujarati=Gujr Gurmukhi=Guru Han=Hani Hangul=Hang Hebrew=Hebr Hiragana=Hira"
    " Kannada=Knda Katakana=Kana Latin=Latn Malayalam=Mlym Sinhala=Sinh Tamil=Taml Telugu=Telu"
    " Thai=Thai"
)
