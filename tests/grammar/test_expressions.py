"""Expressions: text -> canonical text, by area (OData 4.01 Part 2, 5.1.1)."""

from __future__ import annotations

import pytest

from grammar import parse_filter, unparse

CANONICAL = {
    "state eq 'FAILED'": "state eq 'FAILED'",
    "not a and b or c in (1, 2)": "not a and b or c in (1,2)",
    "a in ()": "a in ()",
    "x in (Y)": "x in Y",
    "-(5) add -5 sub --x": "-(5) add -5 sub --x",
    "contains(a/b,'x''y') EQ TRUE": "contains(a/b,'x''y') eq true",
    "Items/any(i:i/P gt 5)": "Items/any(i:i/P gt 5)",
    "case(a gt 10 :15,true:0)": "case(a gt 10 :15,true:0)",
    "cast(x,Edm.Int32)/y": "cast(x,Edm.Int32)/y",
    "$root/Items('a')/b": "$root/Items('a')/b",
    '{"a":[1,\'x\',"y"]}': '{"a":[1,"x","y"]}',
    "1.50e3": "1500.0e0",
    "t gt 2024-02-29t10:00 01:00": "t gt 2024-02-29T10:00:00+01:00",
    "((a))": "a",
    "a sub (b sub c) sub d": "a sub (b sub c) sub d",
}


@pytest.mark.parametrize(("text", "canonical"), CANONICAL.items())
def test_text_becomes_canonical_and_stays_so(text: str, canonical: str) -> None:
    tree = parse_filter(text)
    assert unparse(tree) == canonical
    assert parse_filter(canonical) == tree
