"""What goes upstream and what stays, case by case: filter, pushdown and residual as explained."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.contract.model import Contract, CustomFieldFilter, ValuesFilter
from gateway.planner.explain import explain
from gateway.planner.plan import QueryPlan, Route
from tests.planner.cases import CONTRACT, plan_of, with_column

ALL_ROWS = "nothing: all rows"
NOTHING = "nothing"


def sides(plan: QueryPlan) -> tuple[str, str]:
    lines = dict(explain(plan))
    return lines["pushdown"], lines["residual"]


@pytest.mark.parametrize(
    ("filter_", "pushdown"),
    [
        ("state eq 'FAILED'", "state in ('FAILED')"),
        ("'FAILED' eq state", "state in ('FAILED')"),
        ("state in ('FAILED','APPROVED')", "state in ('APPROVED', 'FAILED')"),
        ("state eq 'FAILED' or state eq 'EXPIRED'", "state in ('EXPIRED', 'FAILED')"),
        ("not (state ne 'FAILED')", "state in ('FAILED')"),
        ("not (state eq 'FAILED') and enrollmentType ne 'OPTIONAL'",
         "state in ('APPROVED', 'EXPIRED', 'IN_PROGRESS', 'NOT_STARTED')"
         " and enrollmentType in ('MANDATORY', 'NOT_ENROLLED')"),
        ("state gt 'E' and state lt 'G'", "state in ('EXPIRED', 'FAILED')"),
        ("state eq 'FAILED' and state ne null", "state in ('FAILED')"),
        ("userId in ('u1','u2') and userId in ('u2','u3')", "userId in ('u2')"),
        ("expiryDate ge 2024-01-01T00:00Z", "expiryDate from 2024-01-01T00:00:00Z to any"),
        ("groupIds/any(g:g eq 'a' or g eq 'b')", "groupIds in ('a', 'b')"),
        ("groupIds/any(g:g eq 'a') or groupIds/any(g:g eq 'b')", "groupIds in ('a', 'b')"),
        ("true and state eq 'FAILED' and 1 eq 1", "state in ('FAILED')"),
        ("updatedAt le 2024-01-01T00:00:00Z or updatedAt ge 2023-01-01T00:00:00Z", ALL_ROWS),
        ("state eq 'FAILED' or state ne 'FAILED'", ALL_ROWS),
        ("state ne null and updatedAt ne null", ALL_ROWS),
    ],
)  # fmt: skip
def test_what_the_upstream_can_say_exactly_leaves_nothing_to_do(
    filter_: str, pushdown: str
) -> None:
    assert sides(plan_of(f"$filter={filter_}")) == (pushdown, NOTHING)


@pytest.mark.parametrize(
    ("filter_", "pushdown", "residual"),
    [
        ("progress gt 50", ALL_ROWS, "progress gt 50"),
        ("state eq 'FAILED' and progress gt 50", "state in ('FAILED')", "progress gt 50"),
        ("state eq 'FAILED' or progress gt 50", ALL_ROWS,
         "(state eq 'FAILED') or (progress gt 50)"),
        ("userName eq 'a' and userEmail eq 'b'", ALL_ROWS,
         "(userName eq 'a') and (userEmail eq 'b')"),
        ("userId ne 'u1'", ALL_ROWS, "userId ne 'u1'"),
        ("expiryDate lt 2024-01-01T00:00:00Z", "expiryDate from any to 2024-01-01T00:00:00Z",
         "expiryDate lt 2024-01-01T00:00:00Z"),
        ("not (expiryDate gt 2024-01-01T00:00:00Z)", ALL_ROWS,
         "not (expiryDate gt 2024-01-01T00:00:00Z)"),
        ("updatedAt gt 2024-01-01T00:00:00.0005Z",
         "updatedAt from 2024-01-01T00:00:00Z to any", "updatedAt gt 2024-01-01T00:00:00.0005Z"),
        ("updatedAt ge 2024-01-01T00:00:00Z and updatedAt le 2024-02-01T01:00:00+01:00",
         "updatedAt from 2024-01-01T00:00:00Z to 2024-02-01T00:00:00.001000Z",
         "(updatedAt ge 2024-01-01T00:00:00Z) and (updatedAt le 2024-02-01T00:00:00Z)"),
        ("updatedAt eq 2024-01-01T00:00:00Z",
         "updatedAt from 2024-01-01T00:00:00Z to 2024-01-01T00:00:00.001000Z",
         "updatedAt eq 2024-01-01T00:00:00Z"),
        ("updatedAt in (2024-01-01T00:00:00Z,2024-03-01T00:00:00Z)",
         "updatedAt from 2024-01-01T00:00:00Z to 2024-03-01T00:00:00.001000Z",
         "updatedAt in (2024-01-01T00:00:00Z,2024-03-01T00:00:00Z)"),
        ("updatedAt in (2024-01-01T00:00:00Z,2024-02-01T00:00:00Z) or updatedAt ge"
         " 2024-03-01T00:00:00Z", "updatedAt from 2024-01-01T00:00:00Z to any",
         "(updatedAt in (2024-01-01T00:00:00Z,2024-02-01T00:00:00Z)) or (updatedAt ge"
         " 2024-03-01T00:00:00Z)"),
        ("updatedAt ge 2024-01-01T00:00:00Z and updatedAt ne 2024-02-01T00:00:00Z",
         "updatedAt from 2024-01-01T00:00:00Z to any", "updatedAt ne 2024-02-01T00:00:00Z"),
        ("department eq 'Sales'", "department in ('Sales')", "department eq 'Sales'"),
        ("department in ('Sales',null)", ALL_ROWS, "department in ('Sales',null)"),
        ("groupIds/any(g:g eq 'a') and groupIds/any(g:g in ('b','c'))", "groupIds in ('a')",
         "groupIds/any(x:x in ('b','c'))"),
        ("groupIds/any(g:g eq 'a' and state eq 'FAILED')", "groupIds in ('a')",
         "groupIds/any(x:(x eq 'a') and (state eq 'FAILED'))"),
        ("groupIds/any(g:g ne 'a') or groupIds/any(g:g ne 'b')", ALL_ROWS,
         "groupIds/any(x:x ne 'a') or groupIds/any(x:x ne 'b')"),
        ("(groupIds/any(g:g eq 'a') and groupIds/any(g:g eq 'b')) or groupIds/any(g:g eq 'c')",
         "groupIds in ('a', 'c')",
         "(groupIds/any(x:x eq 'a') and groupIds/any(x:x eq 'b')) or groupIds/any(x:x eq 'c')"),
        ("groupIds/any(g:g ne null)", ALL_ROWS, "groupIds/any(x:x ne null)"),
        ("groupIds/any(g:true)", ALL_ROWS, "groupIds/any(x:true)"),
        ("groupIds/all(g:g eq 'a')", ALL_ROWS, "groupIds/all(x:x eq 'a')"),
        ("not groupIds/any(g:g eq 'a')", ALL_ROWS, "not groupIds/any(x:x eq 'a')"),
        ("groupIds/any()", ALL_ROWS, "groupIds/any()"),
        ("contains(userName,'a''b')", ALL_ROWS, "contains(userName,'a''b')"),
        ("progress ne NaN or progress eq INF", ALL_ROWS, "(progress ne NaN) or (progress eq INF)"),
        ("state eq contentId", ALL_ROWS, "state eq contentId"),
        ("(state eq 'FAILED') eq true", ALL_ROWS, "(state eq 'FAILED') eq true"),
    ],
)  # fmt: skip
def test_what_the_upstream_cannot_say_is_checked_here(
    filter_: str, pushdown: str, residual: str
) -> None:
    assert sides(plan_of(f"$filter={filter_}")) == (pushdown, residual)


@pytest.mark.parametrize(
    "filter_",
    [
        "state eq 'NO_SUCH_STATE'",
        "state eq null",
        "state lt null",
        "state in ()",
        "state eq 'FAILED' and state eq 'EXPIRED'",
        "userId eq 'a' and userId gt 'b'",
        "updatedAt gt 2024-01-01T00:00:00Z and updatedAt lt 2023-01-01T00:00:00Z",
        "progress gt 5 and progress lt 5",
        "groupIds/any(g:g in ())",
        "groupIds/any(g:g eq null)",
        "false",
        "null",
        "not true and state eq 'FAILED'",
        "false or 1 eq 2",
        "state eq 'x' or false",
    ],
)
def test_a_filter_that_no_row_can_pass_is_answered_without_the_upstream(filter_: str) -> None:
    plan = plan_of(f"$filter={filter_}")
    assert plan.route is Route.NOTHING
    assert plan.residual is not None, "whoever ignores the route must not get every row"
    assert dict(explain(plan))["pushdown"] == "nothing: no row can match"


@pytest.mark.parametrize(
    "filter_",
    [
        "progress eq 0.1 and progress eq 1e-1",
        "progress ge 0.1 and progress le 1e-1",
        "progress gt NaN or progress lt 5",
        "department eq '' or department eq null",
    ],
)
def test_a_filter_that_rows_can_pass_is_not_given_up(filter_: str) -> None:
    assert plan_of(f"$filter={filter_}").route is Route.SNAPSHOT


@pytest.mark.parametrize(
    ("changes", "pushdown", "residual"),
    [
        ({}, "from 2024-01-01T00:00:00Z to any", NOTHING),
        ({"exact": False}, "from 2024-01-01T00:00:00Z to any", "ge"),
        ({"from_inclusive": False}, "from 2023-12-31T23:59:59.999000Z to any", "ge"),
        ({"from_inclusive": False, "resolution_milliseconds": 1000},
         "from 2023-12-31T23:59:59Z to any", "ge"),
    ],
)  # fmt: skip
def test_the_start_of_a_range_moves_outward_where_the_upstream_excludes_it(
    changes: dict[str, Any], pushdown: str, residual: str
) -> None:
    contract = with_column("updatedAt", **changes)
    found = sides(plan_of("$filter=updatedAt ge 2024-01-01T00:00:00Z", contract))
    assert found[0] == f"updatedAt {pushdown}"
    assert found[1] == (residual if residual == NOTHING else "updatedAt ge 2024-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("changes", "filter_", "pushdown", "exact"),
    [
        ({"to_inclusive": False}, "lt 2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z", True),
        ({"to_inclusive": False}, "le 2024-01-01T00:00:00Z", "2024-01-01T00:00:00.001000Z", False),
        ({"resolution_milliseconds": 1000}, "le 2024-01-01T00:00:00.001Z",
         "2024-01-01T00:00:01Z", False),
        ({"resolution_milliseconds": 60_000}, "lt 2024-01-01T23:59:59Z",
         "2024-01-02T00:00:00Z", False),
        ({"resolution_milliseconds": 1000}, "le 9999-12-31T23:59:59.5Z", "any", False),
        ({"to_inclusive": False}, "le 9999-12-31T23:59:59.999999Z", "any", False),
    ],
)  # fmt: skip
def test_the_end_of_a_range_loses_nothing_on_a_coarse_grid_or_at_the_end_of_time(
    changes: dict[str, Any], filter_: str, pushdown: str, *, exact: bool
) -> None:
    plan = plan_of(f"$filter=updatedAt {filter_}", with_column("updatedAt", **changes))
    ranged = ALL_ROWS if pushdown == "any" else f"updatedAt from any to {pushdown}"
    assert sides(plan)[0] == ranged
    assert (plan.residual is None) is exact


_GRID = "2024-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("comparison", "contract", "route"),
    [
        (f"ge {_GRID}", CONTRACT, Route.WINDOW),
        ("ge 2024-01-01T00:00:00.001Z", CONTRACT, Route.WINDOW),
        (f"lt {_GRID}", with_column("updatedAt", to_inclusive=False), Route.WINDOW),
        (f"lt {_GRID}", CONTRACT, Route.SNAPSHOT),
        (f"le {_GRID}", CONTRACT, Route.SNAPSHOT),
        (f"gt {_GRID}", CONTRACT, Route.SNAPSHOT),
        (f"gt {_GRID}", with_column("updatedAt", from_inclusive=False), Route.SNAPSHOT),
        (f"eq {_GRID}", CONTRACT, Route.SNAPSHOT),
        ("ge 2024-01-01T00:00:00.0005Z", CONTRACT, Route.SNAPSHOT),
        ("ge 2024-01-01T00:00:00.0000001Z", CONTRACT, Route.SNAPSHOT),
    ],
)
def test_only_ge_and_lt_on_the_grid_leave_a_window_and_a_total_to_the_upstream(
    comparison: str, contract: Contract, route: Route
) -> None:
    query = f"$filter=updatedAt {comparison}"
    counted = Route.TOTAL if route is Route.WINDOW else route
    assert plan_of(f"{query}&$top=5", contract).route is route
    assert plan_of(query, contract, "Results/$count").route is counted


def test_more_values_than_the_upstream_takes_are_not_sent() -> None:
    contract = with_column("userId", max_values=2)
    assert sides(plan_of("$filter=userId in ('a','b')", contract))[0] == "userId in ('a', 'b')"
    assert sides(plan_of("$filter=userId in ('a','b','c')", contract))[0] == ALL_ROWS


def test_a_null_that_may_match_keeps_a_set_from_being_sent() -> None:
    nullable = with_column("state", nullable=True)
    assert sides(plan_of("$filter=state ne 'FAILED'", nullable))[0] == ALL_ROWS
    assert sides(plan_of("$filter=state ne 'FAILED' and state ne null", nullable)) == (
        "state in ('APPROVED', 'EXPIRED', 'IN_PROGRESS', 'NOT_STARTED')",
        NOTHING,
    )


def test_a_double_beside_an_integer_column_decides_nothing_at_planning() -> None:
    score = with_column("userName")
    assert plan_of("$filter=progress eq 5 and progress eq 5e0", score).route is Route.SNAPSHOT


def test_a_filter_that_the_contract_lacks_pushes_nothing() -> None:
    contract = with_column("state", filter=None)
    assert sides(plan_of("$filter=state eq 'FAILED'", contract)) == (ALL_ROWS, "state eq 'FAILED'")
    assert plan_of("$filter=state eq 'FAILED'", CONTRACT).residual is None


PUSHABLE = [
    column.name
    for column in CONTRACT.columns
    if isinstance(column.filter, ValuesFilter | CustomFieldFilter)
]
HALVED = ["{0} eq 'a\ufffd'", "{0} in ('a','b\ufffdc')", "not ({0} ne '\ufffd')"]


@pytest.mark.parametrize("name", PUSHABLE)
@pytest.mark.parametrize("form", HALVED)
def test_a_text_with_the_replacement_character_is_compared_here(name: str, form: str) -> None:
    """The upstream may hold half of a character in its place, and would find nothing."""
    column = CONTRACT.column(name)
    filter_ = form.format("g" if column.prop.collection else name)
    whole = f"{name}/any(g:{filter_})" if column.prop.collection else filter_
    contract = with_column(name, allowed_values=())
    plan = plan_of(f"$filter={whole} and updatedAt ge 2024-01-01T00:00:00Z", contract)
    assert {term.column for term in plan.pushdown.terms} == {"updatedAt"}
    assert plan.residual is not None
