"""The fuzz target: any bytes give a tree or ODataSyntaxError, from every parser.

Hypothesis calls it in the tests. With atheris installed, `python -m tests.grammar.fuzz` runs it
guided by coverage until it is interrupted; the arguments are libFuzzer's.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable

from grammar import (
    ODataSyntaxError,
    encode_path,
    encode_query,
    option_pairs,
    parse_apply,
    parse_compute,
    parse_expand,
    parse_expression,
    parse_orderby,
    parse_prefer,
    parse_query_options,
    parse_resource_path,
    parse_search,
    parse_select,
    parse_value,
    split_path,
    split_query,
    unparse,
)
from grammar.limits import DEFAULT_LIMITS
from grammar.parse.parser import parse
from tests.grammar.context import parse_context
from tests.grammar.headers import check_prefer
from tests.grammar.relative_url import parse_relative_url

PARSERS: tuple[Callable[[str], object], ...] = (
    parse_expression,
    parse_orderby,
    parse_compute,
    parse_select,
    parse_expand,
    parse_search,
    parse_apply,
    parse_context,
    parse_prefer,
    check_prefer,
    lambda text: parse("segment", text, DEFAULT_LIMITS, ""),
    lambda text: parse("alias_value", text, DEFAULT_LIMITS, ""),
    lambda text: parse_value(text, "Edm.DateTimeOffset"),
    lambda text: parse_value(text, "Edm.Duration"),
    lambda text: parse_value(text, "Edm.GeographyPoint"),
)


def refusal(parser: Callable[[str], object], text: str) -> ODataSyntaxError | None:
    """How the parser refuses the text, or None; any other exception is a bug and passes."""
    try:
        parser(text)
    except ODataSyntaxError as error:
        return error
    return None


def fuzz_text(text: str) -> None:
    """Every parser either raises ODataSyntaxError, whose message can be shown, or returns."""
    for parser in PARSERS:
        error = refusal(parser, text)
        if error is not None:
            assert error.render()
            assert 0 <= error.position <= len(text)


def fuzz_url(raw: bytes) -> None:
    """A URL that is accepted is a fixed point: its canonical form means the same."""
    try:
        path, options = parse_relative_url(raw)
    except ODataSyntaxError as error:
        error.render()
        return
    hash((path, options))
    assert parse_resource_path(split_path(encode_path(path).encode())) == path
    query = encode_query(option_pairs(options))
    assert parse_query_options(split_query(query.encode())) == options
    unparse(options)


def fuzz_one(data: bytes) -> None:
    """The first byte chooses: text for every parser, or a URL."""
    if data[:1] < b"\x80":
        fuzz_text(data[1:].decode("utf-8", "surrogateescape" if data[:1] < b"\x40" else "replace"))
    else:
        fuzz_url(data[1:])


def main() -> None:
    """Fuzz until interrupted."""
    atheris = importlib.import_module("atheris")
    atheris.instrument_all()
    atheris.Setup(sys.argv, fuzz_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
