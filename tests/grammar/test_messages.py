"""What a person reads who made a slip: message, place, and the way out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from grammar import (
    ODataSyntaxError,
    parse_apply,
    parse_compute,
    parse_expand,
    parse_filter,
    parse_orderby,
    parse_query_options,
    parse_search,
    parse_select,
    split_query,
)
from grammar.parse.common_mistakes import COMMON_MISTAKES, find_mistake

DATE = "write a date as 2024-01-31: four digits, two, two"
ZONED = "write the day as 2024-01-31, or its first instant as 2024-01-31T00:00:00{}"
INSTANT = "write an instant as 2024-01-31T08:00:00Z, or with an offset such as +01:00"
DOUBLED = "double a quote inside text: 'O''Neil'"
LAMBDA = "write Items/any(i:i/Price gt 5)"
PAIRS = "write case(condition:value,true:other)"

# text -> (position from 0, message, hint)
FILTERS: dict[str, tuple[int, str, str]] = {
    # operators of other languages
    "a == 1": (2, "'==' is not an operator", "write eq"),
    "a = 1": (2, "'=' is not an operator", "write eq"),
    "a=1": (1, "'=' is not an operator", "write eq"),
    "a != 1": (2, "'!=' is not an operator", "write ne"),
    "a <> 1": (2, "'<>' is not an operator", "write ne"),
    "a <= 1": (2, "'<=' is not an operator", "write le"),
    "a => 1": (2, "'=>' is not an operator", "write ge"),
    "a < 1": (2, "'<' is not an operator", "write lt"),
    "a > 1": (2, "'>' is not an operator", "write gt"),
    "a eq 1 && b": (7, "'&&' is not an operator", "write and"),
    "a eq 1 || b": (7, "'||' is not an operator", "write or"),
    "!a": (0, "'!' is not an operator", "write not"),
    "a + 1 eq 2": (2, "'+' is not an operator", "write add; in a URL the sign itself is %2B"),
    "a - 1 eq 2": (2, "'-' is not an operator between values", "write sub"),
    "a * 2 eq 2": (2, "'*' is not an operator", "write mul"),
    "a / 2 eq 2": (2, "'/' is not an operator", "write div"),
    "a % 2 eq 2": (2, "'%' is not an operator", "write mod"),
    "a ? 1 : 2": (2, "'?' is not an operator", PAIRS),
    # words of other languages
    "a like 'x%'": (
        2,
        "'like' is not an operator",
        "write contains(name,'text'), startswith or endswith",
    ),
    "a NOT LIKE 'x'": (
        2,
        "'like' is not an operator",
        "write contains(name,'text'), startswith or endswith",
    ),
    "a is null": (2, "'is null' is not an operator", "write x eq null"),
    "a is not null": (2, "'is not null' is not an operator", "write x ne null"),
    "a between 1 and 2": (2, "'between' is not an operator", "write x ge 1 and x le 9"),
    "a not in (1)": (2, "'not in' is not an operator", "write not (x in (1,2))"),
    "a contains 'x'": (2, "'contains' is a function", "write contains(name,'text')"),
    "not contains 'x'": (13, "a function between its arguments", "write contains(name,'text')"),
    "a equals 1": (2, "not an operator", "write eq for equality"),
    "a gte 1": (2, "'gte' is not an operator", "did you mean gt?"),
    "a eq 1 andd b": (7, "'andd' is not an operator", "did you mean and?"),
    "a zzz 1": (2, "'zzz' is not an operator", "put text in single quotes: 'New York'"),
    "a eq 1 order by b": (7, "'order by' is a separate option", "use $orderby=name desc"),
    "eq 1": (3, "an operator at the beginning", "an operator goes between two values"),
    "a or or b": (8, "two operators in a row", "an operator goes between two values"),
    # quotes
    'a eq "x"': (5, "text in double quotes", "put text in single quotes: 'text'"),
    "a eq `x`": (5, "a typographic quote", "put text in straight quotes: 'text'"),
    "a eq \u2018x\u2019": (
        5,
        "the character U+2018 is not allowed in a name",
        "put text in straight single quotes: 'text'",
    ),
    "a eq 'x": (5, "a quote is not closed", DOUBLED),
    "a eq 'x''": (8, "one quote too many", DOUBLED),
    "a eq 'O'Neil'": (8, "text continues after its closing quote", DOUBLED),
    "a eq 'x' 'y'": (9, "two values in a row", "is an operator or a comma missing?"),
    "a eq New York": (9, "two words in a row", "put text in single quotes: 'New York'"),
    "a\u00a0eq 1": (
        1,
        "the character U+00A0 is not allowed in a name",
        "it looks like a space: type it again",
    ),
    # literals of OData 2 and 3, and of other languages
    "d gt datetime'2024-01-31T08:00:00'": (
        5,
        "datetime'...' is not an OData 4 literal",
        "write the instant without quotes and with its offset, e.g. 2024-01-31T08:00:00Z",
    ),
    "d gt datetimeoffset'x'": (
        5,
        "datetimeoffset'...' is not an OData 4 literal",
        "write the instant without quotes, e.g. 2024-01-31T08:00:00Z",
    ),
    "g eq guid'x'": (
        5,
        "guid'...' is not an OData 4 literal",
        "write the Guid without quotes",
    ),
    "b eq X'00'": (5, "X'...' is not an OData 4 literal", "write binary'...' in base64url"),
    "a eq foo'x'": (
        5,
        "foo'...' is not an OData 4 literal",
        "put text in single quotes without a prefix, and write enums as Ns.Type'Name'",
    ),
    "a eq .5": (5, "a number must start with a digit", "for example 0.5"),
    "a eq 5.": (5, "a number must end with a digit", "for example 5.0"),
    "a eq 0x2A": (5, "a hexadecimal number", "OData has decimal numbers only"),
    "a eq 1,000": (
        6,
        "a comma in a number",
        "use a point for decimals and no separator for thousands",
    ),
    "d gt 2024-01-31T08:00:00": (9, "a date and time without offset", INSTANT),
    "d gt 2024-1-31": (9, "not a date", DATE),
    "d ge 2024-01-31Z": (9, "a date with an offset", ZONED.format("Z")),
    "d ge 2024-01-31z and a eq 1": (9, "a date with an offset", ZONED.format("Z")),
    "d in (2024-01-31Z)": (10, "a date with an offset", ZONED.format("Z")),
    "d ge 2024-01-31+01:00": (15, "a date with an offset", ZONED.format("+01:00")),
    "d ge 2024-01-31 -05:30": (16, "a date with an offset", ZONED.format("-05:30")),
    "d gt 2024-01-31 08:00": (16, "a space between date and time", INSTANT),
    "d gt 31.01.2024": (5, "not a date", DATE),
    "d gt 01/31/2024": (7, "not a date", DATE),
    "d gt #2024-01-31#": (5, "not a date", DATE),
    "t gt 24:00": (
        5,
        "hour 24 does not exist",
        "write midnight as 00:00 of the next day",
    ),
    # functions
    "strtswith(a,'x')": (0, "unknown function 'strtswith'", "did you mean startswith?"),
    "substringof('x',a)": (
        0,
        "unknown function 'substringof'",
        "use contains(haystack,needle), with the arguments swapped",
    ),
    "zzz(a)": (
        0,
        "unknown function 'zzz'",
        "write a function of the service with its namespace, e.g. Model.Name(x=1)",
    ),
    "contains(a)": (0, "contains takes 2 arguments, not 1", ""),
    "substring(a)": (0, "substring takes 2 or 3 arguments, not 1", ""),
    "tolower()": (0, "tolower takes 1 argument, not 0", ""),
    "a/Items(b=1,c)": (13, "unexpected ')'", ""),
    # lists
    "a in 1,2": (6, "a list without parentheses", "write in (1,2,3)"),
    "a in (b,c)": (
        7,
        "a name in the list after `in`",
        "the list takes literals; put text in single quotes",
    ),
    "a eq (1,2)": (
        7,
        "a list where one value is compared",
        "a list in parentheses can only follow `in`",
    ),
    "a in (1;2)": (7, "a list is separated by commas", "write in (1,2,3)"),
    # paths, lambdas, case
    "a/ b": (1, "a space in a path", "write Address/City without spaces, or use div to divide"),
    "a /b": (2, "a space in a path", "write Address/City without spaces, or use div to divide"),
    "$it.a": (3, "a dot in a path", "separate the names with slashes: Address/City"),
    "a[0]": (1, "an index in brackets", "OData has no indexes; filter with any or all"),
    "any()": (
        0,
        "unknown function 'any'",
        "use Items/any(i:i/Price gt 5), after a collection",
    ),
    "any(x:x)": (5, "'any' and 'all' follow a collection", LAMBDA),
    "a/any(b gt 5)": (8, "a lambda without a variable", LAMBDA),
    "a/all()": (6, "all needs a predicate", "for example Items/all(i:i/Price gt 5)"),
    "case(a,1)": (6, "case takes pairs", PAIRS),
    "cast(a,'Edm.Int32')": (7, "a type in quotes", "write it without quotes, e.g. Edm.Int32"),
    # structure
    "a eq 1)": (6, "one parenthesis too many", "each ) closes one ("),
    "a eq 1; b eq 2": (6, "a semicolon between conditions", "join them with and, or"),
    "a eq 1, b eq 2": (6, "a comma between conditions", "join them with and, or"),
    "$filter=a eq 1": (0, "the option's name is repeated", "leave out $filter="),
    "filter=a eq 1": (6, "the option's name is repeated", "leave it out"),
}

OTHERS: list[tuple[Callable[[str], object], str, int, str, str]] = [
    (parse_orderby, "a descending", 2, "'descending' is not a direction", "write desc"),
    (
        parse_orderby,
        "a desc nulls last",
        7,
        "the place of nulls cannot be chosen",
        "they come first, with desc last",
    ),
    (parse_compute, "a add 1", 7, "the value needs a name", "write expression as name"),
    (
        parse_expand,
        "a($top=1,$skip=2)",
        8,
        "nested options are separated by semicolons",
        "for example Items($top=1;$skip=2)",
    ),
    (
        parse_expand,
        "a/$ref($levels=4)",
        7,
        "the option $levels is not allowed here",
        "after /$count use $filter and $search; after /$ref also $orderby, $skip, $top, $count",
    ),
    (
        parse_expand,
        "a(b)",
        2,
        "'b' is not an option",
        "the parentheses take options: $select=name;$top=5",
    ),
    (
        parse_apply,
        "groupby(a)",
        8,
        "groupby needs two pairs of parentheses",
        "write groupby((a,b))",
    ),
    (
        parse_apply,
        "aggregate(a with sum)",
        20,
        "the value needs a name",
        "write expression as name",
    ),
    (
        parse_apply,
        "agregate(a)",
        0,
        "unknown transformation 'agregate'",
        "did you mean aggregate?",
    ),
    (parse_search, '"a', 0, "a phrase is not closed", 'write "blue green" OR red'),
    (parse_search, "'a", 0, "a word starts with a quote", 'write "\'tis"'),
]

GROUPED = "write groupby((a,b),aggregate($count as n))"
JOINED = "write a slash between them: groupby((a))/aggregate($count as n)"
VALUES = "write aggregate($count as rows) or aggregate(price with sum as total)"
ORDER = "write price with sum from region with max as most"
TOTALS = (
    "write rollup(a,b); for a row of all rows write"
    " concat(groupby((rollup(a,b)),aggregate($count as n)),aggregate($count as n))"
)
COUNTED = (
    "write aggregate($count as n); to count the rows of a result, end the path with /$count:"
    " Results/$count?$apply=..."
)
COMPUTED = "compute the value first: compute(year(date) as y)/groupby((y))"
METHODS = "the methods are sum, min, max, average, countdistinct"

# text -> (message, hint), the same in any case of the keywords that may have any
SEQUENCES: dict[str, tuple[str, str]] = {
    **{
        f"{step}({wrong})": (f"{step} takes a whole number of 0 or more", f"write {step}(5)")
        for step in ("top", "skip")
        for wrong in ("-1", "1.5", "", "x", "'5'", "$count", "5,6", "5 add 1")
    },
    **{
        f"{kind}({wrong})": (
            f"{kind} takes a number and an expression",
            f"write {kind}(5,price)",
        )
        for kind in ("topcount", "topsum", "toppercent", "bottomcount", "bottompercent")
        for wrong in ("", "3", "a", "3;a")
    },
    "aggregate(a as x with max)": ("the name comes last", "write price with sum as total"),
    "aggregate(a as x from b with max)": ("the name comes last", "write price with sum as total"),
    "aggregate(a from b with sum with max as x)": (
        "two methods in a row",
        f"each `with` after the first follows a `from`: {ORDER}",
    ),
    "aggregate(a with sum with max as x)": (
        "two methods in a row",
        f"each `with` after the first follows a `from`: {ORDER}",
    ),
    "aggregate(a with sum from b as x)": ("each `from` after `with` needs its own `with`", ORDER),
    "aggregate($count with sum as x)": ("$count takes no method", "write $count as rows"),
    "aggregate(a max as x)": ("the method has no `with`", "write price with max as total"),
    "aggregate(a,b sum)": ("the method has no `with`", "write price with sum as total"),
    "aggregate(max a as x)": ("the method precedes its value", "write price with max as total"),
    "aggregate(a with as x)": ("`with` has no method", METHODS),
    "aggregate()": ("aggregate needs a value", VALUES),
    "aggregate(*)": ("aggregate needs a value", VALUES),
    "groupby((rollup($all,a)))": ("rollup takes no $all", TOTALS),
    "groupby((rollup($all,a,b)),aggregate($count as n))": ("rollup takes no $all", TOTALS),
    **{
        f"groupby((a){between}aggregate($count as n))": (
            "groupby takes the paths and then, after a comma, transformations",
            GROUPED,
        )
        for between in (";", " ", "")
    },
    "groupby((a),(b))": ("groupby takes one list of paths", GROUPED),
    "groupby((a desc))": ("groupby does not sort", "write groupby((a))/orderby(a desc)"),
    **{
        f"groupby(({wrong}))": ("groupby takes paths, not expressions", COMPUTED)
        for wrong in ("year(a)", "b,year(a)", "year(a) as y", "a add 1", "a as b", "b,a mul 2")
    },
    **{
        f"groupby((a)){end}": ("$count is not a transformation", COUNTED)
        for end in ("/$count", "/count", "/$count/top(1)")
    },
    "groupby((a),$count as n)": ("$count is not a transformation", COUNTED),
    "identity/$filter(a eq 1)": (
        "'$filter' is not a transformation",
        "write filter(...) without $",
    ),
    "$top(1)": ("'$top' is not a transformation", "write top(...) without $"),
    "identity()": ("identity has no parentheses", "write identity"),
    "concat(identity)": (
        "concat takes two sequences or more",
        "write concat(aggregate($count as n),groupby((a)))",
    ),
    "aggregate": ("aggregate has no parentheses", "write aggregate(...)"),
    "top 5": ("top has no parentheses", "write top(...)"),
    "identity/groupby": ("groupby has no parentheses", "write groupby(...)"),
    "/identity": ("a slash without a transformation before it", "leave it out"),
    "top(1)//top(2)": ("a slash without a transformation before it", "leave it out"),
    "top(1)/": ("a slash without a transformation after it", "leave it out"),
    **{
        f"top(1){between}identity": ("two transformations without a slash", JOINED)
        for between in ("", " ")
    },
    "groupby((a))aggregate($count as n)": ("two transformations without a slash", JOINED),
    **{
        f"filter(a eq 1){between}top(5)": ("transformations are joined by slashes", JOINED)
        for between in (",", ";", "|", ">", "&", " , ")
    },
}

# text -> what was expected, in words, when it is no usual slip
EXPECTED: list[tuple[Callable[[str], object], str, tuple[str, ...]]] = [
    (parse_filter, "", ("an expression",)),
    (parse_filter, "a eq", ("an expression",)),
    (parse_filter, "(a eq 1", ("an operator such as eq or add", ")")),
    (parse_filter, "contains(a,b", ("an operator such as eq or add", "/", ")", ",")),
    (parse_filter, "a in (1,", ("a literal",)),
    (parse_orderby, "a asc b", (",", "the end")),
    (parse_select, "a,", ("a name", "*")),
    (parse_expand, "a($top=x)", ("digits",)),
    (parse_expand, "a($levels=x)", ("digits or max",)),
    (parse_search, "(a", (")",)),
    (parse_apply, "identity/", ("a transformation such as groupby, aggregate or filter",)),
]


def caught(parse: Callable[[str], object], text: str) -> ODataSyntaxError:
    with pytest.raises(ODataSyntaxError) as error:
        parse(text)
    return error.value


@pytest.mark.parametrize(("text", "expected"), FILTERS.items())
def test_slip_in_a_filter(text: str, expected: tuple[int, str, str]) -> None:
    error = caught(parse_filter, text)
    assert (error.position, error.message, error.hint) == expected
    assert error.option == "$filter"


@pytest.mark.parametrize(("parse", "text", "position", "message", "hint"), OTHERS)
def test_slip_elsewhere(
    parse: Callable[[str], object], text: str, position: int, message: str, hint: str
) -> None:
    error = caught(parse, text)
    assert (error.position, error.message, error.hint) == (position, message, hint)


@pytest.mark.parametrize(("text", "expected"), SEQUENCES.items())
def test_slip_in_a_sequence_of_transformations(text: str, expected: tuple[str, str]) -> None:
    error = caught(parse_apply, text)
    assert (error.message, error.hint) == expected


@pytest.mark.parametrize("text", ["a/$count", "id,a/$count", "a/$ref", "a/*"])
def test_slip_in_select(text: str) -> None:
    error = caught(parse_select, text)
    assert error.message == "$select takes properties"
    assert "$expand=a" in error.hint


@pytest.mark.parametrize(("parse", "text", "expected"), EXPECTED)
def test_expected_in_words(
    parse: Callable[[str], object], text: str, expected: tuple[str, ...]
) -> None:
    assert caught(parse, text).expected == expected


def test_every_slip_has_an_example() -> None:
    told = {value[1] for value in FILTERS.values()} | {example[3] for example in OTHERS}
    told |= {message for message, _ in SEQUENCES.values()} | {"$select takes properties"}
    told |= {"a semicolon between parameters"}  # in test_paths
    for slip in COMMON_MISTAKES:
        pattern = slip.message.partition("{0}")
        assert any(t.startswith(pattern[0]) and t.endswith(pattern[2]) for t in told), slip


def test_slips_are_tried_where_the_parser_stopped() -> None:
    assert find_mistake("a", 1, ("EQUALITY",)) is None


def test_rendered_with_a_caret() -> None:
    assert caught(parse_filter, "state == 'x'").render().splitlines() == [
        "$filter: '==' is not an operator at position 7",
        "  state == 'x'",
        "        ^",
        "hint: write eq",
    ]


def test_rendered_with_what_was_expected() -> None:
    assert caught(parse_filter, "(a eq 1").render().splitlines() == [
        "$filter: unexpected end at position 8",
        "  (a eq 1",
        "         ^",
        "expected: an operator such as eq or add, )",
    ]


def test_long_text_is_cut_around_the_place() -> None:
    text = "a eq 1 or " * 50 + "b == 2 or " + "a eq 1 or " * 50
    lines = caught(parse_filter, text).render().splitlines()
    assert lines[1].startswith("  ...")
    assert lines[1].endswith("...")
    assert lines[1][lines[2].index("^")] == "="


def test_what_would_break_the_line_is_shown_as_a_blank() -> None:
    error = caught(parse_filter, "a\n\x00 eq")
    assert error.message == "unexpected character U+0000"
    assert error.render().splitlines()[1:3] == ["  a   eq", "    ^"]


def test_without_text_there_is_no_place() -> None:
    error = caught(lambda raw: parse_query_options(split_query(raw.encode())), "$xyz=1")
    assert error.render() == "$xyz: unknown query option"
