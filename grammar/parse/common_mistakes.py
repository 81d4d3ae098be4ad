"""The usual slips in OData text, and the way out of each.

`SLIPS` is tried in order where the grammar stopped: `at` must match there, `before` at the end of
what precedes, and the terminal `wants` must be one that could have come. The first that fits is
told. The tests hold an example of every entry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

_WINDOW = 200
_OPTIONS = r"\$?(?:filter|search|orderby|select|expand|compute|apply|top|skip|count|levels)"
_TWO_DIGITS = "a date is written 2024-01-31: four digits, two, two"
_INSTANT = "an instant is written 2024-01-31T08:00:00Z, or with an offset such as +01:00"


@dataclass(frozen=True, slots=True)
class Slip:
    """One slip; `message` and `hint` may show the groups of `at`, and behind them of `before`."""

    at: str
    message: str
    hint: str
    before: str = ""
    wants: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What to tell about the slip that fits."""

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
    Slip(f"({symbol})", "'{0}' is no operator", f"OData writes {name}", wants="EQUALITY")
    for symbol, name in _SYMBOLS.items()
)

_WHOLE = (
    Slip(
        rf"({_OPTIONS}\s*=)",
        "the name of the option once more",
        "leave out {0}",
        before=r"^\s*$",
    ),
    Slip("=", "the name of the option once more", "leave it out", before=rf"^{_OPTIONS}\s*$"),
    Slip(
        r"",
        "an operator at the beginning",
        "an operator stands between two values",
        before=r"^\s*(?i:eq|ne|lt|le|gt|ge|and|or|has|in|add|sub|mul|div|mod)\s*$",
        wants="EQUALITY",
    ),
)

_TWICE = Slip(
    r"",
    "two operators in a row",
    "an operator stands between two values",
    before=r"(?i:\b(?:and|or)\s+(?:and|or)\s+)$",
    wants="EQUALITY",
)

_DATES = (
    Slip(
        r"(-[0-9]{2}-[0-9]{2})[Zz]",
        "a date with an offset",
        "a day is written {1}{0}, its first instant {1}{0}T00:00:00Z",
        before=r"\b([0-9]{4})$",
    ),
    Slip(
        r"\s*([-+][0-9]{2}:[0-9]{2})",
        "a date with an offset",
        "a day is written {1}, its first instant {1}T00:00:00{0}",
        before=r"\b([0-9]{4}-[0-9]{2}-[0-9]{2})\s*$",
    ),
    Slip(r"-[0-9]{2}-[0-9]{2}[Tt]", "a date and time without offset", _INSTANT, r"\b[0-9]{4}$"),
    Slip(r"-[0-9]+-[0-9]+", "not a date", _TWO_DIGITS, before=r"\b[0-9]{1,4}$"),
    Slip(r"[0-9]{1,2}:", "a blank between date and time", _INSTANT, r"[0-9]{4}-[0-9-]{5}\s*$"),
    Slip(r"/[0-9]{1,2}/[0-9]", "not a date", _TWO_DIGITS, before=r"\b[0-9]{1,4}$"),
    Slip(r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}", "not a date", _TWO_DIGITS),
    Slip(r"#[0-9]", "not a date", _TWO_DIGITS, wants="DATE"),
)

_NUMBERS = (
    Slip(r"\.[0-9]", "a number begins with a digit", "for example 0.5", wants="NUMBER"),
    Slip(r"[0-9]+\.(?![0-9])", "a number ends with a digit", "for example 5.0", wants="NUMBER"),
    Slip(r"0[xX]", "a hexadecimal number", "OData knows decimal numbers only"),
    Slip(
        r",[0-9]",
        "a comma in a number",
        "a point separates decimals, nothing separates thousands",
        before=r"\b(?<!\()(?<!,)[0-9.]+$",
        wants="OR",
    ),
)

_QUOTES = (
    Slip(r"'", "a type in quotes", "write it plainly, e.g. Edm.Int32", r"(?i:cast|isof)\(.*$", ""),
    Slip(r'"', "text in double quotes", "text stands in single quotes: 'text'", wants="STRING"),
    Slip("[\u2018-\u201f`\u00b4]", "a typographic quote", "text stands in straight quotes: 'text'"),
    Slip(
        r"'", "a quote that is not closed", "a quote inside is doubled: 'O''Neil'", wants="STRING"
    ),
    Slip(r"'", "a quote too many", "a quote inside is doubled: 'O''Neil'", before=r"'$"),
    Slip(
        r"[^\s'(),;][^']*'",
        "text goes on after its closing quote",
        "a quote inside is doubled: 'O''Neil'",
        before=r"'$",
    ),
    Slip(
        r"'",
        "a function between its arguments",
        "write contains(name,'text')",
        before=r"\b(?i:contains|startswith|endswith)\s*$",
    ),
    Slip(r"'", "two values in a row", "is an operator or a comma missing?", before=r"'\s+$"),
)

_LISTS = (
    Slip(",", "a list without parentheses", "write in (1,2,3)", before=r"(?i:\sin\s)[^()]*$"),
    Slip(
        ",",
        "a name in the list after `in`",
        "the list holds literals; text stands in single quotes",
        before=r"(?i:\sin)\s*\([^()]*$",
        wants="OR",
    ),
    Slip(
        ",",
        "a list where one value is compared",
        "a list in parentheses stands only after `in`",
        before=r"(?i:\s(?:eq|ne))\s*\([^()]*$",
    ),
    Slip(r"[;|]", "a list is separated by commas", "write in (1,2,3)", r"(?i:\sin)\s*\([^()]*$"),
    Slip(r";", "a semicolon between parameters", "write (a=1,b=2)", r"\([^()]*$", "_CLOSE"),
)

_WORDS = (
    Slip(
        r"(?i:(?:not\s+)?like)\b",
        "'like' is no operator",
        "write contains(name,'text'), startswith or endswith",
    ),
    Slip(r"(?i:is\s+null)\b", "'is null' is no operator", "write x eq null"),
    Slip(r"(?i:is\s+not\s+null)\b", "'is not null' is no operator", "write x ne null"),
    Slip(r"(?i:between)\b", "'between' is no operator", "write x ge 1 and x le 9"),
    Slip(r"(?i:not\s+in)\b", "'not in' is no operator", "write not (x in (1,2))"),
    Slip(
        r"(?i:(contains|startswith|endswith|matchespattern|indexof))\b",
        "'{0}' is a function",
        "write {0}(name,'text')",
        wants="EQUALITY",
    ),
    Slip(r"(?i:equals?|is|===?)\b", "no operator", "equality is written eq", wants="EQUALITY"),
    Slip(r"(?i:order\s*by)\b", "'order by' is an option of its own", "use $orderby=name desc"),
    Slip(r"(?i:(asc|desc)ending)", "'{0}ending' is no direction", "write {0}", wants="DIRECTION"),
    Slip(
        r"\w",
        "two words in a row",
        "text stands in single quotes: 'New York'",
        before=r"(?i:eq|ne)\s+[^\W\d]\w*\s+$",
        wants="EQUALITY",
    ),
    Slip(r"(?i:nulls)\b", "nothing says where nulls go", "they come first, with desc last"),
    Slip(r"\?", "'?' is no operator", "write case(condition:value,true:other)"),
    Slip(r"!", "'!' is no operator", "OData writes not", wants="NOT"),
)

_SEARCH = (
    Slip('"', "a phrase that does not end", 'write "blue green" OR red', wants="SEARCH_WORD"),
    Slip("'", "a word that begins with a quote", 'write "\'tis"', wants="SEARCH_WORD"),
)

_STRUCTURE = (
    Slip(
        rf",\s*{_OPTIONS}\s*=",
        "nested options are separated by semicolons",
        "for example Items($top=1;$skip=2)",
    ),
    Slip(
        r"(\$?[A-Za-z]+)\s*=",
        "the option {0} cannot stand here",
        "after /$count only $filter and $search, after /$ref also $orderby, $skip, $top, $count",
        before=r"/\$(?:ref|count)\([^()]*$",
    ),
    Slip(
        r"(\$?[A-Za-z]+)",
        "'{0}' is no option",
        "in parentheses stand options: $select=name;$top=5",
        wants="SELECT_IS",
    ),
    Slip("", "groupby has two pairs of parentheses", "write groupby((a,b))", r"groupby\(\s*$"),
    Slip(
        r":",
        "'any' and 'all' follow a collection",
        "write Items/any(i:i/Price gt 5)",
        before=r"(?<![/\w])(?i:any|all)\(\s*\w+$",
    ),
    Slip(
        r"",
        "a lambda without variable",
        "write Items/any(i:i/Price gt 5)",
        before=r"/(?i:any|all)\(\s*[\w/]+\s*$",
        wants="_COLON",
    ),
    Slip("[,)]", "case takes pairs", "write case(condition:value,true:other)", wants="_COLON"),
    Slip(r"\)|(?:as)?$", "the value needs a name", "write expression as name", wants="_AS"),
    Slip(r"\)", "a parenthesis too many", "each ) closes one (", wants="$END"),
    Slip(r";", "a semicolon between conditions", "join them with and, or", wants="OR"),
    Slip(r",", "a comma between conditions", "join them with and, or", wants="OR"),
    Slip(r"-", "'-' is no operator between values", "OData writes sub", wants="EQUALITY"),
    Slip(r"/\s", "a blank in a path", "a path has none: Address/City; division is div"),
    Slip(r"/", "a blank in a path", "a path has none: Address/City; division is div", r"\s$"),
    Slip(r"\.", "a point in a path", "a path is written with slashes: Address/City", r"[\w)]$"),
    Slip(r"\[", "an index in brackets", "OData has none; filter with any or all", r"\w$"),
)

SLIPS = (
    *_WHOLE,
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


def find_slip(text: str, position: int, expected: tuple[str, ...]) -> Found | None:
    """The slip at `position`, where one of the terminals `expected` could have come."""
    before = text[max(0, position - _WINDOW) : position]
    for slip in SLIPS:
        match, behind = re.compile(slip.at).match(text, position), re.search(slip.before, before)
        if match and behind and (not slip.wants or slip.wants in expected):
            shown = [group or "" for group in (*match.groups(), *behind.groups())]
            return Found(slip.message.format(*shown), slip.hint.format(*shown))
    return _misspelt(text, position, expected)


def _misspelt(text: str, position: int, expected: tuple[str, ...]) -> Found | None:
    """A word where an operator is due: the nearest operator, or two words of one text."""
    word = _WORD.match(text, position)
    if word is None or "EQUALITY" not in expected:
        return None
    near = get_close_matches(word[0].lower()[:20], _SPELLED, 1, cutoff=0.6)
    hint = f"did you mean {near[0]}?" if near else "text stands in single quotes: 'New York'"
    return Found(f"'{word[0][:40]}' is no operator", hint)
