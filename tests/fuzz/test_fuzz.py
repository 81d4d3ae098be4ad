"""A bounded run of the fuzzer, and what its own parts promise. `make fuzz` runs it long."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from grammar import option_pairs, parse_query_options
from tests.fuzz.__main__ import complaints
from tests.fuzz.gateways import MODES, ROLES, gateways
from tests.fuzz.judging import Complaint, Judge
from tests.fuzz.questions import ROLE_NAMES, Question
from tests.fuzz.reading import same, same_text
from tests.fuzz.shrinking import shrunk
from tests.fuzz.truth import answer_to
from tests.fuzz.world import WAYS
from tests.support.examples import sparse

SEEDS = (1, 2)
QUESTIONS = 90


@pytest.mark.parametrize("seed", sparse(SEEDS))
def test_every_way_of_answering_gives_the_right_answer(seed: int) -> None:
    found = list(complaints(seed, QUESTIONS))
    assert not found, "\n\n".join(f"seed {seed}: {complaint}" for complaint in found)


def test_all_questions_have_an_answer_and_many_kinds_occur() -> None:
    """The oracle understands what is drawn; else the run would tell little."""
    judge, kinds = Judge(3), set()
    for number in range(600):
        question = judge.questions(Random(number)).question()
        kinds.add(type(answer_to(judge.world(""), _without_format(question).url)).__name__)
    assert kinds == {"Rows", "One", "Value", "Refused", "Undecided", "Perhaps"}


def _without_format(question: Question) -> Question:
    return replace(question, format="minimal")


def test_a_world_is_full_of_traps() -> None:
    judge = Judge(1)
    results = judge.world("").tables["Results"]
    assert len({row["updatedAt"] for row in results}) < len(results) / 4
    assert {None, ""} <= {row["other"] for row in results}
    assert any(not row["groupIds"] for row in results)
    assert any(len(row["groupIds"]) > 1 for row in results)
    seen = {role: len(judge.world(role).tables["Results"]) for role in ROLE_NAMES}
    assert 0 < min(seen["some"], seen["field"]) < max(seen["some"], seen["field"]) < len(results)
    assert seen["none"] == 0
    assert set(ROLE_NAMES) == set(ROLES)
    assert {name for set_name in WAYS.values() for name in set_name} == {
        way.name for s in judge.contract.schema.entity_sets for way in s.entity_type.navigation
    }


def test_a_failure_shrinks_to_what_makes_it_fail() -> None:
    options = (
        ("$filter", "state eq 'FAILED' and (length(userName) gt 2 or not contains(other,'a'))"),
        ("$orderby", "userName desc,id"),
        ("$expand", "user($select=id;$orderby=name),content"),
        ("$top", "3"),
    )
    whole = Question("Results", options, "full", "4.01", "some", 7)

    def judge(question: Question) -> Complaint | None:
        wrong = "contains(other,'a')" in question.url
        return Complaint(question, "warm", "status 500") if wrong else None

    found = shrunk(Complaint(whole, "warm", "status 500"), judge)
    assert found.question == Question("Results", (("$filter", "contains(other,'a')"),))
    assert option_pairs(parse_query_options(found.question.options)) == found.question.options


@pytest.mark.parametrize(
    ("found", "wanted", "alike"),
    [
        (1, True, False), (True, 1, False), ("1", 1, True), ("a", "A", False), (None, "", False),
        ("INF", float("inf"), True), (0.1 + 0.2, 0.3, True), (1, None, False), ([1], [1, 2], False),
        (9007199254740993, 9007199254740992, False),
    ],
)  # fmt: skip
def test_values_are_the_same_only_when_they_are(found: object, wanted: object, alike: bool) -> None:
    assert same(found, wanted) is alike


def test_texts_of_files_say_values() -> None:
    assert same_text("", None)
    assert same_text("", "")
    assert same_text("'=1", "=1")
    assert not same_text("a", None)
    assert not same_text("'b", "b")


def test_each_gateway_answers_from_its_own_source() -> None:
    """What the modes are named after really happens."""
    judge, question = Judge(1), Question("Results", pages=1)
    with gateways(judge.rows) as running:
        told = {m: running.pages(question, m)[0].headers["cache-status"] for m in MODES}
        window = running.pages(Question("Results", (("$top", "2"),)), "cold")[0]
    assert told["warm"].endswith("; hit")
    assert "hit" not in told["cold"]
    assert "detail=reading" in told["draft"]
    assert "hit" not in window.headers.get("cache-status", "")
