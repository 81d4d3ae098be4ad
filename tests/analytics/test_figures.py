"""Statistics under the rules of pages: tried again, refused, never a number that cannot be."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from gateway.contract.loader import built_in_contract, load_contract
from gateway.errors import GatewayError, UpstreamBrokeContract, UpstreamThrottled
from gateway.planner.pushdown import Pushdown, PushedValues
from tests.analytics.upstream_app import Scene, ok

pytestmark = pytest.mark.anyio

SHIPPED = load_contract(built_in_contract())
CONTRACT = load_contract(
    built_in_contract()
    .replace("\nvalues = [", "\nclosed = true\nnullable = false\nvalues = [")
    .replace('\nfilter = "users"', '\nnullable = false\nfilter = "users"')
)
"""With columns that are closed and never null, so that more contradicts itself."""
ALL = Pushdown()
SOME = Pushdown((PushedValues("userId", ("u1", "u2")), PushedValues("state", ("FAILED",))))
FAILED = {"states": {"FAILED": 4}, "enrollmentTypes": {"OPTIONAL": 3, "MANDATORY": 1}}
TOLD = {"total": 4, "users": 2, "contents": 3, "certificatesIssued": 1, **FAILED}


def told(**changes: Any) -> httpx.Response:
    """An answer that fits, but for some members; None leaves one out."""
    members = {n: v for n, v in {**TOLD, **changes}.items() if v is not None}
    return ok(json.dumps(members).encode())


def scene(*answers: Any) -> Scene:
    return Scene(answers, contract=CONTRACT)


@pytest.mark.parametrize("pushdown", [ALL, SOME])
async def test_an_answer_that_fits(pushdown: Pushdown) -> None:
    asked = scene(told(averageProgress="about half", news=1, states={"FAILED": 4, "EXPIRED": 0}))
    figures = await asked.client.fetch_statistics(pushdown)
    numbers = {statistic.name: number for statistic, number in figures.numbers.items()}
    assert numbers == {"total": 4, "users": 2, "contents": 3, "certificates": 1}
    counts = {statistic.name: dict(values) for statistic, values in figures.counts.items()}
    assert counts == {"states": {"FAILED": 4}, "enrollment_types": FAILED["enrollmentTypes"]}
    assert figures.rows == 4
    [sent] = asked.sent
    assert (sent.method, sent.url.path) == ("POST", "/analyse/statistics")
    wanted = {} if pushdown is ALL else {"userIds": ["u1", "u2"], "states": ["FAILED"]}
    assert json.loads(sent.content) == wanted


async def test_of_no_rows_everything_is_nothing() -> None:
    nothing = dict.fromkeys(("total", "users", "contents", "certificatesIssued"), 0)
    figures = await scene(
        told(**nothing, states={}, enrollmentTypes={"OPTIONAL": 0})
    ).client.fetch_statistics(ALL)
    assert figures.rows == 0
    assert {*map(len, figures.counts.values())} == {0}


@pytest.mark.parametrize(
    ("answer", "pushdown", "word"),
    [
        (told(total=None), ALL, r"total.*\[statistics.total\]"),
        (told(total="4"), ALL, r"\[statistics.total\]"),
        (told(total=True), ALL, r"\[statistics.total\]"),
        (told(total=4.5), ALL, r"\[statistics.total\]"),
        (told(users=-1), ALL, r"\[statistics.users\]"),
        (told(users=2**63), ALL, r"\[statistics.users\]"),
        (told(states=["FAILED"]), ALL, r"\[statistics.states\]"),
        (told(states={"FAILED": None}), ALL, r"\[statistics.states\]"),
        (
            told(states={"FAILED": 3, "ARCHIVED": 1}),
            ALL,
            "a value of state that.*`values` of the column state",
        ),
        (told(states={"FAILED": 3, "EXPIRED": 1}), SOME, r"\[statistics.states\] or the column's"),
        (told(users=3), SOME, r"\[statistics.users\] or the column's filter"),
        (ok(b"[]"), ALL, r"\[statistics.total\]"),
        (ok(b"null"), ALL, r"\[statistics.total\]"),
    ],
    ids=str,
)
async def test_what_does_not_fit_is_refused_at_once(
    answer: httpx.Response, pushdown: Pushdown, word: str
) -> None:
    asked = scene(answer)
    with pytest.raises(UpstreamBrokeContract, match=word):
        await asked.client.fetch_statistics(pushdown)
    assert len(asked.sent) == 1


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (told(total=5), r"\[statistics.states\]"),
        (told(states={}), r"0 in states for 4 rows"),
        (told(enrollmentTypes={"OPTIONAL": 5}), r"5 in enrollmentTypes for 4 rows"),
        (told(users=5), r"5 in users for 4 rows"),
        (told(users=0), r"0 in users for 4 rows"),
        (told(certificatesIssued=5), r"\[statistics.certificates\]"),
    ],
    ids=str,
)
async def test_numbers_that_contradict_each_other_may_be_of_two_moments(
    answer: httpx.Response, word: str
) -> None:
    passing = scene(answer, told())
    assert (await passing.client.fetch_statistics(ALL)).rows == 4
    assert len(passing.sent) == 2
    lasting = scene(answer)
    with pytest.raises(UpstreamBrokeContract, match=word):
        await lasting.client.fetch_statistics(ALL)
    assert len(lasting.sent) == 5


@pytest.mark.parametrize("column", ["startedAt", "updatedAt"])
async def test_a_column_that_is_never_null_is_in_all_rows(column: str) -> None:
    text = built_in_contract().replace('column = "certificateIssuedAt"', f'column = "{column}"')
    asked = Scene([told()], contract=load_contract(text))
    if column == "startedAt":
        assert (await asked.client.fetch_statistics(ALL)).rows == 4
        return
    with pytest.raises(UpstreamBrokeContract, match="1 in certificatesIssued for 4 rows"):
        await asked.client.fetch_statistics(ALL)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(429),
        httpx.Response(500),
        httpx.ReadTimeout("slow"),
        ok(b'{"total":4,"users":'),
        ok(b"<html>"),
        ok(b'{"total":"\xff"}'),
    ],
    ids=repr,
)
async def test_what_may_pass_is_tried_again(answer: httpx.Response | Exception) -> None:
    asked = scene(answer, told())
    assert (await asked.client.fetch_statistics(ALL)).rows == 4
    assert len(asked.sent) == 2


async def test_a_429_holds_the_pages_too_and_a_failure_is_remembered() -> None:
    asked = scene(httpx.Response(429, headers={"Retry-After": "90"}))
    for _ in range(2):
        with pytest.raises(UpstreamThrottled):
            await asked.client.fetch_statistics(ALL)
    with pytest.raises(GatewayError):
        await asked.client.fetch_statistics(SOME)
    assert len(asked.sent) == 1


@pytest.mark.parametrize(
    ("states", "tells"),
    [
        ({"FAILED": 4}, True),
        ({"FAILED": 3, "EXPIRED": 1, "APPROVED": 0}, True),
        ({"FAILED": 3}, False),  # one row has no state
        ({"FAILED": 3, "null": 1}, False),  # as a program names the member for null
        ({"failed": 4}, False),
        ({}, False),
    ],
)
async def test_counts_of_an_open_list_tell_when_listed_values_account_for_all_rows(
    states: dict[str, int], *, tells: bool
) -> None:
    asked = Scene([told(states=states)], contract=SHIPPED)
    figures = await asked.client.fetch_statistics(ALL)
    found = {s.name: figures.covers(s, SHIPPED) for s in SHIPPED.statistics if s.exact}
    assert found.pop("states") is tells
    assert set(found.values()) == {True}
