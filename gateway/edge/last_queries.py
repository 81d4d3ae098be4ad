"""The last queries of the caller's workspace, newest first, without their literals.

Literals in filters are often personal data. So a query is shown with `?` instead of each literal,
and only to callers without a role, who may see all rows of the workspace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.types import Scope

from gateway.edge.admission import Admission
from gateway.errors import AccessDenied
from gateway.observe import Observer
from gateway.observe.costs import CallerCost, costs_by_caller
from gateway.observe.instants import text_of_seconds
from gateway.observe.ledger import Ledger
from gateway.observe.record import RequestRecord
from gateway.planner.plan import QueryPlan
from gateway.roles.view import may_see_others
from gateway.service.messages import PlannedRequest
from grammar import unparse, without_literals


@dataclass(frozen=True, slots=True)
class LastQueries:
    """The last queries of this process; each worker has its own list."""

    admission: Admission
    observer: Observer
    ledger: Ledger

    async def may_see(self, scope: Scope) -> bool:
        """Return True if the caller may see the list.

        Raises:
            GatewayError: the caller is not admitted.
        """
        return may_see_others(await self.admission.principal(scope))

    async def of(self, scope: Scope) -> list[dict[str, Any]]:
        """Return the queries, ready for JSON.

        Raises:
            AccessDenied: the caller has a role, a key limited to entity sets, or their own token.
        """
        shown = [_shown(record) for record in await self._records(scope)]
        if await self.admission.may_explain(scope):
            return shown
        return [{**each, "explain": None} for each in shown]

    async def by_caller(self, scope: Scope) -> list[dict[str, Any]]:
        """Return the costs of these queries by caller, ready for JSON.

        Raises:
            AccessDenied: as `of`.
        """
        return [_cost(each) for each in costs_by_caller(await self._records(scope))]

    async def _records(self, scope: Scope) -> tuple[RequestRecord, ...]:
        if not await self.may_see(scope):
            raise AccessDenied(
                "only a key that may see the whole workspace shows the last queries; use a key"
                " without a role and without a list of entity sets"
            )
        self.ledger.flush()
        principal = await self.admission.principal(scope)
        return self.observer.requests.of(principal.workspace)


def _shown(record: RequestRecord) -> dict[str, Any]:
    planned = record.request if isinstance(record.request, PlannedRequest) else None
    return {
        "id": record.id,
        "at": text_of_seconds(record.at),
        "key": record.key,
        "role": record.role,
        "method": record.method,
        "resource": record.resource,
        "query": None if planned is None else _query(planned),
        "status": record.status,
        "error": record.error or None,
        "rows": record.rows,
        "bytes": record.bytes,
        "cache": record.cache or None,
        "page": record.page or None,
        "upstreamCalls": record.calls,
        "milliseconds": {
            "total": _milliseconds(record.seconds),
            **{stage: _milliseconds(seconds) for stage, seconds in record.stage_seconds.items()},
        },
        "explain": None if planned is None else _explained(planned),
    }


def _cost(cost: CallerCost) -> dict[str, Any]:
    return {
        "key": cost.key,
        "role": cost.role,
        "requests": cost.requests,
        "errors": cost.errors,
        "milliseconds": _milliseconds(cost.seconds),
        "bytes": cost.bytes,
        "upstreamCalls": cost.upstream_calls,
    }


def _query(planned: PlannedRequest) -> str:
    """Return path and options below the service root, decoded."""
    path = unparse(without_literals(planned.request.path))
    options = unparse(without_literals(planned.request.options))
    return f"{path}?{options}" if options else path


def _explained(planned: PlannedRequest) -> dict[str, Any] | None:
    """Return the plan as `/explain` does, but of filters only the columns."""
    plan = planned.plan
    return None if plan is None else _summary(plan)


def _summary(plan: QueryPlan) -> dict[str, Any]:
    return {
        "route": str(plan.route),
        "pushdown": [term.column for term in plan.pushdown.terms],
        "filtersHere": plan.residual is not None,
        "windowPushed": plan.window is not None,
    }


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)
