"""Discovery of the meaning of the expiry date, and of states that change as time passes."""

from __future__ import annotations

import asyncio

import pytest

from gateway.auth.tokens import CallerTokenSource
from gateway.cli.learn import Wishes, learn
from gateway.contract.loader import load_contract
from gateway.contract.model import Contract
from gateway.sandbox import Dataset, make_token
from gateway.sandbox.variations import VARIATIONS, create_variant
from tests.support.live import SECRET, running


def learnt(name: str, dataset: Dataset) -> Contract:
    variant = create_variant(VARIATIONS[name], dataset, secret=SECRET)
    with running(variant) as url:
        source = CallerTokenSource(make_token(SECRET))
        outcome = asyncio.run(learn(url, source, Wishes(), lambda _: None))
    return load_contract(outcome.text)


@pytest.mark.parametrize(
    ("name", "meaning", "left_out"),
    [
        ("expiry-is-validity", "validity", "overdue"),
        ("expiry-is-due-date", "by_state", ""),
        ("assumed", "by_state", ""),
    ],
)
def test_the_meaning_of_the_expiry_date_is_written(
    name: str, meaning: str, left_out: str, dataset: Dataset
) -> None:
    contract = learnt(name, dataset)
    assert contract.column("expiryDate").prop.meaning == meaning
    measures = {text.split()[-1] for text in contract.left_out if text.startswith("[[measures]]")}
    assert measures & {"overdue", "expiringSoon"} == ({left_out} if left_out else set())


def test_states_that_move_by_time_are_written(dataset: Dataset) -> None:
    contract = learnt("expires-by-time", dataset)
    assert {c.name for c in contract.columns if c.changes_by_time} == {"state"}
