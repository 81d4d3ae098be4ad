"""$orderby, $compute, $select, $expand and whole sets of options (Part 2, 5)."""

from __future__ import annotations

import pytest

from grammar import (
    Alias,
    Binary,
    ComputeItem,
    ExpandItem,
    Identity,
    Limits,
    ListExpr,
    Literal,
    LiteralKind,
    Member,
    Name,
    ODataSyntaxError,
    OrderItem,
    QueryOptions,
    SearchTerm,
    SelectItem,
    Special,
    UnknownOptionError,
    encode_query,
    option_pairs,
    parse_compute,
    parse_expand,
    parse_orderby,
    parse_query_options,
    parse_select,
    split_query,
    unparse,
)

A, B = Name("a"), Name("b")
ONE = Literal(LiteralKind.INTEGER, 1)

ORDERBY = {
    "a": (OrderItem(A),),
    "a asc": (OrderItem(A),),
    "a DESC , b": (OrderItem(A, descending=True), OrderItem(B)),
    "a/b desc": (OrderItem(Member(A, "b"), descending=True),),
    "a add 1 desc": (OrderItem(Binary("add", A, ONE), descending=True),),
    "desc desc": (OrderItem(Name("desc"), descending=True),),
}
COMPUTE = {
    "a add 1 as b": (ComputeItem(Binary("add", A, ONE), "b"),),
    "a AS b , b as c": (ComputeItem(A, "b"), ComputeItem(B, "c")),
}
SELECT = {
    "a": (SelectItem(("a",)),),
    "a, b": (SelectItem(("a",)), SelectItem(("b",))),
    "*": (SelectItem(("*",)),),
    "N.M.*": (SelectItem(("N.M.*",)),),
    "a/N.T/b": (SelectItem(("a", "N.T", "b")),),
    "@N.t,a/@N.t#q": (SelectItem(("@N.t",)), SelectItem(("a", "@N.t#q"))),
    "N.f()": (SelectItem(("N.f",), parameters=()),),
    "N.f(a,b)": (SelectItem(("N.f",), parameters=("a", "b")),),
    "a($select=b;top=1)": (SelectItem(("a",), QueryOptions(select=(SelectItem(("b",)),), top=1)),),
    "a(@x=$it;$filter=b)": (
        SelectItem(("a",), QueryOptions(filter=B, aliases=(("x", Special("$it")),))),
    ),
}
EXPAND = {
    "a": (ExpandItem(("a",)),),
    "*": (ExpandItem(("*",)),),
    "$value": (ExpandItem(("$value",)),),
    "a/N.T/b": (ExpandItem(("a", "N.T", "b")),),
    "@N.t": (ExpandItem(("@N.t",)),),
    "a/*/$ref": (ExpandItem(("a", "*"), "$ref"),),
    "a/$ref($top=1)": (ExpandItem(("a",), "$ref", QueryOptions(top=1)),),
    "a/$count": (ExpandItem(("a",), "$count"),),
    "a/$count($search=b)": (ExpandItem(("a",), "$count", QueryOptions(search=SearchTerm("b"))),),
    "a($levels=2),a/$ref": (
        ExpandItem(("a",), "", QueryOptions(levels=2)),
        ExpandItem(("a",), "$ref"),
    ),
    "a($levels=MAX)": (ExpandItem(("a",), "", QueryOptions(levels=-1)),),
    "a( $Count = true ; orderby = a desc, b ; $skip=1 )": (
        ExpandItem(
            ("a",),
            "",
            QueryOptions(count=True, orderby=(OrderItem(A, descending=True), OrderItem(B)), skip=1),
        ),
    ),
    "a($expand=b($select=c);$apply=identity;$compute=a as d)": (
        ExpandItem(
            ("a",),
            "",
            QueryOptions(
                apply=(Identity(),),
                compute=(ComputeItem(A, "d"),),
                expand=(ExpandItem(("b",), "", QueryOptions(select=(SelectItem(("c",)),))),),
            ),
        ),
    ),
    "a($search=b;c;$top=1)": (
        ExpandItem(("a",), "", QueryOptions(search=SearchTerm("b;c"), top=1)),
    ),
}


@pytest.mark.parametrize(("text", "items"), ORDERBY.items())
def test_orderby(text: str, items: tuple[OrderItem, ...]) -> None:
    assert parse_orderby(text) == items
    assert parse_orderby(unparse(items)) == items


@pytest.mark.parametrize(("text", "items"), COMPUTE.items())
def test_compute(text: str, items: tuple[ComputeItem, ...]) -> None:
    assert parse_compute(text) == items
    assert parse_compute(unparse(items)) == items


@pytest.mark.parametrize(("text", "items"), SELECT.items())
def test_select(text: str, items: tuple[SelectItem, ...]) -> None:
    assert parse_select(text) == items
    assert parse_select(unparse(items)) == items


@pytest.mark.parametrize(("text", "items"), EXPAND.items())
def test_expand(text: str, items: tuple[ExpandItem, ...]) -> None:
    assert parse_expand(text) == items
    assert parse_expand(unparse(items)) == items


def test_all_options_of_a_resource() -> None:
    query = (
        b"$apply=identity&$compute=a+as+c&$search=x&$filter=a+eq+@p&$count=true&$orderby=b"
        b"&$skip=2&$top=3&$expand=n&$select=a&$format=json&$schemaversion=*&$skiptoken=t%26u"
        b"&$deltatoken=d&$id=Results(1)&$index=4&@p=[1]&foo=b%20ar&!x"
    )
    options = parse_query_options(split_query(query))
    assert options == QueryOptions(
        apply=(Identity(),),
        compute=(ComputeItem(A, "c"),),
        search=SearchTerm("x"),
        filter=Binary("eq", A, Alias("p")),
        count=True,
        orderby=(OrderItem(B),),
        skip=2,
        top=3,
        expand=(ExpandItem(("n",)),),
        select=(SelectItem(("a",)),),
        format="json",
        schemaversion="*",
        skiptoken="t&u",
        deltatoken="d",
        id="Results(1)",
        index=4,
        aliases=(("p", ListExpr((ONE,))),),
        custom=(("foo", "b ar"), ("!x", "")),
    )
    again = encode_query(option_pairs(options)).encode()
    assert parse_query_options(split_query(again)) == options


@pytest.mark.parametrize("name", ["$filter", "filter", "$Filter", "FILTER", " $filter "])
def test_names_in_any_case_with_and_without_dollar(name: str) -> None:
    assert parse_query_options(((name, "a"),)).filter == A


@pytest.mark.parametrize("name", ["skiptoken", "deltatoken", "filtre", "Topp", "sap-client", ""])
def test_what_is_no_system_option_is_custom(name: str) -> None:
    assert parse_query_options(((name, "a"),)).custom == ((name, "a"),)


def test_text_options_keep_their_text() -> None:
    options = parse_query_options((("$skiptoken", " a\t"), ("$format", "Application/JSON")))
    assert (options.skiptoken, options.format) == (" a\t", "Application/JSON")


def test_unknown_system_option_names_the_nearest() -> None:
    with pytest.raises(UnknownOptionError) as caught:
        parse_query_options((("$filtre", "a"),))
    assert (caught.value.option, caught.value.hint) == ("$filtre", "did you mean $filter?")
    with pytest.raises(UnknownOptionError) as caught:
        parse_query_options((("$xyz", "a"),))
    assert caught.value.hint == ""


REFUSED = {
    "$filter=a&filter=a": ("$filter", "given twice"),
    "$TOP=1&$top=1": ("$top", "given twice"),
    "@a=1&@a=2": ("@a", "assigned twice"),
    "@=1": ("@", "unexpected '@'"),
    "@a/b=1": ("@a/b", "not an alias name"),
    "@a=": ("@a", "has no value"),
    "$filter=": ("$filter", "has no value"),
    "$top": ("$top", "has no value"),
    "$top=-1": ("$top", "not a whole number of 0 or more"),
    "$top=1.5": ("$top", "not a whole number of 0 or more"),
    "$skip=%D9%A1": ("$skip", "not a whole number of 0 or more"),
    "$top=1234567890123456789": ("$top", "a number with 19 digits is too large"),
    "$count=1": ("$count", "neither true nor false"),
    "$levels=1": ("$levels", "is only allowed inside $expand"),
    "$expand=a,b,a": ("$expand", "a is expanded twice"),
    "$expand=a($levels=1234567890123456789)": ("$expand", "a number with 19 digits is too large"),
    "$expand=a($filter=b;$filter=b)": ("$expand", "$filter is given twice"),
    "$expand=a(@x=b;@x=b)": ("$expand", "the alias @x is assigned twice"),
    "$compute=a as N.b": ("$compute", "a new name cannot have a namespace"),
    "$select=a,": ("$select", "unexpected end"),
    "$format=" + "x" * 40: ("$format", "longer than the limit of 32 characters"),
}


@pytest.mark.parametrize(("query", "expected"), REFUSED.items())
def test_refused(query: str, expected: tuple[str, str]) -> None:
    limits = Limits(max_characters=32) if query.startswith("$format") else Limits()
    with pytest.raises(ODataSyntaxError) as caught:
        parse_query_options(split_query(query.encode()), limits)
    assert (caught.value.option, caught.value.message) == expected
