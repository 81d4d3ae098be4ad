"""matchesPattern speaks ECMAScript with flag u, as a real engine of that language does."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from random import Random

import duckdb
import pytest

from gateway.edm.model import Property
from gateway.edm.types import PrimitiveType
from gateway.engine.functions import call
from gateway.engine.sql import Sql
from gateway.errors import GatewayError
from gateway.query.bind.patterns import PatternError, to_re2
from gateway.query.tree.expressions import ColumnRef, Constant, FunctionCall
from tests.query.asking import bound, refusal
from tests.support.ecmascript import NODE, found_by_node
from tests.support.examples import sparse

needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed")
STRING = PrimitiveType.STRING
COLUMN = ColumnRef(Property("text", STRING))

REFUSED_BUT_VALID = {
    "lookahead": ("(?=a)", "a(?!b)"),
    "lookbehind": ("(?<=a)b", "(?<!a)b"),
    "backreference": (r"(a)\1", r"(?<x>a)\k<x>"),
    "repetitions": ("a{1001}", "(?:a{100}){11}", "((a{10}){10,}b?){11}"),
    "Unicode property": (r"\p{Alphabetic}", r"\p{C}", r"\p{Cn}", r"\p{scx=Grek}", r"\p{LC}"),
    "nested groups": ("(" * 101 + ")" * 101,),
}
"""What ECMAScript knows and the service does not evaluate."""

ONLY_RE2 = (
    *(r"\A", r"a\z", r"\Z", r"\pL", r"\PL", r"\Qa.b\E", "(?i)a", "(?P<n>a)", "(?s:.)", "(?i:a)"),
    *("[[:alpha:]]", r"\C", r"\a", r"\x{e9}", r"\123", r"\p{Greek}", r"\p{^L}", "a**", "a++"),
    *("^*", r"\b+", "{", "}", "]", "a{,5}", "a{2,1}", "[b-a]", r"[a-\d]", r"[\d-z]", r"\-", r"\_"),
    *("(", ")", "(?", "(?<a", "(?<1>a)", "(?<a>x)(?<a>y)", "[", r"[\B]", "\\", r"\u{110000}"),
    *(r"\u12", r"\xg", r"\c", r"\c1", r"\00", r"\p", r"\p{", r"\p{}", "*", "+a", "?", "a|*"),
)
"""Valid in no ECMAScript engine."""

TEXTS = (
    *("", "a", "A", "ab", "aab", "ba", "b", "abc", "a b", "a\u00a0b", "\ufeff", "\u3000", "\n"),
    *("a\nb", "a\rb", "a\u2028b", "a\u2029", "\u0085", "é", "e\u0301", "aéb", "É", "😀", "a😀b"),
    *("-", "]", "[", "^", "\\", "_", "0", "9", "42", "a-b", "a.b", "a\tb", "\x0b", "\0", "\b"),
    *("Ω", "ж", "漢字", "ß", "a" * 12, "x=1;y=2", "O'Neil", "\uffff", "\ufffd", "\U0010ffff", "/"),
)
_LISTED = r"""
    \s \S ^\S+\s\S+$ . ^.$ a.b [^] [] a[^]b ^[^]*$ [\s] [^\s] [\S] [^\S] [^\S\n] \d \D ^\D*$ \w
    \W [\w-] [^\w] [\W_] [^\W] \u00e9 \u{e9} \u{1F600} \ud83d\ude00 ^\ud83d\ude00$ \ud83d
    [\ud83d\ude00] [\ud83d] ^[^\ud83d]+$ [\ud800-\uffff] [\u{1F5FF}-\u{1F601}] \xe9 \0 \cJ \cj
    \t \v \f [\b] \b \B a\b \Bb ^\B$ \Ba|b\B \B\B \. \/ - [\-] [a\-z] [a-] [-a] [^-a] [--0] [[]
    [\]] [\\] [[:alpha:] [^^] [a^] \^ \$ ^ $ ^$ a$ ^a a|b | a||b (a|b)c (?:ab)+ (?<year>a)
    (?<$>a)b () (|a) a* a+? a?? a{2} a{2,} a{0} a{0,3}? a{01} ^a{3,12}$ (a{2}){3} a{1000} \p{L}
    \P{L} \p{Lu} [\p{Lu}\p{Nd}] [^\p{L}] [\P{L}] [^\P{L}a] [\P{L}\d] \p{Letter} \p{gc=Lu}
    \p{General_Category=Uppercase_Letter} \p{Script=Greek} \p{sc=Cyrl} \p{Script=Han} \p{Any}
    \p{ASCII} \P{ASCII} \p{White_Space} [😀] [é-😀] (a+)+$ (?:a|aa)+$ (?:) (?:a*)*b O'N x=1;y é
    [^a] ^[^a]$ ^[^a]{2}$
"""
VALID = ("", *_LISTED.split())


@pytest.fixture(scope="module")
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def found_in(cursor: duckdb.DuckDBPyConnection, pattern: str, texts: tuple[str, ...]) -> list[bool]:
    """Which of the texts have the pattern, as the engine is asked."""
    sql = call(
        FunctionCall("matchespattern", (COLUMN, Constant(pattern, STRING)), PrimitiveType.BOOLEAN),
        (Sql("text"), Sql("?", (pattern,))),
    )
    rows = cursor.execute(
        f"SELECT {sql.text} FROM (SELECT unnest(?) AS text)",
        (*sql.parameters, list(texts)),
    ).fetchall()
    return [row[0] for row in rows]


def differing(pattern: str, found: list[bool], expected: list[bool]) -> list[str]:
    """The texts that node judges otherwise.

    It finds `\\B` inside of a surrogate pair, where no position is under the flag u.
    """
    triples = zip(TEXTS, found, expected, strict=True)
    wrong = [text for text, ours, theirs in triples if ours != theirs]
    return [t for t in wrong if not ("\\B" in pattern and "\U0001f600" in t)]


@needs_node
def test_patterns_find_what_ecmascript_finds(cursor: duckdb.DuckDBPyConnection) -> None:
    wanted = found_by_node((pattern, TEXTS) for pattern in VALID)
    for pattern, expected in zip(VALID, wanted, strict=True):
        assert expected is not None, pattern
        found = found_in(cursor, pattern, TEXTS)
        assert not differing(pattern, found, expected), (pattern, to_re2(pattern))


@needs_node
@pytest.mark.parametrize("seed", sparse(range(4)))
def test_random_patterns_find_what_ecmascript_finds(
    cursor: duckdb.DuckDBPyConnection, seed: int
) -> None:
    """Pieces of patterns put together at random: most are not valid, in both or in neither."""
    random = Random(seed)
    pieces = [p for p in (*VALID, *ONLY_RE2) if len(p) < 12]
    pieces += [*"abé😀^$.|()[]{}?*+-\\,:=!<>01 ", "(?:", ")*", ")+", "{1,2}"]
    patterns = ["".join(random.choices(pieces, k=random.choice([1, 2, 3, 4]))) for _ in range(1500)]
    wanted = found_by_node((pattern, TEXTS) for pattern in patterns)
    valid = 0
    for pattern, expected in zip(patterns, wanted, strict=True):
        try:
            to_re2(pattern)
        except PatternError as error:
            refused_for = str(error)
        else:
            refused_for = ""
        if refused_for:
            kinds = [kind for kind in REFUSED_BUT_VALID if kind in refused_for]
            assert expected is None or kinds, (pattern, refused_for)
            continue
        assert expected is not None, (pattern, to_re2(pattern))
        found = found_in(cursor, pattern, TEXTS)
        assert not differing(pattern, found, expected), (pattern, to_re2(pattern))
        valid += 1
    assert valid > 300


@needs_node
def test_what_only_re2_knows_is_no_pattern_of_ecmascript() -> None:
    assert found_by_node((pattern, []) for pattern in ONLY_RE2) == [None] * len(ONLY_RE2)
    valid = [pattern for patterns in REFUSED_BUT_VALID.values() for pattern in patterns]
    assert None not in found_by_node((pattern, []) for pattern in valid)


@pytest.mark.parametrize("pattern", ONLY_RE2)
def test_what_only_re2_knows_is_refused(pattern: str) -> None:
    error = refused(pattern)
    assert "at character" in error.message
    assert "ECMAScript" in error.message


@pytest.mark.parametrize(("words", "patterns"), REFUSED_BUT_VALID.items())
def test_what_is_not_evaluated_is_refused_by_name(words: str, patterns: tuple[str, ...]) -> None:
    for pattern in patterns:
        assert words in refused(pattern).message


def refused(pattern: str) -> GatewayError:
    error = refusal(f"$filter=matchesPattern(userName,'{pattern}')")
    assert error.status == 400
    return error


def test_a_pattern_is_found_by_its_case() -> None:
    assert to_re2("Straße") == "Straße"
    assert bound("$filter=matchesPattern(userName,'A')") != bound(
        "$filter=matchesPattern(userName,'a')"
    )


@needs_node
def test_a_pattern_that_is_a_value_means_the_same_or_is_refused(
    cursor: duckdb.DuckDBPyConnection,
) -> None:
    """It cannot be translated, so that only what means the same to RE2 is evaluated."""
    sql = call(
        FunctionCall("matchespattern", (COLUMN, COLUMN), PrimitiveType.BOOLEAN),
        (Sql("text"), Sql("pattern")),
    )
    patterns = (*VALID, *ONLY_RE2, *(p for ps in REFUSED_BUT_VALID.values() for p in ps))
    evaluated = 0
    for pattern, expected in zip(
        patterns, found_by_node((p, TEXTS) for p in patterns), strict=True
    ):
        question = f"SELECT {sql.text} FROM (SELECT unnest(?) AS text, ? AS pattern)"
        try:
            rows = cursor.execute(question, (list(TEXTS), pattern)).fetchall()
        except duckdb.InvalidInputException:
            continue
        assert [row[0] for row in rows] == expected, pattern
        evaluated += 1
    assert evaluated > 30


RECLASSIFIED = {"295"}
"""Unicode 16 made it an other letter, which a node of its time knows."""
CATEGORIES = ("L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "N", "Nd", "P", "S", "Sc", "Z", "Zs")


@pytest.fixture(scope="module")
def assigned() -> tuple[str, ...]:
    """All letters of Unicode."""
    return tuple(
        chr(code)
        for code in range(0x110000)
        if not 0xD800 <= code < 0xE000 and unicodedata.category(chr(code)) != "Cn"
    )


@needs_node
@pytest.mark.parametrize("name", [*CATEGORIES, "Script=Greek", "Script=Latin", "Script=Han"])
def test_properties_are_those_of_ecmascript(
    cursor: duckdb.DuckDBPyConnection, assigned: tuple[str, ...], name: str
) -> None:
    """In all of Unicode that was assigned by version 14: RE2's tables are not the newest."""
    pattern = rf"\p{{{name}}}"
    [expected] = found_by_node([(pattern, assigned)])
    assert expected is not None
    found = found_in(cursor, pattern, assigned)
    wrong = [t for t, f, e in zip(assigned, found, expected, strict=True) if f != e]
    assert {f"{ord(text):x}" for text in wrong} <= RECLASSIFIED
