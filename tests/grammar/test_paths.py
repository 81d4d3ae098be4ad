"""Resource paths and URLs (Part 2, 2 and 4)."""

from __future__ import annotations

import pytest

from grammar import (
    Alias,
    Binary,
    KeyPredicate,
    Limits,
    Literal,
    LiteralKind,
    Name,
    ODataSyntaxError,
    Segment,
    encode_path,
    encode_query,
    parse_resource_path,
    split_path,
    split_query,
    unparse,
)
from tests.grammar.relative_url import parse_relative_url

ONE = Literal(LiteralKind.INTEGER, 1)


def text(value: str) -> Literal:
    return Literal(LiteralKind.STRING, value)


def keyed(name: str, *values: tuple[str, Literal | Alias]) -> Segment:
    return Segment(name, KeyPredicate(values))


PATHS: dict[str, tuple[Segment, ...]] = {
    "": (),
    "/": (),
    "Results": (Segment("Results"),),
    "Results/": (Segment("Results"),),
    "/Results": (Segment("Results"),),
    "Results('a')": (keyed("Results", ("", text("a"))),),
    "Results%28%27a%27%29": (keyed("Results", ("", text("a"))),),
    "Results(id='a')": (keyed("Results", ("id", text("a"))),),
    "Results( id = 'a' , n=1 )": (keyed("Results", ("id", text("a")), ("n", ONE)),),
    "Results('a%2Fb')": (keyed("Results", ("", text("a/b"))),),
    "Results('a+b')": (keyed("Results", ("", text("a+b"))),),
    "Results('O''Neil')": (keyed("Results", ("", text("O'Neil"))),),
    "Results(@k)": (keyed("Results", ("", Alias("k"))),),
    "Results(2024-01-31T08:00:00%2B01:00)": (
        keyed("Results", ("", Literal(LiteralKind.DATE_TIME_OFFSET, "2024-01-31T08:00:00+01:00"))),
    ),
    "Results/$count": (Segment("Results"), Segment("$count")),
    "Results('a')/state/$value": (
        keyed("Results", ("", text("a"))),
        Segment("state"),
        Segment("$value"),
    ),
    "Results/$query": (Segment("Results"), Segment("$query")),
    "Results/$count/$query": (Segment("Results"), Segment("$count"), Segment("$query")),
    "Results/$filter(@f)/$each": (
        Segment("Results"),
        Segment("$filter", argument=Alias("f")),
        Segment("$each"),
    ),
    "Results/$filter(n eq 1)/$count": (
        Segment("Results"),
        Segment("$filter", argument=Binary("eq", Name("n"), ONE)),
        Segment("$count"),
    ),
    "Results/N.Type/N.F()": (
        Segment("Results"),
        Segment("N.Type"),
        Segment("N.F", KeyPredicate(())),
    ),
    "F(n=1)(1)/a": (keyed("F", ("n", ONE)), keyed("", ("", ONE)), Segment("a")),
    "$metadata": (Segment("$metadata"),),
    "$batch": (Segment("$batch"),),
    "$entity/N.Type": (Segment("$entity"), Segment("N.Type")),
    "$all/N.Type": (Segment("$all"), Segment("N.Type")),
    "$crossjoin(A, B)/$count": (Segment("$crossjoin", names=("A", "B")), Segment("$count")),
    # key-as-segment (4.3.6): any text, decoded
    "Results/u1_c1": (Segment("Results"), Segment("u1_c1")),
    "Results/2001/-1": (Segment("Results"), Segment("2001"), Segment("-1")),
    "Results/O'Neil": (Segment("Results"), Segment("O'Neil")),
    "Results/a%2Fb": (Segment("Results"), Segment("a/b")),
    "Results/Tablet%20(small)": (Segment("Results"), Segment("Tablet (small)")),
}

REFUSED = {
    "Results('a'": "unexpected end",
    "Results(a)": "unexpected ')'",
    "Results('a';'b')": "a semicolon between parameters",
    "Results/Items(1": "unexpected end",
    ".Results": "unexpected '.Results'",
    "2001": "unexpected '2001'",
    "$count": "$count needs a resource before it",
    "$filter(a)": "$filter needs a resource before it",
    "Results/$metadata": "$metadata is only allowed at the service root",
    "$cuont": "unknown segment $cuont",
    "Results/$cuont": "unknown segment $cuont",
    "Results/$Count": "unknown segment $Count",
    "Results/$xyz": "unknown segment $xyz",
    "Results/$count/a": "nothing can follow $count",
    "Results/$ref/$count": "nothing can follow $ref",
    "Results/$query/$query": "nothing can follow $query",
    "$metadata/a": "nothing can follow $metadata",
    "Results//a": "an empty segment: two slashes in a row",
    "Results/" + "a/" * 100: "more than 100 segments",
}


@pytest.mark.parametrize(("raw", "segments"), PATHS.items())
def test_path(raw: str, segments: tuple[Segment, ...]) -> None:
    path = parse_resource_path(split_path(raw.encode()))
    assert path.segments == segments
    assert parse_resource_path(split_path(encode_path(path).encode())) == path


def test_decoded_path() -> None:
    path = parse_resource_path(("F(n=1)(1)", "$filter(a eq 1)", "$count"))
    assert unparse(path) == "F(n=1)(1)/$filter(a eq 1)/$count"
    assert unparse(path.segments[0]) == "F(n=1)"
    assert unparse(KeyPredicate((("n", ONE),))) == "n=1"


@pytest.mark.parametrize(("raw", "message"), REFUSED.items())
def test_refused_path(raw: str, message: str) -> None:
    with pytest.raises(ODataSyntaxError) as caught:
        parse_resource_path(split_path(raw.encode()))
    assert (caught.value.message, caught.value.option) == (message, "path")


def test_long_segment() -> None:
    with pytest.raises(ODataSyntaxError, match="longer than the limit"):
        parse_resource_path(("Results", "x" * 100), Limits(max_characters=50))


def test_query_is_split_before_it_is_decoded() -> None:
    raw = b"$filter=a%20eq%20'x%26y%3D'&top=5&&a+b=c+d%2B&e"
    pairs = (("$filter", "a eq 'x&y='"), ("top", "5"), ("a b", "c d+"), ("e", ""))
    assert split_query(raw) == pairs
    assert split_query(encode_query(pairs).encode()) == pairs
    assert split_query(b"") == ()


def test_decoded_exactly_once() -> None:
    assert split_query(b"a=%2541") == (("a", "%41"),)
    assert split_path(b"a%252Fb") == ("a%2Fb",)


@pytest.mark.parametrize("raw", [b"a=%zz", b"a=%4", b"%=1", b"a=%ff", b"a=\xff", b"a=1#b"])
def test_refused_query(raw: bytes) -> None:
    with pytest.raises(ODataSyntaxError):
        split_query(raw)


@pytest.mark.parametrize("raw", [b"a%zz", b"a/%ff", b"a#b"])
def test_refused_raw_path(raw: bytes) -> None:
    with pytest.raises(ODataSyntaxError):
        split_path(raw)


def test_relative_url() -> None:
    path, options = parse_relative_url(b"$entity?$id=Results('a')")
    assert (path.segments, options.id) == ((Segment("$entity"),), "Results('a')")
    with pytest.raises(ODataSyntaxError, match=r"needs the option \$id"):
        parse_relative_url(b"$entity?$format=json")
