"""Measures that need another meaning of the expiry date than the known one are left out."""

from __future__ import annotations

import pytest

from gateway.connect.analysis import load_analysis
from gateway.connect.star import build_star, left_out
from gateway.contract.loader import built_in_contract, load_contract
from gateway.contract.model import Contract
from gateway.errors import ConfigurationProblem

DUE, VALIDITY = {"overdue"}, {"expiringSoon"}
SETS = ("ContentStatistics", "UserStatistics", "GroupStatistics", "Statistics")


def meaning(word: str, column: str = "expiryDate") -> Contract:
    start = f'name = "{column}"\n'
    return load_contract(built_in_contract().replace(start, f'{start}meaning = "{word}"\n', 1))


@pytest.mark.parametrize(
    ("word", "gone"),
    [("due", VALIDITY), ("validity", DUE), ("by_state", set()), ("unknown", set())],
)
def test_measures_of_the_other_meaning_are_left_out(word: str, gone: set[str]) -> None:
    contract = meaning(word)
    for name in SETS:
        entity_set = contract.schema.find_set(name)
        assert entity_set is not None
        assert (DUE | VALIDITY) - set(entity_set.entity_type.names) == gone, name
    assert contract.left_out == tuple(f"[[measures]] {each}" for each in gone)


@pytest.mark.parametrize(
    ("word", "gone"),
    [
        ("due", {"Expiring in 30 days", "Expiring in 60 days", "Expiring in 90 days"}),
        ("validity", {"Overdue"}),
        ("by_state", set()),
        ("unknown", set()),
    ],
)
def test_so_are_those_of_power_bi(word: str, gone: set[str]) -> None:
    schema, analysis = meaning(word).schema, load_analysis()
    star = build_star(schema, analysis)
    usual = build_star(load_contract(built_in_contract()).schema, analysis)
    assert {m.name for m in usual.measures} - {m.name for m in star.measures} == gone
    assert len([*left_out(schema, analysis)]) == len(gone)


@pytest.mark.parametrize(("word", "column"), [("maybe", "expiryDate"), ("due", "startedAt")])
def test_another_meaning_or_column_is_refused(word: str, column: str) -> None:
    with pytest.raises(ConfigurationProblem, match="meaning"):
        meaning(word, column)
