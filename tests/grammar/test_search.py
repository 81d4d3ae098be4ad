"""$search (Part 2, 5.1.8)."""

from __future__ import annotations

import pytest

from grammar import (
    ODataSyntaxError,
    SearchAnd,
    SearchExpr,
    SearchIncomplete,
    SearchNot,
    SearchOr,
    SearchTerm,
    parse_search,
    unparse,
)

A, B, C = map(SearchTerm, "abc")

TREES: dict[str, SearchExpr] = {
    "a": A,
    " a  b ": SearchAnd(A, B),
    "a AND b": SearchAnd(A, B),
    "a b OR c": SearchOr(SearchAnd(A, B), C),
    "a OR b c": SearchOr(A, SearchAnd(B, C)),
    "NOT a b": SearchAnd(SearchNot(A), B),
    "NOT (a OR b)": SearchNot(SearchOr(A, B)),
    "NOT NOT a": SearchNot(SearchNot(A)),
    "a (b OR c)": SearchAnd(A, SearchOr(B, C)),
    "a (b c)": SearchAnd(A, SearchAnd(B, C)),
    "(a)": A,
    '"a b" c': SearchAnd(SearchTerm("a b", phrase=True), C),
    r'"a\"b\\c\d"': SearchTerm(r'a"b\c\d', phrase=True),
    "'a\"b''c'": SearchIncomplete("a\"b'c"),
    "and or not": SearchAnd(SearchAnd(SearchTerm("and"), SearchTerm("or")), SearchTerm("not")),
    # A keyword is a word where no operand follows (2025 text of the ABNF).
    "AND": SearchTerm("AND"),
    "NOT": SearchTerm("NOT"),
    "(NOT) AND a": SearchAnd(SearchTerm("NOT"), A),
    "a OR": SearchAnd(A, SearchTerm("OR")),
    "AND OR NOT": SearchOr(SearchTerm("AND"), SearchTerm("NOT")),
    "NOTa ANDb": SearchAnd(SearchTerm("NOTa"), SearchTerm("ANDb")),
    "Daniel's 08/15 $x a,b": SearchAnd(
        SearchAnd(SearchAnd(SearchTerm("Daniel's"), SearchTerm("08/15")), SearchTerm("$x")),
        SearchTerm("a,b"),
    ),
    "a;b;c d": SearchAnd(SearchTerm("a;b;c"), SearchTerm("d")),
    "\u0394 \U0001f600": SearchAnd(SearchTerm("\u0394"), SearchTerm("\U0001f600")),
}


@pytest.mark.parametrize(("text", "tree"), TREES.items())
def test_search(text: str, tree: SearchExpr) -> None:
    assert parse_search(text) == tree
    assert parse_search(unparse(tree)) == tree


@pytest.mark.parametrize("text", ["", '"a', 'a"', '"a"b', '""', "(a", "a)", "()", "'a", "a ;b=c"])
def test_refused(text: str) -> None:
    with pytest.raises(ODataSyntaxError):
        parse_search(text)
