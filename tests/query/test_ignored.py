"""Each option of OData has an effect or is refused, except those that docs/language.md lists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.errors import GatewayError
from gateway.query.bind.query import bind
from gateway.query.request import parse_request
from gateway.query.tree.queries import BoundQuery, Shape
from tests.query.asking import SCHEMA, bound, encoded, refusal

PAGE = (Path(__file__).parents[2] / "docs" / "language.md").read_text("utf-8")
IGNORED = PAGE.partition("### What is ignored")[2].partition("\n## ")[0]
EXAMPLES = {
    "$apply": "groupby((state))",
    "$compute": "progress add 1 as x",
    "$search": "word",
    "$filter": "state eq 'FAILED'",
    "$count": "true",
    "$orderby": "progress",
    "$skip": "1",
    "$top": "1",
    "$expand": "user",
    "$select": "id",
    "$id": "Results('x')",
    "$index": "1",
    "$levels": "1",
    "$schemaversion": "1",
}
"""All options but those that other stages read: links and $format."""
RESOURCES = (
    *("Results", "Results/$count", "Results/$ref", "Results('x')", "Results('x')/$ref"),
    *("Results('x')/user", "Results('x')/state", "Results('x')/state/$value"),
    *("Results('x')/groupIds", "Results('x')/groupIds/$count", "Users('x')/results"),
    *("Users('x')/results/$count", "$metadata", ""),
)


COUNTS_OF_ROWS = ("Results/$count", "Users('x')/results/$count")


def meaning(query: str, path: str) -> object:
    """The parts of a bound query that its response depends on."""
    found = bind(parse_request(path.encode(), encoded(query)), SCHEMA)
    if isinstance(found, BoundQuery) and found.shape is Shape.COUNT:
        source = found.source and found.source.filter
        parts = (found.entity_set, found.filter, found.apply, found.skip, found.top, source)
        return re.sub(r"'n\d+'", "row", repr(parts))  # names of rows depend on what came before
    return found


def is_without_effect(option: str, path: str) -> bool:
    """Return True if an option changes nothing; one that is refused is named."""
    query = f"{option}={EXAMPLES[option]}"
    try:
        return meaning(query, path) == meaning("", path)
    except GatewayError as raised:
        error = raised
    assert error.status in (400, 404, 501), (query, error.message)
    assert option in error.message or option in error.target, error.message
    return False


@pytest.mark.parametrize("path", RESOURCES)
def test_options_without_effect_are_those_that_the_page_lists(path: str) -> None:
    listed = set(re.findall(r"`(\$\w+)`", IGNORED.partition("do not change")[0]))
    found = {option for option in EXAMPLES if is_without_effect(option, path)}
    assert found == (listed if path in COUNTS_OF_ROWS else set())


def test_an_ignored_option_is_checked_all_the_same() -> None:
    for wrong in ("$top=x", "$orderby=nosuch", "$select=nosuch", "$expand=nosuch", "$compute=1"):
        assert refusal(wrong, "Results/$count").status == 400


def test_custom_options_and_unused_aliases_change_nothing_and_near_misses_are_refused() -> None:
    for ignored in ("sap-client=100", "_=1", "@p=1", "utm_source=x"):
        assert bound(ignored) == bound("")
    for refused in ("filtr=true", "$nosuch=1", "Slect=id"):
        assert refusal(refused).code == "UnknownOption"
