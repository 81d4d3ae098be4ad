"""Explanations of a plan without running it: its requests upstream, and the work of the gateway.

A running gateway also explains which snapshot it would use, and why.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from gateway.analytics.read.request import filters_payload, first_request, to_payload
from gateway.contract.model import Contract
from gateway.planner.explain import explain, explain_pushdown
from gateway.planner.plan import QueryPlan, Route, plan_query
from gateway.proofs.abilities import plan_proved, relied_on
from gateway.proofs.trust import Trust
from gateway.query.bind.query import bind
from gateway.query.request import parse_request
from gateway.query.tree.queries import BoundQuery, PropertyQuery
from gateway.roles.view import EVERYTHING, View
from gateway.service.published import versioned
from gateway.snapshots.cache import SnapshotChoice
from gateway.snapshots.freshness import Verdict
from gateway.snapshots.load.extract_run import Progress

Lines: TypeAlias = tuple[tuple[str, str], ...]
_VERDICTS = {
    Verdict.FRESH: "it is fresh and is used",
    Verdict.STALE: "it is used at once, while a new one loads",
    Verdict.LAST_RESORT: "it is used only if the Analytics API cannot be reached",
    Verdict.EXPIRED: "too old to use",
}

_UNTIL = (
    "used once proved, after the next extract of all rows; until then the gateway does this work"
    " itself"
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Labelled lines about a query, and its first request to the Analytics API, if any.

    They say what would happen now: with a fresh snapshot, there is no request.
    """

    lines: tuple[tuple[str, str], ...]
    path: str
    payload: dict[str, Any] | None


def explain_request(
    raw_path: bytes, raw_query: bytes, contract: Contract, now: datetime, trust: Trust | None = None
) -> Explanation:
    """Parse, bind, plan and explain a URL below the service root, without calls upstream.

    `now` is the value of now(). Without any finding in `trust`, the plan is that for an API that
    does what the contract states, and a line names what has to be proved first.

    Raises:
        GatewayError: the error that the service would return.
    """
    request, contract = parse_request(raw_path, raw_query), versioned(contract)
    bound = bind(request, contract.schema, now)
    if isinstance(bound, PropertyQuery):
        bound = bound.entity
    if not isinstance(bound, BoundQuery):
        return Explanation((("resource", "a document made from the contract"),), "", None)
    if trust is None or not trust.has_findings:
        plan = plan_query(bound, contract)
    else:
        plan = plan_proved(bound, trust.usable(contract), trust.proved())
    return explain_plan(plan, contract, EVERYTHING, trust=trust)


def explain_plan(
    plan: QueryPlan,
    contract: Contract,
    view: View,
    choice: SnapshotChoice | None = None,
    trust: Trust | None = None,
) -> Explanation:
    """Explain a plan; `choice` is the snapshot that a running gateway has for it.

    An explanation has no facts about the snapshot for callers who may not see all of its rows.
    """
    if view.access_line is not None:
        return Explanation((*explain(plan), view.access_line), "", None)
    unproved = () if trust is None else _explain_unproved(plan, contract, trust)
    lines, choice = (*explain(plan), *unproved), view.reveal(choice)
    if choice is not None and plan.route is not Route.NOTHING:
        lines = (*_with_current_route(lines, plan, choice), ("snapshot", _explain_choice(choice)))
        if choice.verdict is Verdict.FRESH:
            return Explanation(lines, contract.results_path, None)
    if plan.route is Route.NOTHING:
        return Explanation(lines, contract.results_path, None)
    if plan.route is Route.STATISTICS:
        filters = filters_payload(plan.pushdown, contract)
        return Explanation(lines, contract.statistics_path, filters)
    payload = to_payload(first_request(plan, contract), contract)
    return Explanation(lines, contract.results_path, payload)


def _explain_unproved(plan: QueryPlan, contract: Contract, trust: Trust) -> Lines:
    """Return a line with the abilities that the contract states and the plan cannot use yet."""
    proved = trust.proved()
    if proved is None:
        return ()
    wanted = relied_on(plan_query(plan.query, contract))
    names = [name for name in wanted if name not in proved]
    if not names:
        return ()
    return (("unproved", f"{', '.join(names)}; {_UNTIL}"),)


def _with_current_route(lines: Lines, plan: QueryPlan, choice: SnapshotChoice) -> Lines:
    """Return the lines with the route that a request takes now, and the plan's own if it differs.

    A fresh snapshot serves every route; a stale one only those that need an extract.
    """
    current = ""
    if choice.verdict is Verdict.FRESH:
        current = "the snapshot, without an upstream call"
    elif choice.verdict is Verdict.STALE and plan.route is Route.SNAPSHOT:
        current = "the snapshot, while a new extract loads"
    if not current:
        return lines
    others = tuple(line for line in lines if line[0] != "route")
    return (*others, ("route", current), ("routeWithoutSnapshot", str(plan.route)))


def _explain_choice(choice: SnapshotChoice) -> str:
    running = "" if choice.extract is None else f"; {_explain_progress(choice.extract)}"
    if choice.table is None:
        return f"none has these rows{running}"
    table = choice.table
    held = explain_pushdown(table.key.pushdown)
    facts = f"{table.id} holds {table.rows} rows ({held}), {choice.age_seconds:.0f} s old"
    return f"{facts}: {_VERDICTS[choice.verdict]}{running}"


def _explain_progress(progress: Progress) -> str:
    total = "" if progress.total is None else f" of {progress.total}"
    state = "is paused" if progress.is_paused else "is loading"
    return f"{progress.id} {state}, {progress.rows}{total} rows so far"
