"""Examples in docstrings are read as promises, so each is run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import gateway
import grammar

MODULES = sorted(
    found.name
    for package in (gateway, grammar)
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = (finder.find(importlib.import_module(name)) for name in MODULES)
    assert sum(len(each.examples) for tests in found for each in tests) > 20
