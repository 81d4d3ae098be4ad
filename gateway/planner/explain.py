"""`QueryPlan` -> an explanation for people: the part that goes upstream, the rest, and why."""

from __future__ import annotations

from datetime import datetime

from gateway.observe.instants import instant_text
from gateway.planner.plan import QueryPlan, Route
from gateway.planner.pushdown import Pushdown, PushedRange, PushedTerm
from gateway.planner.statistics import StatisticsPlan
from gateway.query.tree.render import render_expr
from gateway.query.tree.transformations import BoundApply


def explain(plan: QueryPlan) -> tuple[tuple[str, str], ...]:
    """Return labels and texts in the order of the data flow; only `apply` may be absent."""
    query = plan.query
    residual = "nothing" if plan.residual is None else render_expr(plan.residual)
    order = ", ".join(
        f"{render_expr(o.expr)} {'desc' if o.descending else 'asc'}" for o in plan.order
    )
    apply = () if query.apply is None else (("apply", _apply(query.apply, plan.statistics_plan)),)
    return (
        ("resource", f"{query.entity_set.name} ({query.shape})"),
        ("pushdown", _pushdown(plan)),
        ("residual", residual),
        *apply,
        ("order", order),
        ("window", _window(plan)),
        ("route", str(plan.route)),
    )


def explain_pushdown(pushdown: Pushdown) -> str:
    """Return the request to the Analytics API as text; `all rows` if nothing narrows it."""
    return " and ".join(_pushed(term) for term in pushdown.terms) or "all rows"


def _pushdown(plan: QueryPlan) -> str:
    if plan.impossible:
        return "nothing: no row can match"
    text = explain_pushdown(plan.pushdown)
    return text if plan.pushdown.terms else f"nothing: {text}"


def _apply(apply: BoundApply, statistics_plan: StatisticsPlan | None) -> str:
    left = "" if apply.filter is None else f", then {render_expr(apply.filter)}"
    if statistics_plan is None:
        return f"{apply.text}{left}: runs here"
    members = ", ".join(".".join(statistic.member) for statistic in statistics_plan.statistics)
    return (
        f"{apply.text}{left}: the statistics serve its first step ({members}), the rest runs here"
    )


def _pushed(term: PushedTerm) -> str:
    if isinstance(term, PushedRange):
        return f"{term.column} from {_instant(term.lower)} to {_instant(term.upper)}"
    return f"{term.column} in ({', '.join(repr(value) for value in term.values)})"


def _instant(value: datetime | None) -> str:
    return "any" if value is None else instant_text(value, "auto")


def _window(plan: QueryPlan) -> str:
    top = "all" if plan.query.top is None else str(plan.query.top)
    window = f"skip {plan.query.skip}, top {top}"
    if plan.route in (Route.NOTHING, Route.TOTAL):
        return f"{window}: no rows are needed"
    if plan.window is not None:
        return (
            f"{window}: pushed, {plan.window.limit} rows requested (one more shows whether a tie"
            " crosses the end)"
        )
    return f"{window}: applied here, because {plan.why}"
