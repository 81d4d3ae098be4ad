"""The grammar itself: Lark in strict mode accepts it, and Lark's own parser builds our trees."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest
from lark import Lark
from lark.exceptions import GrammarError, LexError, UnexpectedInput

from grammar import ODataSyntaxError
from grammar.errors import BuilderError
from grammar.limits import DEFAULT_LIMITS
from grammar.parse.parser import parse
from grammar.parse.rules import RULES, TERMINALS
from grammar.parse.tables import NoLexer, grammar_text
from tests.grammar.context import (
    EXTENDED_GRAMMAR,
    EXTENDED_STARTS,
    START,
    extended_callbacks,
    parse_context,
)
from tests.grammar.oasis import load_cases
from tests.grammar.test_apply import REFUSED as APPLY_REFUSED
from tests.grammar.test_apply import SEQUENCES
from tests.grammar.test_expressions import CANONICAL, PRECEDENCE, REFUSED, STRUCTURE
from tests.grammar.test_literals import LITERALS
from tests.grammar.test_options import COMPUTE, EXPAND, ORDERBY, SELECT
from tests.grammar.test_search import TREES
from tests.grammar.test_values import CONTEXTS

TEXTS: dict[str, Iterable[str]] = {
    "expression": [*PRECEDENCE, *STRUCTURE, *CANONICAL, *REFUSED, *LITERALS],
    "orderby": ORDERBY,
    "compute": COMPUTE,
    "select": SELECT,
    "expand": EXPAND,
    "search": TREES,
    "apply": [*SEQUENCES, *APPLY_REFUSED],
    "context": CONTEXTS,
    "alias_value": ['{"a":[1]}', '"x"'],
    "segment": [
        "Results('a')",
        "Results(id=@k)",
        "F()(1)",
        "$filter(a)",
        "$crossjoin(A,B)",
        "$all",
    ],
}


@pytest.fixture(scope="module")
def stock() -> Lark:
    """Lark with its own contextual lexer; strict: no conflict, no two terminals for one text.

    The extension for context URLs only adds rules, so the grammar that ships is as strict.
    """
    return Lark(
        EXTENDED_GRAMMAR,
        parser="lalr",
        lexer="contextual",
        strict=True,
        start=list(EXTENDED_STARTS),
        transformer=extended_callbacks(),
        maybe_placeholders=False,
    )


def ours(start: str, text: str) -> object:
    try:
        return parse_context(text) if start == START else parse(start, text, DEFAULT_LIMITS, "")
    except ODataSyntaxError:
        return None


def larks(stock: Lark, start: str, text: str) -> object:
    try:
        return stock.parse(text.strip(" \t"), start=start)
    except (UnexpectedInput, BuilderError):
        return None


@pytest.mark.parametrize("start", EXTENDED_STARTS)
def test_lark_itself_builds_the_same_trees(stock: Lark, start: str) -> None:
    for text in TEXTS[start]:
        assert ours(start, text) == larks(stock, start, text), text


def test_also_for_the_cases_of_the_standard(stock: Lark) -> None:
    for case in load_cases():
        for start in ("expression", "search", "segment"):
            assert ours(start, case.input) == larks(stock, start, case.input), case.input


@pytest.mark.parametrize(
    ("flaw", "error"),
    [
        ("word: NAME | OTHER\nOTHER: /[a-c]+/", LexError),
        ("word: NAME | word OR word", GrammarError),
    ],
)
def test_strict_mode_would_find_a_flaw(flaw: str, error: type[Exception]) -> None:
    grammar = f'start: word OR word\n{flaw}\nNAME: /[a-z]+/\nOR: "|"'
    with pytest.raises(error):
        Lark(grammar, parser="lalr", lexer="contextual", strict=True)


def test_every_rule_and_terminal_of_the_tables_stands_in_the_grammar() -> None:
    text = grammar_text()
    aliases = set(re.findall(r"->\s*(\w+)", text))
    rules = aliases | set(re.findall(r"^\??(\w+):", text, re.MULTILINE))
    terminals = set(re.findall(r"^([A-Z_]+)(?:\.\d)?:", text, re.MULTILINE))
    assert RULES.keys() <= rules
    assert TERMINALS.keys() <= terminals
    assert aliases <= RULES.keys()


def test_lark_never_finds_terminals_for_us() -> None:
    with pytest.raises(NotImplementedError):
        NoLexer(None).lex("", None)
