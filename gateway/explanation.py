"""A plan without its execution: what it would ask of the Analytics API, what stays here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.analytics.payload import first_request, to_payload
from gateway.contract.model import Contract
from gateway.planner.explain import explain
from gateway.planner.plan import Route, plan_query
from gateway.query.bind_query import bind
from gateway.query.bound import BoundQuery
from gateway.query.request import parse_request


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a query would do: labelled lines, and the first request to the Analytics API if any."""

    lines: tuple[tuple[str, str], ...]
    path: str
    payload: dict[str, Any] | None


def explain_request(raw_path: bytes, raw_query: bytes, contract: Contract) -> Explanation:
    """Parse, bind and plan a URL below the service root, and stop there; nobody is asked.

    Raises:
        GatewayError: what the service would answer.
    """
    request = parse_request(raw_path, raw_query)
    bound = bind(request, contract.schema)
    if not isinstance(bound, BoundQuery):
        return Explanation((("resource", "a document made from the contract"),), "", None)
    plan = plan_query(bound, contract)
    if plan.route is Route.NOTHING:
        return Explanation(explain(plan), contract.results_path, None)
    payload = to_payload(first_request(plan, contract), contract)
    return Explanation(explain(plan), contract.results_path, payload)
