"""Payload values, context URLs and header values (ABNF 6; Part 1, 8 and 10)."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from grammar import (
    KeyPredicate,
    Literal,
    LiteralKind,
    LiteralValue,
    ODataSyntaxError,
    Preference,
    Segment,
    parse_prefer,
    parse_value,
)
from tests.grammar.context import ContextFragment, ContextItem, context_text, parse_context
from tests.grammar.headers import check_header, check_prefer

VALUES: dict[tuple[str, str], LiteralValue] = {
    ("Edm.Boolean", "true"): True,
    ("Edm.Int32", "-42"): -42,
    ("Edm.Decimal", "1.50"): Decimal("1.50"),
    ("Edm.Decimal", "INF"): math.inf,
    ("Edm.Double", "-1e3"): -1000.0,
    ("Edm.String", "O'Neil\n"): "O'Neil\n",
    ("Edm.Date", "2024-02-29"): "2024-02-29",
    ("Edm.TimeOfDay", "07:59"): "07:59:00",
    ("Edm.DateTimeOffset", "2024-02-29T00:00+01:00"): "2024-02-29T00:00:00+01:00",
    ("Edm.Duration", "P1D"): "P1D",
    ("Edm.Guid", "A1B2C3D4-0000-0000-0000-00000000000F"): "a1b2c3d4-0000-0000-0000-00000000000f",
    ("Edm.Binary", "Zm8="): "Zm8",
    ("Edm.GeographyPoint", "SRID=0;Point(1 2)"): "SRID=0;Point(1 2)",
    ("Edm.GeometryPoint", "SRID=0;Point(1 2)"): "SRID=0;Point(1 2)",
    ("N.Color", "Red,2"): "Red,2",
}


@pytest.mark.parametrize(("typed", "value"), VALUES.items())
def test_value(typed: tuple[str, str], value: LiteralValue) -> None:
    type_name, text = typed
    assert parse_value(text, type_name).value == value


@pytest.mark.parametrize(
    ("type_name", "text"),
    [
        ("Edm.Boolean", "TRUE"),
        ("Edm.Int32", "1.5"),
        ("Edm.Decimal", "1."),
        ("Edm.Date", "2024-13-01"),
        ("Edm.DateTimeOffset", "2024-02-29T00:00 01:00"),
        ("Edm.Duration", "+P1D"),
        ("Edm.Stream", "x"),
        ("N.Color", ""),
        ("Edm.Double", ""),
    ],
)
def test_refused_value(type_name: str, text: str) -> None:
    with pytest.raises(ODataSyntaxError):
        parse_value(text, type_name)


R = Segment("Results")
ID = ContextItem(("id",))
A_KEY = KeyPredicate((("", Literal(LiteralKind.STRING, "a")),))
CONTEXTS = {
    "Results": ContextFragment((R,)),
    "Results/$entity": ContextFragment((R,), None, "$entity"),
    "Results(id)/$delta": ContextFragment((R,), (ID,), "$delta"),
    "Results()": ContextFragment((R,), ()),
    "Results(*,a/b,N.*,c(id),d+(id))": ContextFragment(
        (R,),
        (
            ContextItem(("*",)),
            ContextItem(("a", "b")),
            ContextItem(("N.*",)),
            ContextItem(("c",), (ID,)),
            ContextItem(("d",), (ID,), is_recursive=True),
        ),
    ),
    "Results('a')/progress": ContextFragment((Segment("Results", A_KEY), Segment("progress"))),
    "Results(id='a')/x": ContextFragment(
        (
            Segment("Results", KeyPredicate((("id", Literal(LiteralKind.STRING, "a")),))),
            Segment("x"),
        )
    ),
    "Collection(Edm.String)": ContextFragment((Segment("Collection(Edm.String)"),)),
    "Collection($ref)": ContextFragment((Segment("Collection($ref)"),)),
    "$ref": ContextFragment((Segment("$ref"),)),
}


@pytest.mark.parametrize(("text", "tree"), CONTEXTS.items())
def test_context(text: str, tree: ContextFragment) -> None:
    assert parse_context(text) == tree
    assert context_text(tree) == text


@pytest.mark.parametrize("text", ["", "Results(", "Results/$nope", "Results(a,)", "Results%28a%29"])
def test_refused_context(text: str) -> None:
    with pytest.raises(ODataSyntaxError):
        parse_context(text)


def test_prefer() -> None:
    text = 'odata.maxpagesize=50 , foo="a\\"b" ; Bar=1; baz,return=minimal'
    assert (
        parse_prefer(text)
        == check_prefer(text)
        == (
            Preference("maxpagesize", "50"),
            Preference("foo", 'a"b', (("bar", "1"), ("baz", ""))),
            Preference("return", "minimal"),
        )
    )
    assert parse_prefer("") == ()


@pytest.mark.parametrize(
    "text", ["=", "a b", "maxpagesize=0", "return=all", 'a="', "include-annotations=N."]
)
def test_refused_preference(text: str) -> None:
    with pytest.raises(ODataSyntaxError) as caught:
        check_prefer(text)
    assert caught.value.option == "Prefer"


def test_header() -> None:
    check_header("OData-Version", " 4.01 ")
    check_header("X-Anything", "at all")
    with pytest.raises(ODataSyntaxError):
        check_header("odata-version", "3.0")
