"""Common mistakes in OData text, and how to fix each.

`COMMON_MISTAKES` is tried in order where the parser stopped: `at` must match there, `before` at the
end of the text before, and `expects` must be one of the terminals that are valid there. The first
match becomes the message. The tests have an example of every entry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from grammar.parse.apply_mistakes import APPLY_MISTAKES
from grammar.parse.mistake import Mistake

_MAX_CHARACTERS_BEFORE = 200
_OPTIONS = r"\$?(?:filter|search|orderby|select|expand|compute|apply|top|skip|count|levels)"
_TWO_DIGITS = "write a date as 2024-01-31: four digits, two, two"
_INSTANT = "write an instant as 2024-01-31T08:00:00Z, or with an offset such as +01:00"


@dataclass(frozen=True, slots=True)
class Advice:
    """The message and hint for a mistake that matched."""

    message: str
    hint: str


_SYMBOLS = {
    r"={2,3}": "eq",
    r"!==?|<>": "ne",
    r"<=|=<": "le",
    r">=|=>": "ge",
    r"=": "eq",
    r"<": "lt",
    r">": "gt",
    r"&&?": "and",
    r"\|\|?": "or",
    r"\+": "add; in a URL the sign itself is %2B",
    r"\*": "mul",
    r"/(?= ?[0-9(])": "div",
    r"%": "mod",
}

_OPERATORS = tuple(
    Mistake(f"({symbol})", "'{0}' is not an operator", f"write {name}", expects="EQUALITY")
    for symbol, name in _SYMBOLS.items()
)

_WHOLE = (
    Mistake(
        rf"({_OPTIONS}\s*=)",
        "the option's name is repeated",
        "leave out {0}",
        before=r"^\s*$",
    ),
    Mistake("=", "the option's name is repeated", "leave it out", before=rf"^{_OPTIONS}\s*$"),
    Mistake(
        r"",
        "an operator at the beginning",
        "an operator goes between two values",
        before=r"^\s*(?i:eq|ne|lt|le|gt|ge|and|or|has|in|add|sub|mul|div|mod)\s*$",
        expects="EQUALITY",
    ),
)

_TWICE = Mistake(
    r"",
    "two operators in a row",
    "an operator goes between two values",
    before=r"(?i:\b(?:and|or)\s+(?:and|or)\s+)$",
    expects="EQUALITY",
)

_DATES = (
    Mistake(
        r"(-[0-9]{2}-[0-9]{2})[Zz]",
        "a date with an offset",
        "write the day as {1}{0}, or its first instant as {1}{0}T00:00:00Z",
        before=r"\b([0-9]{4})$",
    ),
    Mistake(
        r"\s*([-+][0-9]{2}:[0-9]{2})",
        "a date with an offset",
        "write the day as {1}, or its first instant as {1}T00:00:00{0}",
        before=r"\b([0-9]{4}-[0-9]{2}-[0-9]{2})\s*$",
    ),
    Mistake(r"-[0-9]{2}-[0-9]{2}[Tt]", "a date and time without offset", _INSTANT, r"\b[0-9]{4}$"),
    Mistake(r"-[0-9]+-[0-9]+", "not a date", _TWO_DIGITS, before=r"\b[0-9]{1,4}$"),
    Mistake(r"[0-9]{1,2}:", "a space between date and time", _INSTANT, r"[0-9]{4}-[0-9-]{5}\s*$"),
    Mistake(r"/[0-9]{1,2}/[0-9]", "not a date", _TWO_DIGITS, before=r"\b[0-9]{1,4}$"),
    Mistake(r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}", "not a date", _TWO_DIGITS),
    Mistake(r"#[0-9]", "not a date", _TWO_DIGITS, expects="DATE"),
)

_NUMBERS = (
    Mistake(r"\.[0-9]", "a number must start with a digit", "for example 0.5", expects="NUMBER"),
    Mistake(
        r"[0-9]+\.(?![0-9])", "a number must end with a digit", "for example 5.0", expects="NUMBER"
    ),
    Mistake(r"0[xX]", "a hexadecimal number", "OData has decimal numbers only"),
    Mistake(
        r",[0-9]",
        "a comma in a number",
        "use a point for decimals and no separator for thousands",
        before=r"\b(?<!\()(?<!,)[0-9.]+$",
        expects="OR",
    ),
)

_QUOTES = (
    Mistake(
        r"'",
        "a type in quotes",
        "write it without quotes, e.g. Edm.Int32",
        r"(?i:cast|isof)\(.*$",
        "",
    ),
    Mistake(r'"', "text in double quotes", "put text in single quotes: 'text'", expects="STRING"),
    Mistake("[\u2018-\u201f`\u00b4]", "a typographic quote", "put text in straight quotes: 'text'"),
    Mistake(
        r"'", "a quote is not closed", "double a quote inside text: 'O''Neil'", expects="STRING"
    ),
    Mistake(r"'", "one quote too many", "double a quote inside text: 'O''Neil'", before=r"'$"),
    Mistake(
        r"[^\s'(),;][^']*'",
        "text continues after its closing quote",
        "double a quote inside text: 'O''Neil'",
        before=r"'$",
    ),
    Mistake(
        r"'",
        "a function between its arguments",
        "write contains(name,'text')",
        before=r"\b(?i:contains|startswith|endswith)\s*$",
    ),
    Mistake(r"'", "two values in a row", "is an operator or a comma missing?", before=r"'\s+$"),
)

_LISTS = (
    Mistake(",", "a list without parentheses", "write in (1,2,3)", before=r"(?i:\sin\s)[^()]*$"),
    Mistake(
        ",",
        "a name in the list after `in`",
        "the list takes literals; put text in single quotes",
        before=r"(?i:\sin)\s*\([^()]*$",
        expects="OR",
    ),
    Mistake(
        ",",
        "a list where one value is compared",
        "a list in parentheses can only follow `in`",
        before=r"(?i:\s(?:eq|ne))\s*\([^()]*$",
    ),
    Mistake(r"[;|]", "a list is separated by commas", "write in (1,2,3)", r"(?i:\sin)\s*\([^()]*$"),
    Mistake(r";", "a semicolon between parameters", "write (a=1,b=2)", r"\([^()]*$", "_CLOSE"),
)

_WORDS = (
    Mistake(
        r"(?i:(?:not\s+)?like)\b",
        "'like' is not an operator",
        "write contains(name,'text'), startswith or endswith",
    ),
    Mistake(r"(?i:is\s+null)\b", "'is null' is not an operator", "write x eq null"),
    Mistake(r"(?i:is\s+not\s+null)\b", "'is not null' is not an operator", "write x ne null"),
    Mistake(r"(?i:between)\b", "'between' is not an operator", "write x ge 1 and x le 9"),
    Mistake(r"(?i:not\s+in)\b", "'not in' is not an operator", "write not (x in (1,2))"),
    Mistake(
        r"(?i:(contains|startswith|endswith|matchespattern|indexof))\b",
        "'{0}' is a function",
        "write {0}(name,'text')",
        expects="EQUALITY",
    ),
    Mistake(
        r"(?i:equals?|is|===?)\b", "not an operator", "write eq for equality", expects="EQUALITY"
    ),
    Mistake(r"(?i:order\s*by)\b", "'order by' is a separate option", "use $orderby=name desc"),
    Mistake(
        r"(?i:(asc|desc)ending)", "'{0}ending' is not a direction", "write {0}", expects="DIRECTION"
    ),
    Mistake(
        r"\w",
        "two words in a row",
        "put text in single quotes: 'New York'",
        before=r"(?i:eq|ne)\s+[^\W\d]\w*\s+$",
        expects="EQUALITY",
    ),
    Mistake(
        r"(?i:nulls)\b", "the place of nulls cannot be chosen", "they come first, with desc last"
    ),
    Mistake(r"\?", "'?' is not an operator", "write case(condition:value,true:other)"),
    Mistake(r"!", "'!' is not an operator", "write not", expects="NOT"),
)

_SEARCH = (
    Mistake('"', "a phrase is not closed", 'write "blue green" OR red', expects="SEARCH_WORD"),
    Mistake("'", "a word starts with a quote", 'write "\'tis"', expects="SEARCH_WORD"),
)

_STRUCTURE = (
    Mistake(
        rf",\s*{_OPTIONS}\s*=",
        "nested options are separated by semicolons",
        "for example Items($top=1;$skip=2)",
    ),
    Mistake(
        r"(\$?[A-Za-z]+)\s*=",
        "the option {0} is not allowed here",
        "after /$count use $filter and $search; after /$ref also $orderby, $skip, $top, $count",
        before=r"/\$(?:ref|count)\([^()]*$",
    ),
    Mistake(
        r"(\$?[A-Za-z]+)",
        "'{0}' is not an option",
        "the parentheses take options: $select=name;$top=5",
        expects="SELECT_IS",
    ),
    Mistake("", "groupby needs two pairs of parentheses", "write groupby((a,b))", r"groupby\(\s*$"),
    Mistake(
        r":",
        "'any' and 'all' follow a collection",
        "write Items/any(i:i/Price gt 5)",
        before=r"(?<![/\w])(?i:any|all)\(\s*\w+$",
    ),
    Mistake(
        r"",
        "a lambda without a variable",
        "write Items/any(i:i/Price gt 5)",
        before=r"/(?i:any|all)\(\s*[\w/]+\s*$",
        expects="_COLON",
    ),
    Mistake("[,)]", "case takes pairs", "write case(condition:value,true:other)", expects="_COLON"),
    Mistake(r"\)|(?:as)?$", "the value needs a name", "write expression as name", expects="_AS"),
    Mistake(r"\)", "one parenthesis too many", "each ) closes one (", expects="$END"),
    Mistake(r";", "a semicolon between conditions", "join them with and, or", expects="OR"),
    Mistake(r",", "a comma between conditions", "join them with and, or", expects="OR"),
    Mistake(r"-", "'-' is not an operator between values", "write sub", expects="EQUALITY"),
    Mistake(r"/\s", "a space in a path", "write Address/City without spaces, or use div to divide"),
    Mistake(
        r"/", "a space in a path", "write Address/City without spaces, or use div to divide", r"\s$"
    ),
    Mistake(r"\.", "a dot in a path", "separate the names with slashes: Address/City", r"[\w)]$"),
    Mistake(
        r"/[$](?:count|ref)\b",
        "$select takes properties",
        "numbers of and references to related rows come from $expand: $expand={0}/$count",
        before=r"^(?:[\w,\s]*,)?\s*(\w+)$",
        expects="STEP",
    ),
    Mistake(
        r"/[*]",
        "$select takes properties",
        "all properties of related rows come from $expand: $expand={0}",
        before=r"(\w+)$",
    ),
    Mistake(r"\[", "an index in brackets", "OData has no indexes; filter with any or all", r"\w$"),
)

COMMON_MISTAKES = (
    *_WHOLE,
    *APPLY_MISTAKES,
    _TWICE,
    *_DATES,
    *_SEARCH,
    *_LISTS,
    *_NUMBERS,
    *_QUOTES,
    *_WORDS,
    *_OPERATORS,
    *_STRUCTURE,
)

_SPELLED = ("eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not", "has", "in", "asc", "desc")
_WORD = re.compile(r"[^\W\d]\w*")


def find_mistake(text: str, position: int, expected: tuple[str, ...]) -> Advice | None:
    """Return advice on the mistake at `position`, where the terminals `expected` are valid."""
    before = text[max(0, position - _MAX_CHARACTERS_BEFORE) : position]
    for mistake in COMMON_MISTAKES:
        match, behind = (
            re.compile(mistake.at).match(text, position),
            re.search(mistake.before, before),
        )
        if match and behind and (not mistake.expects or mistake.expects in expected):
            shown = [group or "" for group in (*match.groups(), *behind.groups())]
            return Advice(mistake.message.format(*shown), mistake.hint.format(*shown))
    return _misspelt(text, position, expected)


def _misspelt(text: str, position: int, expected: tuple[str, ...]) -> Advice | None:
    """Return advice on a word instead of an operator: misspelt, or part of an unquoted text."""
    word = _WORD.match(text, position)
    if word is None or "EQUALITY" not in expected:
        return None
    near = get_close_matches(word[0].lower()[:20], _SPELLED, 1, cutoff=0.6)
    hint = f"did you mean {near[0]}?" if near else "put text in single quotes: 'New York'"
    return Advice(f"'{word[0][:40]}' is not an operator", hint)
