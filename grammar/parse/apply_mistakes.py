"""Common mistakes in $apply, and how to fix each: see `grammar.parse.common_mistakes`."""

from __future__ import annotations

from grammar.parse.mistake import Mistake

_STEPS = r"aggregate|groupby|concat|filter|search|compute|orderby|skip|top(?:count|sum|percent)?"
_METHODS = "sum|min|max|average|countdistinct"
_JOINED = "write a slash between them: groupby((a))/aggregate($count as n)"
_IN_STEPS = "write price with sum from region with max as most"
_IN_GROUPBY = r"groupby\(\("

_NUMBERS = (
    Mistake(
        r"[^)\s]|\)",
        "{0} takes a whole number of 0 or more",
        "write {0}(5)",
        before=r"\b(top|skip)\(\s*$",
        expects="DIGITS",
    ),
    Mistake(
        r"[^)\s]",
        "{0} takes a whole number of 0 or more",
        "write {0}(5)",
        before=r"\b(top|skip)\(\s*[0-9]+\s*$",
    ),
    Mistake(
        r"[);]",
        "{0} takes a number and an expression",
        "write {0}(5,price)",
        before=r"\b((?:top|bottom)(?:count|sum|percent))\([^(),;]*$",
    ),
)

_AGGREGATES = (
    Mistake(
        r"(?i:with|from)\b",
        "the name comes last",
        "write price with sum as total",
        before=r"\s(?i:as)\s+\w+\s*$",
    ),
    Mistake(
        r"(?i:with)\b",
        "two methods in a row",
        f"each `with` after the first follows a `from`: {_IN_STEPS}",
        before=r"\s(?i:with)\s+[\w.]+\s*$",
    ),
    Mistake(
        r"(?i:with)\b",
        "$count takes no method",
        "write $count as rows",
        before=r"[$]count\s*$",
    ),
    Mistake(
        rf"({_METHODS})\b",
        "the method has no `with`",
        "write price with {0} as total",
        before=r"(?i:aggregate)\([^()]*\w\s+$",
        expects="_WITH",
    ),
    Mistake(
        r"\w",
        "the method precedes its value",
        "write price with {0} as total",
        before=rf"(?i:aggregate)\((?:[^()]*,)?\s*({_METHODS})\s+$",
    ),
    Mistake(
        r"\w+\s*\)|(?i:as)\b",
        "`with` has no method",
        f"the methods are {_METHODS.replace('|', ', ')}",
        before=r"\s(?i:with)\s+(?:(?i:as)\s+)?$",
    ),
    Mistake(
        r"[)*]",
        "aggregate needs a value",
        "write aggregate($count as rows) or aggregate(price with sum as total)",
        before=r"(?i:aggregate)\(\s*$",
    ),
)

_GROUPS = (
    Mistake(
        r"[$]all\b",
        "rollup takes no $all",
        "write rollup(a,b); for a row of all rows write"
        " concat(groupby((rollup(a,b)),aggregate($count as n)),aggregate($count as n))",
        before=r"(?i:rollup)\(\s*$",
    ),
    Mistake(
        r"[A-Za-z$;]",
        "groupby takes the paths and then, after a comma, transformations",
        "write groupby((a,b),aggregate($count as n))",
        before=rf"{_IN_GROUPBY}[^()]*\)\s*$",
        expects="_COMMA",
    ),
    Mistake(
        r"\(",
        "groupby takes one list of paths",
        "write groupby((a,b),aggregate($count as n))",
        before=rf"{_IN_GROUPBY}[^()]*\)\s*,\s*$",
    ),
    Mistake(
        r"(?i:asc|desc)\b",
        "groupby does not sort",
        "write groupby((a))/orderby(a desc)",
        before=rf"{_IN_GROUPBY}[^()]*$",
    ),
    Mistake(
        r"\)|,|(?i:as|add|sub|mul|div|divby|mod)\b|[-+*/]",
        "groupby takes paths, not expressions",
        "compute the value first: compute(year(date) as y)/groupby((y))",
        before=rf"{_IN_GROUPBY}(?:[^()]*,)?\s*\w+\s*(?:\([^()]*\)\s*)?$",
        expects="STEP",
    ),
)

_SEQUENCES = (
    Mistake(
        r"[$]?count\b(?!\s*\()",
        "$count is not a transformation",
        "write aggregate($count as n); to count the rows of a result, end the path with /$count:"
        " Results/$count?$apply=...",
        expects="_AGGREGATE",
    ),
    Mistake(
        rf"[$]({_STEPS})\b",
        "'${0}' is not a transformation",
        "write {0}(...) without $",
        expects="_AGGREGATE",
    ),
    Mistake(
        r"\(",
        "identity has no parentheses",
        "write identity",
        before=r"(?i:identity)\s*$",
    ),
    Mistake(
        r"\)",
        "concat takes two sequences or more",
        "write concat(aggregate($count as n),groupby((a)))",
        before=r"(?i:concat)\(.*$",
        expects="_COMMA",
    ),
    Mistake(
        rf"({_STEPS})\b(?!\s*\()",
        "{0} has no parentheses",
        "write {0}(...)",
        expects="_AGGREGATE",
    ),
    Mistake(
        r"/", "a slash without a transformation before it", "leave it out", expects="_AGGREGATE"
    ),
    Mistake(
        r"$",
        "a slash without a transformation after it",
        "leave it out",
        r"\)\s*/\s*$",
        "_AGGREGATE",
    ),
    Mistake(
        rf"(?i:{_STEPS}|identity)\b", "two transformations without a slash", _JOINED, r"\)\s*$"
    ),
    Mistake(r"[,;|>&+]", "transformations are joined by slashes", _JOINED, r"\)\s*$", "_SLASH"),
)

APPLY_MISTAKES = (*_NUMBERS, *_AGGREGATES, *_GROUPS, *_SEQUENCES)
