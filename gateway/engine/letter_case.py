"""Upper and lower case with Unicode's full mapping, as `toupper` and `tolower` need it.

DuckDB maps each letter to one letter. Unicode maps 102 to several in upper case, such as sharp s
to SS, one in lower case, and a sigma at the end of a word to its final form. Texts without such
letters, which are nearly all, cost only a check.
"""

from __future__ import annotations

_WITH_LONG_UPPER_CASE = tuple(
    chr(code)
    for block in (
        *((0xDF,), (0x149,), (0x1F0,), (0x390,), (0x3B0,), (0x587,)),
        *(range(0x1E96, 0x1E9B), range(0x1F50, 0x1FFD), range(0xFB00, 0xFB18)),
    )
    for code in block
    if len(chr(code).upper()) > 1
)
_IGNORED = (
    r"\p{Mn}\p{Me}\p{Cf}\p{Lm}\p{Sk}\x{27}.:\x{b7}\x{387}\x{55f}\x{5f4}\x{2018}\x{2019}\x{2024}"
    r"\x{2027}\x{fe13}\x{fe52}\x{fe55}\x{ff07}\x{ff0e}\x{ff1a}"
)
_CASED = (
    r"\p{Lu}\p{Ll}\p{Lt}\x{aa}\x{ba}\x{2160}-\x{217f}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}"
    r"\x{1f150}-\x{1f169}\x{1f170}-\x{1f189}"
)
_FINAL = "\u03c2"
_FINAL_SIGMA = (
    f"regexp_replace({{0}}, '([{_CASED}][{_IGNORED}]*)\u03a3([{_IGNORED}]*)"
    rf"($|[^{_CASED}{_IGNORED}])', '\1{_FINAL}\2\3', 'g')"
)
"""A capital sigma after a letter and before none, ignoring marks between them (Unicode 3.13)."""


def _replaced(value: str, pairs: dict[str, str]) -> str:
    for old, new in pairs.items():
        value = f"replace({value}, '{old}', '{new}')"
    return value


def _mapped(function: str, value: str, special: str) -> str:
    plain = f"strlen({{0}}) = length({{0}}) OR NOT regexp_matches({{0}}, '[{special}]')"
    return f"(CASE WHEN {plain} THEN {function}({{0}}) ELSE {function}({value}) END)"


UPPER = _mapped(
    "upper",
    _replaced("{0}", {letter: letter.upper() for letter in _WITH_LONG_UPPER_CASE}),
    "".join(_WITH_LONG_UPPER_CASE),
)
LOWER = _mapped("lower", _replaced(_FINAL_SIGMA, {"\u0130": "i\u0307"}), "\u0130\u03a3")
