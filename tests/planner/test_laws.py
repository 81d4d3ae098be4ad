"""The laws of the pushdown, for random contracts, rows and filters."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from hypothesis import given, note, settings
from hypothesis import strategies as st

from gateway.analytics.payload import PageRequest, to_payload
from gateway.contract.model import Contract
from gateway.planner.explain import explain
from gateway.planner.plan import QueryPlan, Route, plan_query
from gateway.query.bind_query import bind
from gateway.query.bound import BoundQuery
from gateway.query.request import parse_request
from tests.planner.upstream import answer
from tests.planner.worlds import World, filters, orders, pushable_filters, worlds
from tests.support.oracle import matching

thorough = settings(max_examples=700, deadline=None, derandomize=True, database=None)
bounded = settings(thorough, max_examples=200)


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


@thorough
@given(st.data(), worlds())
def test_the_upstream_returns_every_row_that_matches_and_only_those_when_nothing_is_left(
    data: st.DataObject, world: World
) -> None:
    filter_ = data.draw(pushable_filters(world.contract) | filters(world.contract))
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
def test_a_window_goes_upstream_only_when_the_upstream_does_all_the_work(
    data: st.DataObject, world: World
) -> None:
    filter_ = data.draw(pushable_filters(world.contract) | filters(world.contract) | st.just(""))
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
