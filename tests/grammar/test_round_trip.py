"""Text and tree are two forms of one thing: parse(unparse(tree)) == tree, for any tree."""

from __future__ import annotations

from hypothesis import HealthCheck, given

from grammar import (
    Expr,
    QueryOptions,
    ResourcePath,
    SearchExpr,
    Transformation,
    encode_path,
    encode_query,
    option_pairs,
    parse_apply,
    parse_expression,
    parse_query_options,
    parse_resource_path,
    parse_search,
    split_path,
    split_query,
    unparse,
)
from tests.grammar.strategies import expressions, searches
from tests.grammar.strategies_options import option_sets, resource_paths, sequences
from tests.support.examples import examples

round_trip = examples(150, suppress=list(HealthCheck))


@examples(300, suppress=list(HealthCheck))
@given(expressions)
def test_expression(tree: Expr) -> None:
    text = unparse(tree)
    assert parse_expression(text) == tree
    assert unparse(parse_expression(text)) == text


@round_trip
@given(searches)
def test_search(tree: SearchExpr) -> None:
    assert parse_search(unparse(tree)) == tree


@round_trip
@given(sequences)
def test_apply(tree: tuple[Transformation, ...]) -> None:
    assert parse_apply(unparse(tree)) == tree


@round_trip
@given(option_sets)
def test_options_through_a_url(tree: QueryOptions) -> None:
    query = encode_query(option_pairs(tree)).encode()
    assert parse_query_options(split_query(query)) == tree


@round_trip
@given(resource_paths)
def test_path_through_a_url(tree: ResourcePath) -> None:
    assert parse_resource_path(split_path(encode_path(tree).encode())) == tree
