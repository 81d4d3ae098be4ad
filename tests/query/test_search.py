"""$search: precedence, and which columns are searched."""

from __future__ import annotations

import pytest

from gateway.query.tree.expressions import And, Matches
from gateway.query.tree.render import render_expr
from tests.query.asking import SCHEMA, bound, refusal

TEXTS = tuple(
    prop
    for prop in SCHEMA.entity_sets[0].entity_type.properties
    if prop.type == "Edm.String" and not prop.collection
)


def searched(text: str) -> str:
    condition = bound(f"$search={text}").filter
    assert condition is not None
    return render_expr(condition)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("fire", "search('fire')"),
        ('"fire safety"', "search('fire safety')"),
        ("'fire saf", None),
        ("'fire ''saf'", "search('fire ''saf')"),
        ("a b", "search('a') and search('b')"),
        ("a OR b c", "search('a') or (search('b') and search('c'))"),
        ("a AND b OR NOT c", "(search('a') and search('b')) or (not search('c'))"),
        ("NOT a b", "(not search('a')) and search('b')"),
        ("NOT (a OR b)", "not (search('a') or search('b'))"),
        ("a b c d", "search('a') and search('b') and search('c') and search('d')"),
    ],
)
def test_not_binds_tighter_than_and_than_or(written: str, meant: str | None) -> None:
    if meant is None:
        assert refusal(f"$search={written}").code == "InvalidSyntax"
    else:
        assert searched(written) == meant


def test_the_single_text_columns_of_the_contract_are_searched() -> None:
    condition = bound("$search=x").filter
    assert condition == Matches("x", TEXTS)
    assert {"id", "userName", "state", "department"} <= {prop.name for prop in TEXTS}


def test_a_row_must_pass_search_and_filter() -> None:
    condition = bound("$search=a b&$filter=state eq 'FAILED' and progress gt 5").filter
    assert isinstance(condition, And)
    assert [render_expr(term) for term in condition.terms] == [
        *("search('a')", "search('b')", "state eq 'FAILED'", "progress gt 5"),
    ]
    alone = bound("$search=a&$filter=state eq 'FAILED'", "Results/$count").filter
    assert alone == bound("$search=a&$filter=state eq 'FAILED'").filter


def test_a_long_chain_is_no_deep_one() -> None:
    condition = bound(f"$search={' '.join(['a'] * 100)}").filter
    assert isinstance(condition, And)
    assert len(condition.terms) == 100


def test_what_is_sought_at_once_has_a_limit() -> None:
    words = " ".join(["a OR NOT b"] * 50)
    assert bound(f"$search={words}").filter
    assert refusal(f"$search={words} c").code == "LimitExceeded"
