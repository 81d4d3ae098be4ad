"""Names that mean something else in a query are never names of anything that is published."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import grammar
from gateway.contract.loader import built_in_contract, load_contract
from gateway.contract.naming import column_name, is_word
from gateway.edm.model import EntityType
from gateway.errors import ConfigurationProblem
from gateway.query.bind.query import bind
from gateway.query.request import parse_request
from gateway.query.tree.queries import BoundQuery
from grammar import parse_apply, parse_compute, parse_filter, parse_orderby, parse_select

TEXT = built_in_contract()
PARSED: dict[str, tuple[Callable[[str], Any], str]] = {
    "$filter eq": (parse_filter, "{} eq 'v'"),
    "$filter right": (parse_filter, "'v' eq {}"),
    "$filter and": (parse_filter, "x eq 1 and {} eq 'v' or {} eq 'w'"),
    "$filter not": (parse_filter, "not ({} eq 'v')"),
    "$filter call": (parse_filter, "contains({},'v')"),
    "$filter in": (parse_filter, "{} in ('v','w')"),
    "$filter arithmetic": (parse_filter, "x add {} mul {} gt 1"),
    "$filter any": (parse_filter, "{}/any(g:g eq 'x')"),
    "$filter way": (parse_filter, "{}/name eq 'v'"),
    "$filter alone": (parse_filter, "{}"),
    "$orderby": (parse_orderby, "{} desc,x"),
    "$orderby alone": (parse_orderby, "{}"),
    "$compute": (parse_compute, "{} as y"),
    "$apply aggregate": (parse_apply, "aggregate({} with max as y)"),
    "$apply filter": (parse_apply, "filter({} eq 'x')/aggregate($count as n)"),
    "$apply topcount": (parse_apply, "topcount(3,{})"),
    "$apply groupby": (parse_apply, "groupby(({}),aggregate($count as n))"),
    "$select": (parse_select, "{},x"),
}


def words_of_the_grammar() -> list[str]:
    """All words in the grammar's own files: literals, operators, functions, transformations."""
    texts = (p.read_text("utf-8") for p in Path(grammar.__path__[0]).glob("*") if p.is_file())
    found = {word for text in texts for word in re.findall(r"[A-Za-z_]\w{0,30}", text)}
    spelled = {form for word in ("null", "true", "NaN", "INF") for form in (word, word.upper())}
    return sorted(word for word in found | spelled if word.isascii())


def is_read_as_a_name(word: str) -> bool:
    for parse, text in PARSED.values():
        try:
            if f"'{word}'" not in repr(parse(text.replace("{}", word))):
                return False
        except grammar.ODataSyntaxError:
            return False
    return True


def test_every_word_that_the_parser_takes_otherwise_is_known() -> None:
    words = words_of_the_grammar()
    assert len(words) > 500
    taken = {word for word in words if not is_read_as_a_name(word)}
    assert {"null", "true", "false", "not", "NaN", "INF"} <= taken
    assert {word for word in taken if not is_word(word)} == set()


@pytest.mark.parametrize("word", ["null", "True", "FALSE", "not", "and", "eq", "in", "NaN", "inf"])
def test_a_field_of_such_a_name_gets_a_number(word: str) -> None:
    contract = load_contract(TEXT, ((word, "cf"),))
    for entity_set in (contract.schema.entity_sets[0], contract.schema.find_set("Users")):
        assert entity_set is not None
        assert f"{word}_2" in entity_set.entity_type.names
        assert word not in entity_set.entity_type.names
    assert column_name(f" {word}!", ["id"]) == f"{word}_2"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "userName"', 'name = "null"'),
        ('entity_set = "Results"', 'entity_set = "true"'),
        ('container = "Analytics"', 'container = "not"'),
        ('name = "Contents"\ntype', 'name = "NaN"\ntype'),
        ('type = "Content"\n', 'type = "in"\n'),
        ('{ name = "email", kind', '{ name = "Null", kind'),
        ('{ name = "email", kind', '{ name = "e mail", kind'),
        ('name = "approved"', 'name = "INF"'),
        ('partner = "memberships"', 'partner = "or"'),
        ('name = "group"\nto', 'name = "false"\nto'),
    ],
)
def test_such_a_name_in_the_contract_file_is_refused(old: str, new: str) -> None:
    assert old in TEXT
    with pytest.raises(ConfigurationProblem, match=r"(?s)contract file.*name"):
        load_contract(TEXT.replace(old, new, 1))


def test_a_mapped_field_of_such_a_name_in_the_file_is_refused() -> None:
    text = TEXT + '\n[[custom_fields.mapped]]\nid = "x"\nname = "null"\n'
    with pytest.raises(ConfigurationProblem, match="'null' is not a property name"):
        load_contract(text)


def published() -> Iterator[tuple[str, str]]:
    """Every property of every set, with fields that are called as the language's words are."""
    labels = [word for word in words_of_the_grammar() if is_word(word)]
    contract = load_contract(TEXT, tuple((label, f"cf_{n}") for n, label in enumerate(labels)))
    for entity_set in contract.schema.entity_sets:
        single = (p.name for p in entity_set.entity_type.properties if not p.collection)
        yield from ((entity_set.name, name) for name in single)


def test_every_published_name_is_read_back_as_that_property() -> None:
    labels = [word for word in words_of_the_grammar() if is_word(word)]
    contract = load_contract(TEXT, tuple((label, f"cf_{n}") for n, label in enumerate(labels)))
    for name_of_set, name in published():
        assert is_read_as_a_name(name)
        query = (
            f"$filter={name} eq null&$orderby={name}&$select={name}&$compute={name} eq null as z9"
        )
        bound = bind(parse_request(name_of_set.encode(), query.encode()), contract.schema)
        assert isinstance(bound, BoundQuery)
        assert [repr(bound.filter).count(f"name='{name}'"), bound.select[0].name] == [1, name]
        assert f"name='{name}'" in repr(bound.computed[0].expr)
        grouped = f"$apply=groupby(({name}),aggregate($count as z9))".encode()
        assert bind(parse_request(name_of_set.encode(), grouped), contract.schema)
    assert isinstance(contract.schema.entity_sets[0].entity_type, EntityType)
