"""The last queries of the caller's workspace, newest first, without their literals.

What people filter by is about people. So a query is shown with `?` in the place of each literal,
and only to callers without a role, who see all rows of the workspace anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.types import Scope

from gateway.edge.entrance import Entrance
from gateway.errors import AccessDenied
from gateway.observe import Observer
from gateway.observe.ledger import Ledger
from gateway.observe.record import RequestRecord
from gateway.planner.plan import QueryPlan
from gateway.service.messages import PlannedRequest
from grammar import unparse, without_literals


@dataclass(frozen=True, slots=True)
class LastQueries:
    """Tells of this process; with several workers each has its own list."""

    entrance: Entrance
    observer: Observer
    ledger: Ledger

    async def are_told_to(self, scope: Scope) -> bool:
        """Whether who asks may see them.

        Raises:
            GatewayError: who asks is not let in.
        """
        principal = await self.entrance.principal(scope)
        is_whole = principal.role is None and principal.allowance.sets is None
        return is_whole and principal.token is None

    async def of(self, scope: Scope) -> list[dict[str, Any]]:
        """Each as JSON has it.

        Raises:
            AccessDenied: the caller has a role, a key for some entity sets, or their own token.
        """
        if not await self.are_told_to(scope):
            raise AccessDenied(
                "the last queries are told to those who may see all of the workspace; use a key"
                " without a role and without a list of sets"
            )
        self.ledger.flush()
        principal = await self.entrance.principal(scope)
        found = [_shown(record) for record in self.observer.requests.of(principal.workspace)]
        if await self.entrance.may_explain(scope):
            return found
        return [{**each, "explain": None} for each in found]


def _shown(record: RequestRecord) -> dict[str, Any]:
    at = datetime.fromtimestamp(record.at, UTC).isoformat(timespec="milliseconds")
    question = record.request
    return {
        "id": record.id,
        "at": at.replace("+00:00", "Z"),
        "key": record.key,
        "role": record.role,
        "method": record.method,
        "resource": record.resource,
        "query": _query(question) if isinstance(question, PlannedRequest) else None,
        "status": record.status,
        "error": record.error or None,
        "rows": record.rows,
        "bytes": record.bytes,
        "cache": record.cache or None,
        "page": record.page or None,
        "milliseconds": {
            "total": _milliseconds(record.seconds),
            **{stage: _milliseconds(seconds) for stage, seconds in record.stage_seconds.items()},
        },
        "explain": _explained(question) if isinstance(question, PlannedRequest) else None,
    }


def _query(question: PlannedRequest) -> str:
    """Path and options below the service root, decoded."""
    path = unparse(without_literals(question.request.path))
    options = unparse(without_literals(question.request.options))
    return f"{path}?{options}" if options else path


def _explained(question: PlannedRequest) -> dict[str, Any] | None:
    """How it is answered, as `/explain` says it, but of filters only the columns."""
    plan = question.plan
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
