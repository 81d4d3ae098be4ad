"""Messages of syntax errors: what is there, what would be valid, and how to fix it."""

from __future__ import annotations

import re

from grammar.errors import BuilderError, ODataSyntaxError
from grammar.parse.common_mistakes import find_mistake
from grammar.parse.lalr_runtime import BLANKS, END, UnexpectedInput

_WORD = re.compile(r"[\w.$@]+|.", re.DOTALL)
_MAX_WORD_CHARACTERS = 24

# Terminals in the standard's words; where several mean the same group, the first one is listed.
_PHRASES: tuple[tuple[str, str], ...] = (
    ("NOT", "an expression"),
    ("STRING", "a literal"),
    ("_AGGREGATE", "a transformation such as groupby, aggregate or filter"),
    ("SEARCH_WORD", "a word or a phrase"),
    ("SELECT_IS", "an option such as $select or $filter"),
    ("FILTER_IS", "an option such as $filter or $search"),
    ("JSON_STRING", "a JSON string in double quotes"),
    ("NAME", "a name"),
    ("ALIAS", "an alias such as @x"),
    ("EQUALITY", "an operator such as eq or add"),
    ("AND", "and"),
    ("OR", "or"),
    ("DIRECTION", "asc or desc"),
    ("_AS", "as"),
    ("_WITH", "with"),
    ("_FROM", "from"),
    ("STEP", "/"),
    ("_SLASH", "/"),
    ("_OPEN", "("),
    ("_CLOSE", ")"),
    ("_COMMA", ","),
    ("_SEMICOLON", ";"),
    ("_COLON", ":"),
    ("_EQUALS", "="),
    ("_ARRAY_END", "]"),
    ("_RECORD_END", "}"),
    ("DIGITS", "digits"),
    ("LEVELS", "digits or max"),
    ("BOOLEAN", "true or false"),
    ("TRAVERSAL", "preorder or postorder"),
    ("KEEP_START", "keep start"),
    ("STAR", "*"),
    (END, "the end"),
)
# The first of a pair implies the others, which are then left out.
_IMPLIED = (
    ("an expression", {"a literal", "a name", "an alias such as @x", "(", "true or false"}),
    ("a literal", {"true or false"}),
    ("an option such as $select or $filter", {"an option such as $filter or $search"}),
    ("an operator such as eq or add", {"and", "or"}),
)


def unexpected(error: UnexpectedInput, text: str, option: str) -> ODataSyntaxError:
    """Build the error for wrong syntax: a common mistake by name, else what is expected."""
    position = error.position
    while position < len(text) and text[position] in BLANKS:
        position += 1
    advice = find_mistake(text, position, error.expected)
    return ODataSyntaxError(
        advice.message if advice else _found(text, position),
        text=text,
        position=position,
        expected=() if advice else expected_words(error.expected),
        hint=advice.hint if advice else "",
        option=option,
    )


def rejected(error: BuilderError, text: str, option: str) -> ODataSyntaxError:
    """Build the error for a value that a builder rejected, with the position."""
    return ODataSyntaxError(
        error.message, text=text, position=error.position, hint=error.hint, option=option
    )


def expected_words(terminals: tuple[str, ...]) -> tuple[str, ...]:
    """Return terminals of the grammar in the standard's words, each once."""
    words = dict.fromkeys(words for name, words in _PHRASES if name in terminals)
    for implying, implied in _IMPLIED:
        if implying in words:
            words = dict.fromkeys(word for word in words if word not in implied)
    return tuple(words)


def _found(text: str, position: int) -> str:
    word = _WORD.match(text, position)
    if word is None:
        return "unexpected end"
    if word[0].isprintable():
        return f"unexpected '{word[0][:_MAX_WORD_CHARACTERS]}'"
    return f"unexpected character U+{ord(text[position]):04X}"
