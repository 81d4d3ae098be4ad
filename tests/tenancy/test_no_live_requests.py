"""A role is served from a snapshot of all rows: no count, order or filter of it goes upstream."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.config import Role
from gateway.planner.plan import QueryPlan, Route
from gateway.roles.limits import limit_contract
from tests.planner.cases import CONTRACT, plan_of

ROLE = Role("r", rows="state ne 'FAILED'", place="[roles.r]")
LIVE = {
    "Results/$count": Route.TOTAL,
    "Results/$count?$filter=state eq 'FAILED'": Route.TOTAL,
    "Results/$count?$apply=filter(state eq 'FAILED')": Route.TOTAL,
    "Results/$count?$apply=groupby((state))": Route.STATISTICS,
    "Results?$top=0&$count=true": Route.TOTAL,
    "Results?$top=5": Route.WINDOW,
    "Results?$top=5&$skip=10&$orderby=updatedAt": Route.WINDOW,
    "Results?$top=5&$filter=userId eq 'u1'": Route.WINDOW,
    "Results?$top=5&$apply=groupby((state))": Route.STATISTICS,
    "Results?$apply=aggregate($count as n)": Route.STATISTICS,
}
"""Requests that a caller without a role gets live, and how."""
OTHERS = ("Results?$filter=state eq 'FAILED'", "Results('a')", "Users/$count", "Users('a')/results")


def planned(url: str, role: Role | None) -> QueryPlan:
    contract = CONTRACT if role is None else limit_contract(CONTRACT, role)
    path, _, query = url.partition("?")
    return plan_of(query, contract, path)


@pytest.mark.parametrize("url", LIVE)
def test_without_a_role_the_analytics_api_is_asked(url: str) -> None:
    assert planned(url, None).route is LIVE[url]


@pytest.mark.parametrize("url", [*LIVE, *OTHERS])
@pytest.mark.parametrize(
    "role", [ROLE, replace(ROLE, rows=None), replace(ROLE, rows=None, mask=("userName",))], ids=str
)
def test_a_role_gets_everything_from_the_snapshot_of_all_rows(url: str, role: Role) -> None:
    plan = planned(url, role)
    assert plan.route is Route.SNAPSHOT
    assert plan.pushdown.terms == ()
