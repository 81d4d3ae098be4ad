"""The canonical functions and their numbers of arguments (Part 2, 5.1.1.5 to 5.1.1.12).

Names are case-insensitive in 4.01; the tree and `unparse` use the lower case of this table.
"""

from __future__ import annotations

from difflib import get_close_matches

from grammar.errors import BuilderError

ARITIES: dict[str, tuple[int, int]] = {
    # strings and collections
    "concat": (2, 2),
    "contains": (2, 2),
    "endswith": (2, 2),
    "indexof": (2, 2),
    "length": (1, 1),
    "startswith": (2, 2),
    "substring": (2, 3),
    "hassubset": (2, 2),
    "hassubsequence": (2, 2),
    "matchespattern": (2, 2),
    "tolower": (1, 1),
    "toupper": (1, 1),
    "trim": (1, 1),
    # date and time
    "date": (1, 1),
    "day": (1, 1),
    "fractionalseconds": (1, 1),
    "hour": (1, 1),
    "maxdatetime": (0, 0),
    "mindatetime": (0, 0),
    "minute": (1, 1),
    "month": (1, 1),
    "now": (0, 0),
    "second": (1, 1),
    "time": (1, 1),
    "totaloffsetminutes": (1, 1),
    "totalseconds": (1, 1),
    "year": (1, 1),
    # numbers
    "ceiling": (1, 1),
    "floor": (1, 1),
    "round": (1, 1),
    # geography and geometry
    "geo.distance": (2, 2),
    "geo.intersects": (2, 2),
    "geo.length": (1, 1),
    # Data Aggregation 3: true if a row of a heterogeneous collection has the property
    "isdefined": (1, 1),
}

# Names from SQL, Excel, other languages and OData 2, and what OData 4 has instead.
SYNONYMS: dict[str, str] = {
    "substringof": "contains(haystack,needle), with the arguments swapped",
    "any": "Items/any(i:i/Price gt 5), after a collection",
    "all": "Items/all(i:i/Price gt 5), after a collection",
    "like": "contains(haystack,needle), startswith or endswith",
    "lower": "tolower",
    "lcase": "tolower",
    "upper": "toupper",
    "ucase": "toupper",
    "len": "length",
    "left": "substring(text,0,count)",
    "right": "substring(text,start)",
    "mid": "substring(text,start,count)",
    "instr": "indexof",
    "find": "indexof",
    "replace": "another tool: OData cannot replace parts of a text",
    "iif": "case(condition:value,true:other)",
    "if": "case(condition:value,true:other)",
    "coalesce": "case(a ne null:a,true:b)",
    "ifnull": "case(a ne null:a,true:b)",
    "isnull": "the comparison `x eq null`",
    "isnullorempty": "`(x eq null or x eq '')`",
    "today": "date(now())",
    "getdate": "now()",
    "current_timestamp": "now()",
    "datetime": "a plain literal such as 2024-01-31T08:00:00Z",
    "datetimeoffset": "a plain literal such as 2024-01-31T08:00:00Z",
    "guid": "the plain value without quotes",
    "regexmatch": "matchespattern",
    "abs": "case(x lt 0:-(x),true:x)",
    "ceil": "ceiling",
    "days": "day",
    "sum": "$apply=aggregate(x with sum as total)",
    "min": "$apply=aggregate(x with min as least)",
    "max": "$apply=aggregate(x with max as most)",
    "avg": "$apply=aggregate(x with average as mean)",
    "average": "$apply=aggregate(x with average as mean)",
    "countdistinct": "$apply=aggregate(x with countdistinct as values)",
    "count": "`Collection/$count` or $apply=aggregate($count as total)",
}


def check_arity(name: str, count: int) -> None:
    """Raise BuilderError for a call of a canonical function with a wrong number of arguments."""
    least, most = ARITIES[name]
    if not least <= count <= most:
        expected = f"{least} or {most}" if most > least else str(least)
        noun = "argument" if expected == "1" else "arguments"
        raise BuilderError(f"{name} takes {expected} {noun}, not {count}")


def unknown_function(name: str) -> BuilderError:
    """Build the error for a function without namespace that is not canonical."""
    synonym = SYNONYMS.get(name.lower())
    if synonym:
        return BuilderError(f"unknown function '{name}'", hint=f"use {synonym}")
    near = get_close_matches(name.lower()[:60], [*ARITIES, "cast", "isof", "case"], 1, cutoff=0.6)
    if near:
        return BuilderError(f"unknown function '{name}'", hint=f"did you mean {near[0]}?")
    hint = "write a function of the service with its namespace, e.g. Model.Name(x=1)"
    return BuilderError(f"unknown function '{name}'", hint=hint)
