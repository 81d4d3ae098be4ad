"""A wrong entry of a contract file is named with its line, wherever it is."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract.loader import built_in_contract, load_contract
from gateway.contract.wrong_entries import line_of
from gateway.errors import ConfigurationProblem

LINES = built_in_contract().splitlines()
HEADS = [n for n, line in enumerate(LINES) if re.match(r"\[\[?(pages|columns|order|filters)", line)]


@given(st.sampled_from(HEADS), st.booleans())
def test_an_unknown_key_is_named_with_its_line(head: int, commented: bool) -> None:
    """The same word in comments and texts before it is not taken for the key."""
    note = '# lable = "x"' if commented else ""
    text = "\n".join([note, *LINES[: head + 1], 'lable = "lable"', *LINES[head + 1 :]])
    with pytest.raises(ConfigurationProblem) as raised:
        load_contract(text)
    assert f"contract file: line {head + 3}: " in str(raised.value)
    assert "`lable`" in str(raised.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[pages]", "[paegs]", "did you mean pages?"),
        ("[pages]", "[pages]\nlargset = 5", "did you mean largest?"),
        ('label = "State"', 'lable = "State"', "did you mean label?"),
        ("largest = 1000", 'largest = "1000"', "Expected `int`"),
        ('kind = "range"', 'kind = "rang"', "'rang'"),
        ("largest = 1000", "largest = 0", "Expected `int` >= 1"),
    ],
)
def test_the_remedy_is_the_nearest_name(old: str, new: str, said: str) -> None:
    text = built_in_contract().replace(old, new, 1)
    with pytest.raises(ConfigurationProblem) as raised:
        load_contract(text)
    wanted = text[: text.index(new) + len(new)].count("\n") + 1
    assert f"contract file: line {wanted}: " in str(raised.value)
    assert said in str(raised.value)


def paths_in(tree: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found: list[tuple[str | int, ...]] = [path] if path and isinstance(path[-1], str) else []
    items: dict[Any, Any] = tree if isinstance(tree, dict) else {}
    if isinstance(tree, list):
        items = dict(enumerate(tree))
    return found + [p for step, each in items.items() for p in paths_in(each, (*path, step))]


@pytest.mark.parametrize("path", paths_in(tomllib.loads(built_in_contract()))[::7], ids=repr)
def test_the_line_of_an_entry_has_its_name(path: tuple[str | int, ...]) -> None:
    number = line_of(built_in_contract(), path)
    assert number is not None
    assert str(next(s for s in reversed(path) if isinstance(s, str))) in LINES[number - 1]
