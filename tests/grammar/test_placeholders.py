"""A tree without its literals says nothing of their values, whatever it was."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given

from grammar import (
    Expr,
    QueryOptions,
    ResourcePath,
    parse_query_options,
    parse_resource_path,
    unparse,
    without_literals,
)
from tests.grammar.strategies import expressions
from tests.grammar.strategies_options import option_sets, resource_paths
from tests.support.examples import examples

masked = examples(150, suppress=list(HealthCheck))
_VALUES = re.compile(
    r"Literal\(kind=<[^>]*>, value=(.*?), type_name=|SearchTerm\(text=(.*?), phrase"
)


def _values(tree: object) -> set[str]:
    """What stands where literals stood."""
    return {value or word for value, word in _VALUES.findall(repr(tree))}


@masked
@given(expressions)
def test_expressions(tree: Expr) -> None:
    found = without_literals(tree)
    assert unparse(found)
    assert _values(found) <= {"'?'"}


@masked
@given(option_sets)
def test_option_sets(tree: QueryOptions) -> None:
    found = without_literals(tree)
    assert found.custom == ()
    assert unparse(found) or unparse(tree) == "" or tree.custom
    assert _values(found) <= {"'?'"}


@masked
@given(resource_paths)
def test_paths(tree: ResourcePath) -> None:
    assert _values(without_literals(tree)) <= {"'?'"}


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("$filter=a eq 'x' and b in ('y','z')", "$filter=a eq ? and b in (?)"),
        ("$filter=a eq @p&@p='x'&key=secret", "$filter=a eq @p&@p=?"),
        ('$search=Jane OR "Doe"&$top=5', '$search="?" OR "?"&$top=5'),
        ("$expand=user($filter=name eq 'Jane';$top=1)", "$expand=user($filter=name eq ?;$top=1)"),
        ("$skiptoken=secret&$count=true", "$count=true&$skiptoken=?"),
        ("$apply=filter(a gt 1.5)/groupby((b))", "$apply=filter(a gt ?)/groupby((b))"),
    ],
)
def test_what_remains(query: str, shown: str) -> None:
    pairs = tuple((n, v) for n, _, v in (part.partition("=") for part in query.split("&")))
    assert unparse(without_literals(parse_query_options(pairs))) == shown


def test_a_chain_of_thousands() -> None:
    text = " or ".join(f"a eq {number}" for number in range(1_500))
    found = without_literals(parse_query_options((("$filter", text),)))
    assert unparse(found).count("?") == 1_500


def test_keys() -> None:
    path = parse_resource_path(("Results('jane')", "state"))
    assert unparse(without_literals(path)) == "Results(?)/state"
