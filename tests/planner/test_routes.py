"""Which way a query is answered, and what explain says about the window."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.planner.explain import explain
from gateway.planner.plan import QueryPlan, Route, natural_order
from tests.planner.cases import CONTRACT, plan_of, with_column


def window(plan: QueryPlan) -> str:
    return dict(explain(plan))["window"]


@pytest.mark.parametrize(
    ("query", "route"),
    [
        ("$top=5", Route.WINDOW),
        ("$top=5&$skip=10&$orderby=updatedAt", Route.WINDOW),
        ("$top=5&$filter=state eq 'FAILED'", Route.WINDOW),
        ("$top=0&$count=true", Route.TOTAL),
        ("$top=0", Route.NOTHING),
        ("$top=0&$count=true&$filter=progress gt 5", Route.SNAPSHOT),
        ("", Route.SNAPSHOT),
        ("$skip=5", Route.SNAPSHOT),
        ("$filter=state eq 'FAILED'", Route.SNAPSHOT),
        ("$top=5&$search=fire", Route.SNAPSHOT),
        ("$top=5&$compute=progress as p", Route.WINDOW),
        ("$top=5&$apply=identity", Route.WINDOW),
        ("$top=5&$apply=filter(state eq 'FAILED')", Route.WINDOW),
        ("$top=5&$apply=groupby((state))", Route.STATISTICS),
        ("$top=5&$apply=groupby((userId))", Route.SNAPSHOT),
        ("$top=0&$apply=groupby((state))", Route.NOTHING),
        ("$top=0&$count=true&$apply=groupby((state))", Route.STATISTICS),
        ("$apply=filter(state in ())/aggregate($count as n)", Route.SNAPSHOT),
    ],
)
def test_a_collection_is_answered_the_cheapest_way(query: str, route: Route) -> None:
    assert plan_of(query).route is route


@pytest.mark.parametrize(
    ("query", "route"),
    [
        ("", Route.TOTAL),
        ("$filter=state eq 'FAILED'", Route.TOTAL),
        ("$filter=progress gt 5", Route.SNAPSHOT),
        ("$filter=state in ()", Route.NOTHING),
        ("$apply=filter(state eq 'FAILED')", Route.TOTAL),
        ("$apply=groupby((state))", Route.STATISTICS),
        ("$apply=groupby((userId))", Route.SNAPSHOT),
        ("$search=fire", Route.SNAPSHOT),
    ],
)
def test_a_count_asks_for_the_total_when_the_upstream_can_filter(query: str, route: Route) -> None:
    assert plan_of(query, path="Results/$count").route is route


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("$skip=5", "no $top"),
        ("$top=5&$filter=progress gt 5", "a part of $filter is applied here"),
        ("$top=5&$orderby=progress", "the Analytics API does not sort by progress here"),
        ("$top=5&$apply=groupby((userId))", "$apply is evaluated here"),
        ("$top=1000", "the window is larger than one page of 1000 rows"),
        ("$top=500&$skip=500", "the window is larger than one page of 1000 rows"),
    ],
)
def test_a_window_that_stays_here_has_a_reason(query: str, reason: str) -> None:
    plan = plan_of(query)
    assert plan.route is Route.SNAPSHOT
    assert window(plan).endswith(f"applied here, because {reason}")


def test_a_window_that_is_pushed_asks_one_row_more() -> None:
    text = window(plan_of("$top=5&$skip=2&$orderby=updatedAt asc"))
    assert text.startswith("skip 2, top 5: pushed, 8 rows requested")


def test_a_window_without_rows_says_so() -> None:
    assert window(plan_of("$top=0&$count=true")) == "skip 0, top 0: no rows are needed"


def test_nulls_in_the_order_keep_the_window_here_unless_the_filter_excludes_them() -> None:
    contract = with_column("updatedAt", nullable=True)
    plan = plan_of("$top=5", contract)
    assert plan.route is Route.SNAPSHOT
    assert "it is unknown where the Analytics API sorts null in updatedAt" in window(plan)
    pushed = plan_of("$top=5&$filter=updatedAt ge 2024-01-01T00:00:00Z", contract)
    assert pushed.route is Route.WINDOW


@pytest.mark.parametrize(
    "query",
    ["$top=5", "$top=0&$count=true", "$apply=groupby((state))", "$apply=aggregate($count as n)"],
)
def test_a_total_that_nothing_can_verify_answers_nothing(query: str) -> None:
    """Without an order column, no second number shows that the total is capped."""
    contract = replace(CONTRACT, order_column="")
    assert CONTRACT.has_total
    assert plan_of(query).route is not Route.SNAPSHOT
    assert plan_of(query, contract).route is Route.SNAPSHOT


def test_text_is_sorted_here_because_collations_differ() -> None:
    plan = plan_of("$top=5&$orderby=id", with_column("id", order="id"))
    assert plan.route is Route.SNAPSHOT
    assert "it is unknown how the Analytics API sorts the text of id" in window(plan)


@pytest.mark.parametrize(
    ("orderby", "order"),
    [
        ("", "updatedAt desc, id asc"),
        ("$orderby=state", "state asc, id asc"),
        ("$orderby=id desc,state", "id desc, state asc"),
        ("$orderby=state desc,state asc", "state desc, id asc"),
    ],
)
def test_every_order_is_total(orderby: str, order: str) -> None:
    assert dict(explain(plan_of(orderby)))["order"] == order


def test_an_entity_is_found_by_its_key() -> None:
    plan = plan_of("", CONTRACT, "Results('O''Neil')")
    lines = dict(explain(plan))
    assert lines["resource"] == "Results (entity)"
    assert lines["residual"] == "id eq 'O''Neil'"


def test_apply_is_explained_between_the_filters() -> None:
    plan = plan_of(
        "$apply=filter(state eq 'FAILED' and progress gt 5)"
        "/groupby((userId),aggregate($count as n))&$filter=n gt 1&$orderby=n desc"
    )
    lines = dict(explain(plan))
    assert lines["pushdown"] == "state in ('FAILED')"
    assert lines["residual"] == "progress gt 5"
    assert lines["apply"].endswith(
        "groupby((userId),aggregate($count as n)), then n gt 1: runs here"
    )
    assert lines["order"] == "n desc, userId asc"
    assert "apply" not in dict(explain(plan_of("")))
    assert dict(explain(plan_of("$apply=top(1)")))["apply"] == "top(1): runs here"


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("", "Results/$count"),
        ("$filter=state eq 'FAILED'", "Results/$count"),
        ("$top=0&$count=true", "Results"),
        ("$top=5", "Results"),
        ("$top=5&$count=true", "Results"),
        ("$apply=groupby((state))", "Results"),
        ("$apply=aggregate($count as n)", "Results"),
    ],
)
def test_without_a_total_every_number_comes_from_an_extract(query: str, path: str) -> None:
    contract = replace(CONTRACT, has_total=False)
    assert plan_of(query, path=path, contract=contract).route is Route.SNAPSHOT


def test_without_an_order_column_the_own_order_is_by_key() -> None:
    contract = replace(CONTRACT, order_column="")
    assert [order.prop.name for order in natural_order(contract)] == [contract.key]
