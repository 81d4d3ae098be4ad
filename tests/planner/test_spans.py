"""Date functions and computed values of columns: what the upstream is asked for them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.planner.explain import explain
from gateway.planner.plan import Route
from gateway.planner.pushdown import split_filter
from tests.planner.cases import plan_of, with_column

NULLABLE = with_column("updatedAt", nullable=True, exact=True)
ALL_ROWS = "nothing: all rows"


@pytest.mark.parametrize(
    ("filter_", "pushdown", "residual"),
    [
        ("year(updatedAt) ge 2024", "updatedAt from 2024-01-01T00:00:00Z to any", "nothing"),
        ("year(updatedAt) gt 2023", "updatedAt from 2024-01-01T00:00:00Z to any", "nothing"),
        ("2024 le year(updatedAt)", "updatedAt from 2024-01-01T00:00:00Z to any", "nothing"),
        ("date(updatedAt) ge 2024-02-29", "updatedAt from 2024-02-29T00:00:00Z to any", "nothing"),
        ("date(updatedAt) gt 2024-02-28", "updatedAt from 2024-02-29T00:00:00Z to any", "nothing"),
        ("year(updatedAt) gt 2023 and year(updatedAt) ne 2025",
         "updatedAt from 2024-01-01T00:00:00Z to any", "year(updatedAt) ne 2025"),
        ("not (year(updatedAt) lt 2024)", ALL_ROWS, "not (year(updatedAt) lt 2024)"),
        ("year(updatedAt) ne 2024", ALL_ROWS, "year(updatedAt) ne 2024"),
        ("year(updatedAt) le 9999", ALL_ROWS, "year(updatedAt) le 9999"),
        ("year(updatedAt) eq null", ALL_ROWS, "year(updatedAt) eq null"),
        ("year(updatedAt) eq 2024.5", ALL_ROWS, "year(updatedAt) eq 2024.5"),
        ("year(updatedAt) lt 10000", ALL_ROWS, "year(updatedAt) lt 10000"),
        ("month(updatedAt) eq 3", ALL_ROWS, "month(updatedAt) eq 3"),
    ],
)  # fmt: skip
def test_a_date_function_of_a_column_is_a_range(filter_: str, pushdown: str, residual: str) -> None:
    lines = dict(explain(plan_of(f"$filter={filter_}", NULLABLE)))
    assert (lines["pushdown"], lines["residual"]) == (pushdown, residual)


@pytest.mark.parametrize("filter_", ["year(updatedAt) eq 2024", "date(updatedAt) eq 2024-02-29"])
def test_a_span_is_asked_of_the_upstream_and_its_open_end_checked_here(filter_: str) -> None:
    """The upstream's range includes its end, the first instant of what follows."""
    plan = plan_of(f"$filter={filter_} and month(updatedAt) eq 2")
    lines = dict(explain(plan))
    assert lines["pushdown"].startswith("updatedAt from 2024-0")
    assert "month(updatedAt) eq 2" in lines["residual"]


@pytest.mark.parametrize(
    "filter_", ["year(updatedAt) gt 9999", "year(updatedAt) lt null", "date(updatedAt) lt null"]
)
def test_a_span_beyond_the_end_of_time_is_empty(filter_: str) -> None:
    assert plan_of(f"$filter={filter_}").route is Route.NOTHING


@pytest.mark.parametrize(
    ("filter_", "certain"),
    [
        ("hour(updatedAt) eq 5", True),
        ("hour(updatedAt) ne 5", False),
        ("not (hour(updatedAt) ne 5)", True),
        ("hour(updatedAt) gt -(length(cast(updatedAt,Edm.String)))", True),
        ("-(hour(updatedAt)) lt 5", True),
        ("cast(updatedAt,Edm.String) eq 'x'", True),
        ("updatedAt add duration'P1D' gt expiryDate", True),
        ("updatedAt gt expiryDate", True),
        ("not (updatedAt gt expiryDate)", False),
        ("updatedAt eq expiryDate", False),
        ("hour(updatedAt) eq null", False),
        ("case(true:updatedAt) gt 2024-01-01T00:00:00Z", False),
    ],
)
def test_a_value_computed_of_a_column_tells_that_it_is_not_null(
    filter_: str, certain: bool
) -> None:
    found = split_filter(plan_of(f"$filter={filter_}", NULLABLE).query.filter, NULLABLE)
    assert ("updatedAt" in found.not_null) is certain


def test_an_order_that_is_computed_keeps_the_window_here() -> None:
    plan = plan_of("$orderby=year(updatedAt) desc,updatedAt&$top=5")
    assert (plan.window, plan.why) == (None, "year(updatedAt) is computed here")
    assert dict(explain(plan))["order"] == "year(updatedAt) desc, updatedAt asc, id asc"


def test_a_computed_order_behind_a_column_leaves_the_window_to_the_upstream() -> None:
    assert plan_of("$orderby=updatedAt desc,length(userName)&$top=5").route is Route.WINDOW


NOW = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("filter_", "pushdown", "residual"),
    [
        ("updatedAt ge now() sub duration'P7D'", "from 2024-02-22T12:30:00Z to any", None),
        ("updatedAt gt now()", "from 2024-02-29T12:30:00Z to any", "gt 2024-02-29T12:30:00Z"),
        ("updatedAt lt now()", "from any to 2024-02-29T13:00:00Z", "lt 2024-02-29T12:30:00Z"),
        ("updatedAt le now() sub duration'PT30M'", "from any to 2024-02-29T12:00:00.001000Z",
         "le 2024-02-29T12:00:00Z"),
        ("year(updatedAt) eq year(now())", "from 2024-01-01T00:00:00Z to 2025-01-01T00:00:00Z",
         "year(updatedAt) eq 2024"),
        ("updatedAt le now() and updatedAt le 9999-12-31T23:59:59Z",
         "from any to 2024-02-29T13:00:00Z", "le 2024-02-29T12:30:00Z"),
        ("updatedAt le 9999-12-31T23:59:59Z and now() ne null",
         "from any to 9999-12-31T23:59:59.001000Z", "le 9999-12-31T23:59:59Z"),
    ],
)  # fmt: skip
def test_what_ends_now_is_asked_up_to_the_next_hour(
    filter_: str, pushdown: str, residual: str | None
) -> None:
    plan = plan_of(f"$filter={filter_}", NULLABLE, now=NOW)
    lines = dict(explain(plan))
    assert lines["pushdown"] == f"updatedAt {pushdown}"
    assert (residual or "nothing") in lines["residual"]
    assert (plan.residual is None) is (residual is None)
