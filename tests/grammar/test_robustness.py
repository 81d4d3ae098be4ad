"""Whatever arrives, the answer is a tree or ODataSyntaxError, in linear time."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grammar import (
    Limits,
    ODataSyntaxError,
    parse_apply,
    parse_expand,
    parse_expression,
    parse_filter,
    parse_search,
    parse_select,
    unparse,
)
from tests.grammar.fuzz import fuzz_text, fuzz_url
from tests.grammar.oasis import load_cases
from tests.grammar.test_expressions import CANONICAL, STRUCTURE
from tests.support.examples import QUARTERS, examples

MEGABYTE = 2**20
WIDE = Limits(max_characters=4 * MEGABYTE, max_symbols=4 * MEGABYTE)

DEEP: list[tuple[Callable[[str], object], str]] = [
    (parse_filter, "(" * 10_000),
    (parse_filter, "not " * 10_000 + "a"),
    (parse_filter, "-" * 10_000 + "a"),
    (parse_filter, "tolower(" * 10_000 + "a" + ")" * 10_000),
    (parse_filter, "a/any(x:" * 5_000 + "b" + ")" * 5_000),
    (parse_filter, "a" + "/b" * 10_000),
    (parse_filter, "a/$filter(" * 500 + "b" + ")/c/d/e/f" * 500),
    (parse_filter, "[" * 10_000 + "]" * 10_000),
    (parse_filter, '{"a":' * 5_000 + "1" + "}" * 5_000),
    (parse_filter, "a or (" * 5_000 + "b" + ")" * 5_000),
    (parse_filter, "case(a:" * 5_000 + "b" + ")" * 5_000),
    (parse_expand, "a($expand=" * 5_000 + "b" + ")" * 5_000),
    (parse_select, "a($select=" * 5_000 + "b" + ")" * 5_000),
    (parse_search, "NOT " * 10_000 + "a"),
    (parse_apply, "concat(identity," * 5_000 + "identity" + ")" * 5_000),
    (parse_filter, "geography'SRID=0;" + "Collection(" * 5_000 + "'"),
]


@pytest.mark.parametrize(("parse", "text"), DEEP, ids=[text[:16] for _, text in DEEP])
def test_too_deep_is_refused(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(ODataSyntaxError) as caught:
        parse(text)
    assert caught.value.render()


@pytest.mark.parametrize(
    "text",
    [
        "(" * 90 + "a" + ")" * 90,
        "not " * 90 + "a",
        "a" + "/b" * 90,
        "tolower(" * 90 + "a" + ")" * 90,
        "a or (" * 45 + "b" + ")" * 45,
        "a add (b mul (" * 30 + "c" + "))" * 30,
    ],
)
def test_deep_enough_is_a_value(text: str) -> None:
    tree = parse_filter(text)
    again = parse_filter(unparse(tree))
    assert (tree, hash(tree), repr(tree)) == (again, hash(again), repr(again))


def test_parentheses_alone_make_no_tree_deep() -> None:
    assert unparse(parse_filter("(" * 10_000 + "a" + ")" * 10_000)) == "a"
    assert unparse(parse_search("(" * 10_000 + "a" + ")" * 10_000)) == "a"


def test_what_is_expected_is_found_in_bounded_time() -> None:
    with pytest.raises(ODataSyntaxError) as caught:
        parse_filter("not " * 20_000 + "a ~")
    assert "the end" in caught.value.expected


def test_length_is_limited() -> None:
    text = "a eq 1 or " * MEGABYTE
    with pytest.raises(ODataSyntaxError, match="longer than the limit of 131072 characters"):
        parse_filter(text)


def test_nodes_are_limited() -> None:
    assert parse_filter("a eq 1 and b", Limits(max_symbols=5))
    with pytest.raises(ODataSyntaxError, match="more than 5 words and symbols") as caught:
        parse_filter("a eq 1 and b eq 1", Limits(max_symbols=5))
    assert caught.value.position == 12


def test_a_thousand_conditions_are_no_problem() -> None:
    assert parse_filter(" or ".join(f"state eq 'S{n}'" for n in range(1_000)))
    assert parse_filter("state in (" + ",".join(f"'{n}'" for n in range(5_000)) + ")")


@pytest.mark.parametrize("text", ["a eq '\ud800'", "\udfff", "a\ud800\udc00b", "'\udcff'"])
def test_half_a_surrogate_pair_is_refused(text: str) -> None:
    with pytest.raises(ODataSyntaxError, match="surrogate"):
        parse_filter(text)


def test_nul_is_a_character_of_text_only() -> None:
    assert unparse(parse_filter("a eq '\x00'")) == "a eq '\x00'"
    with pytest.raises(ODataSyntaxError):
        parse_filter("a\x00 eq 1")


LINEAR: dict[str, Callable[[int], str]] = {
    "or": lambda n: " or ".join(["a eq 1"] * n),
    "in": lambda n: "a in (" + ",".join(["'x'"] * n) + ")",
    "open": lambda n: "(" * n,
    "blanks": lambda n: "a" + " " * n + "b",
    "quote": lambda n: "a eq '" + "''" * n,
    "quotes": lambda n: "'" + "a''" * n,
    "digits": lambda n: "9" * n + "x",
    "fraction": lambda n: "1." + "1" * n + "e" + "1" * n + "x",
    "dots": lambda n: "a." * n,
    "path": lambda n: "a" + "/a" * n,
    "semicolons": lambda n: "a" + ";a" * n,
    "json": lambda n: '["' + "\\" * n,
    "names": lambda n: "a" * n + "'",
    "or blanks": lambda n: "a or" + " " * n,
    "date": lambda n: "1" * n + "-01-01T",
    "phrase": lambda n: '"' + "a\\" * n,
    "prefer": lambda n: "a" + " ;" * n + "=",
}


@pytest.mark.parametrize("name", LINEAR)
def test_time_is_linear(name: str) -> None:
    """Eight times the text takes about eight times as long, not sixty-four."""
    small, large = (LINEAR[name](n) for n in (1_000, 8_000))

    def seconds(text: str) -> float:
        begin = time.process_time()
        for parse in (parse_expression, parse_search):
            try:
                parse(text, WIDE)
            except ODataSyntaxError as error:
                error.render()
        return time.process_time() - begin

    fastest = [min(seconds(text) for _ in range(3)) for text in (small, large)]
    assert fastest[1] < 30 * max(fastest[0], 0.001), fastest


def mutations(text: bytes, offset: int) -> Iterator[bytes]:
    """Each byte of the text left out, doubled, and replaced by one that changes with the place."""
    for place in range(len(text)):
        replaced = (offset + 37 * place) % 256
        yield text[:place] + text[place + 1 :]
        yield text[:place] + text[place : place + 1] + text[place:]
        yield text[:place] + bytes([replaced]) + text[place + 1 :]


SEEDS = [*CANONICAL, *STRUCTURE, "aggregate(a with sum as b)", "a($top=1;$search=b)", '"a" OR b']


@pytest.mark.parametrize("quarter", QUARTERS)
def test_mutations_of_our_own_texts(quarter: int) -> None:
    for number, text in list(enumerate(SEEDS))[quarter::4]:
        for mutated in itertools.islice(mutations(text.encode(), number), 0, None, 7):
            fuzz_text(mutated.decode("utf-8", "replace"))


@pytest.mark.parametrize("quarter", QUARTERS)
def test_mutations_of_the_cases_of_the_standard(quarter: int) -> None:
    for number, case in list(enumerate(load_cases()))[quarter::4]:
        prefix = "" if case.area in {"path", "search", "apply"} else "$filter="
        raw = f"Results?{prefix}{case.input}".encode() if "?" not in case.input else case.raw
        for mutated in itertools.islice(mutations(raw, number), number % 5, None, 5):
            fuzz_url(mutated)


TOKENS = [
    *"()[]{}',;:=/@$.*\" +-#",
    *(" eq", " and ", " or ", "not ", " in ", " in (", " has ", " add ", " as ", " with ", " desc"),
    *("a", "b.c", "1", "2.5", "'x'", "null", "true", "2024-01-31", "duration'P1D'", "$it", "@p"),
    *("/any(", "/$count", "/$filter(", "/$ref", "contains(", "cast(", "case(", "x:", "$filter="),
    *("aggregate(", "groupby((", "concat(", "filter(", "rollup(", " from ", "sum", "$count"),
    *("AND ", "OR ", "NOT ", '"x y"', "\x00", "\u00e9", "\u00a0", "\ud800", "\U0001f600"),
]


@examples(300)
@given(st.lists(st.sampled_from(TOKENS), max_size=20).map("".join))
def test_soup_of_tokens(text: str) -> None:
    fuzz_text(text)


@examples(200)
@given(st.text(max_size=40))
def test_any_text(text: str) -> None:
    fuzz_text(text)


@examples(200)
@given(st.binary(max_size=40))
def test_any_url(raw: bytes) -> None:
    fuzz_url(raw)
