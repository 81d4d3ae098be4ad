"""The laws of the pushdown, for random contracts, rows and filters."""

from __future__ import annotations

from random import Random
from typing import Any
from urllib.parse import quote

from hypothesis import given, note
from hypothesis import strategies as st

from gateway.analytics.read.request import PageRequest, to_payload
from gateway.contract.model import Contract
from gateway.planner.explain import explain
from gateway.planner.plan import QueryPlan, Route, plan_query
from gateway.query.bind.query import bind
from gateway.query.request import parse_request
from gateway.query.tree.queries import BoundQuery
from tests.planner.expressions import Expressions
from tests.planner.upstream import answer
from tests.planner.worlds import World, filters, orders, pushable_filter, worlds
from tests.support.examples import examples
from tests.support.oracle import matching
from tests.support.oracle_values import DoesNotExist

bounded = examples(200, repeatable=True)


def planned(contract: Contract, **options: object) -> QueryPlan:
    text = "&".join(
        f"${name}={quote(str(value))}" for name, value in options.items() if value != ""
    )
    query = bind(parse_request(b"Results", text.encode()), contract.schema)
    assert isinstance(query, BoundQuery)
    return plan_query(query, contract)


def pushed_rows(plan: QueryPlan, world: World) -> list[Any]:
    if plan.route is Route.NOTHING:
        return []
    page = PageRequest(plan.pushdown, 0, 1, world.contract.order_column)
    return answer(world.rows, to_payload(page, world.contract), world.contract)


def keys(rows: list[Any]) -> set[str]:
    return {row["id"] for row in rows}


def check_superset(world: World, filter_: str) -> None:
    """Nothing is lost upstream, and nothing is left to do when the plan says so."""
    note(filter_)
    plan = planned(world.contract, filter=filter_)
    wanted, pushed = keys(matching(world.rows, filter_)), keys(pushed_rows(plan, world))
    assert wanted <= pushed
    if plan.residual is None:
        assert wanted == pushed
    if plan.impossible:
        assert not wanted


@bounded
@given(st.data(), worlds())
def test_a_pushdown_returns_every_row_that_matches_any_filter(
    data: st.DataObject, world: World
) -> None:
    check_superset(world, data.draw(filters(world.contract)))


@bounded
@given(worlds(), st.integers(0, 2**32))
def test_a_pushdown_is_exact_when_nothing_is_left_to_check(world: World, seed: int) -> None:
    random = Random(seed)
    for _ in range(12):
        check_superset(world, pushable_filter(world.contract, random))


@bounded
@given(worlds(), st.integers(0, 2**32))
def test_date_functions_and_expressions_lose_no_row(world: World, seed: int) -> None:
    random = Random(seed)
    expressions = Expressions(world.contract, random)
    for _ in range(12):
        filter_ = expressions.date_condition()
        other = random.choice(
            [
                expressions.date_condition(),
                pushable_filter(world.contract, random),
                expressions.condition(1),
            ]
        )
        joined = f"({filter_}) {random.choice(['and', 'or'])} ({other})"
        asked = random.choice([filter_, f"not ({filter_})", joined, f"not ({joined})"])
        try:
            check_superset(world, asked)
        except (DoesNotExist, OverflowError):
            continue


@bounded
@given(st.data(), worlds())
def test_a_window_goes_upstream_only_when_the_upstream_does_all_the_work(
    data: st.DataObject, world: World
) -> None:
    filter_ = data.draw(filters(world.contract) | st.sampled_from(["", "state eq 'APPROVED'"]))
    orderby = data.draw(orders(world.contract))
    skip, top = data.draw(st.integers(0, 600)), data.draw(st.integers(0, 600))
    note(filter_)
    plan = planned(world.contract, filter=filter_, orderby=orderby, skip=skip, top=top)
    assert explain(plan)[-1] == ("route", str(plan.route))
    if plan.route is not Route.WINDOW:
        return
    first = world.contract.column(plan.order[0].prop.name)
    assert plan.residual is None
    assert first.order is not None
    assert plan.window is not None
    assert skip + top < plan.window.limit <= world.contract.request.page_limit
    assert all(row[first.name] is not None for row in pushed_rows(plan, world))
