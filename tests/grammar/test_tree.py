"""Nodes are values: hashable, comparable, printable, however long a chain is."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from typing import cast

import pytest

import grammar
from grammar import (
    Binary,
    Expr,
    Name,
    SearchAnd,
    SearchOr,
    SearchTerm,
    operands,
    parse_filter,
    parse_search,
    unparse,
)

LONG = 3_000
MODULES = [f"grammar.{module.name}" for module in pkgutil.iter_modules(grammar.__path__)]


def chain(operator: str) -> str:
    return f" {operator} ".join(f"a eq {n}" for n in range(LONG))


@pytest.mark.parametrize("operator", ["or", "and", "add", "eq"])
def test_a_long_chain_is_a_value(operator: str) -> None:
    text = chain(operator)
    tree = parse_filter(text)
    again = parse_filter(unparse(tree))
    assert (tree, hash(tree), repr(tree)) == (again, hash(again), repr(again))
    assert tree != parse_filter(text + "0")
    assert unparse(tree) == text


def test_a_long_search_is_a_value() -> None:
    text = " OR ".join(f"w{n}" for n in range(LONG))
    tree = parse_search(text)
    assert hash(tree) == hash(parse_search(unparse(tree)))
    assert unparse(tree) == text


def test_operands() -> None:
    assert len(operands(parse_filter(chain("or")), "or")) == LONG
    assert operands(Name("a"), "or") == (Name("a"),)


def test_chains_compare_and_show_like_any_dataclass() -> None:
    left, right = SearchTerm("a"), SearchTerm("b")
    assert SearchAnd(left, right) != SearchOr(left, right)
    assert SearchAnd(left, right) == SearchAnd(left, right)
    assert Binary("or", Name("a"), Name("b")) != "or"
    assert repr(SearchAnd(left, right)) == f"SearchAnd(left={left!r}, right={right!r})"
    nodes = Name("a"), Name("b")
    expected = f"Binary(operator='or', left={nodes[0]!r}, right={nodes[1]!r})"
    assert repr(Binary("or", *nodes)) == expected


def test_what_is_no_node_is_not_unparsed() -> None:
    with pytest.raises(TypeError, match="not an expression: int"):
        unparse(cast(Expr, 1))


def test_public_names_are_complete_and_exist() -> None:
    imported = {name for name in vars(grammar) if not name.startswith("_")} - {"annotations"}
    submodules = {name.removeprefix("grammar.") for name in MODULES}
    assert imported - submodules == set(grammar.__all__)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
