"""What the statistics are asked for, and what is never told by them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.contract.model import Contract
from gateway.planner.explain import explain
from gateway.planner.plan import Route
from tests.planner.cases import CONTRACT, plan_of, with_column


def members(query: str, contract: Contract = CONTRACT) -> list[str]:
    """The members that the answer is made of; none when an extract is read."""
    plan = plan_of(query, contract)
    assert (plan.route is Route.STATISTICS) is (plan.statistics_plan is not None)
    return (
        []
        if plan.statistics_plan is None
        else [s.member[0] for s in plan.statistics_plan.statistics]
    )


@pytest.mark.parametrize(
    ("apply", "found"),
    [
        ("aggregate($count as n)", ["total"]),
        ("aggregate($count as n,userId with countdistinct as u)", ["total", "users"]),
        ("aggregate(id with countdistinct as n)", ["total"]),
        ("aggregate(state with countdistinct as s)", ["states"]),
        ("groupby((state))", ["states"]),
        ("groupby((enrollmentType),aggregate($count as n))", ["enrollmentTypes"]),
        ("groupby((state),aggregate(id with countdistinct as n))", ["states"]),
        ("groupby((state),aggregate($count as n)/compute(n add 1 as m))", ["states"]),
        ("filter(state eq 'FAILED')/aggregate($count as n)", ["total"]),
        ("filter(department eq 'HR')/aggregate($count as n)", []),
        ("filter(certificateIssuedAt ne null)/aggregate($count as n)", ["certificatesIssued"]),
        ("filter(null ne certificateIssuedAt)/aggregate($count as n)", ["certificatesIssued"]),
        (
            "filter(certificateIssuedAt ne null and state ne 'FAILED')/aggregate($count as n)",
            ["certificatesIssued"],
        ),
    ],
)
def test_members_that_tell_it(apply: str, found: list[str]) -> None:
    assert members(f"$apply={apply}") == found
    assert members(f"$apply={apply}&$top=0&$count=true") == found


@pytest.mark.parametrize(
    "apply",
    [
        "aggregate(progress with average as a)",
        "aggregate($count as n,progress with max as a)",
        "aggregate(contentName with countdistinct as c)",
        "aggregate(tolower(userId) with countdistinct as c)",
        "aggregate(userId with max as u)",
        "aggregate($count from userId with max as n)",
        "aggregate(userId with countdistinct from state with sum as u)",
        "orderby(id)",
        "concat(identity,identity)",
        "groupby((state),top(1))",
        "groupby((userId))",
        "groupby((state,enrollmentType))",
        "groupby((state),aggregate(userId with countdistinct as u))",
        "groupby((state),filter(progress gt 5)/aggregate($count as n))",
        "groupby((rollup(state,enrollmentType)),aggregate($count as n))",
        "concat(groupby((state)),groupby((enrollmentType)))",
        "top(5)/aggregate($count as n)",
        "filter(progress gt 5)/aggregate($count as n)",
        "filter(progress gt 5)/groupby((state))",
        "filter(certificateIssuedAt eq null)/aggregate($count as n)",
        "filter(certificateIssuedAt ne null and progress gt 5)/aggregate($count as n)",
        "filter(certificateIssuedAt ne null)/groupby((state),aggregate($count as n))",
        "filter(certificateIssuedAt ne null)/aggregate(userId with countdistinct as u)",
        "filter(startedAt ne null)/aggregate($count as n)",
        "filter(state in ())/aggregate($count as n)",
        "filter(updatedAt lt now())/aggregate($count as n)",
    ],
)
def test_what_they_do_not_tell_is_read(apply: str) -> None:
    plan = plan_of(f"$apply={apply}", now=datetime(2025, 3, 1, 12, 30, tzinfo=UTC))
    assert (plan.route, plan.statistics_plan) == (Route.SNAPSHOT, None)


def test_derived_sets_are_made_of_rows() -> None:
    plan = plan_of("$apply=aggregate($count as n)", path="Users")
    assert (plan.route, plan.statistics_plan) == (Route.SNAPSHOT, None)


def test_who_wants_no_rows_asks_nobody() -> None:
    plan = plan_of("$apply=aggregate($count as n)&$top=0")
    assert (plan.route, plan.statistics_plan) == (Route.NOTHING, None)


def test_a_filter_that_is_not_exact_is_checked_on_rows() -> None:
    query = "$apply=filter(state eq 'FAILED')/aggregate($count as n)"
    assert members(query, with_column("state", exact=False)) == []


@pytest.mark.parametrize("kept", ["exact", "declared"])
def test_only_what_the_contract_calls_exact_tells(kept: str) -> None:
    loose = tuple(replace(s, exact=False) for s in CONTRACT.statistics)
    contract = replace(CONTRACT, statistics=loose if kept == "declared" else ())
    assert members("$apply=groupby((state))", contract) == []
    assert members("$apply=aggregate($count as n)", contract) == []


def test_explain_names_the_members() -> None:
    plan = plan_of("$apply=groupby((state),aggregate($count as n))&$filter=n gt 3")
    lines = dict(explain(plan))
    assert lines["apply"].endswith(
        "the statistics serve its first step (states), the rest runs here"
    )
    assert lines["route"] == "one upstream call for the statistics"
