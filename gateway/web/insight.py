"""The gateway's work as JSON: `/explain/...`, `/status` and `/requests`.

All require the same credentials as the data: pushdowns and columns belong to the workspace.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.edge.admission import Admission
from gateway.edge.last_queries import LastQueries
from gateway.edge.public_root import EXPLAIN_PATH
from gateway.errors import MethodNotAllowed
from gateway.observe.instants import instant_text
from gateway.roles.status import ExtractCounts, ExtractStatus, SnapshotCounts, SnapshotStatus
from gateway.snapshots.load.single_flight import ExtractFailure
from gateway.web.odata import ODataEndpoint, check_length
from gateway.web.respond import to_starlette_response


@dataclass(frozen=True, slots=True)
class ExplainEndpoint:
    """The plan of a query and its reasons, at its URL with `/explain/` instead of `/odata/v4/`."""

    endpoint: ODataEndpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        response = await self._respond(scope)
        if scope["method"] == "HEAD":
            response.body = b""
        await response(scope, receive, send)

    async def _respond(self, scope: Scope) -> Response:
        try:
            return as_json(await self._explain(scope))
        except Exception as error:  # the last line of defence
            return to_starlette_response(self.endpoint.refuse(error, "4.0"))

    async def _explain(self, scope: Scope) -> dict[str, Any]:
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodNotAllowed(f"{scope['method']} is not served here; use GET")
        check_length(scope)
        admission = self.endpoint.admission
        service = await admission.admit(scope)
        await admission.check_explain(scope)
        path = scope["raw_path"].removeprefix(EXPLAIN_PATH.encode()).removeprefix(b"/")
        query, _ = admission.without_key(scope, scope["query_string"])
        planned = await service.understand(path, query, self.endpoint.root_of(scope))
        explanation = service.explain(planned)
        return {**dict(explanation.lines), "payload": explanation.payload}


@dataclass(frozen=True, slots=True)
class RequestsEndpoint:
    """The last queries of the workspace, and their costs by caller; see `LastQueries`."""

    queries: LastQueries

    async def __call__(self, request: Request) -> Response:
        """Respond to a route; the application converts errors.

        Raises:
            AccessDenied: the caller may not see all of the workspace.
        """
        requests = await self.queries.of(request.scope)
        callers = await self.queries.by_caller(request.scope)
        return as_json({"requests": requests, "callers": callers})


@dataclass(frozen=True, slots=True)
class StatusEndpoint:
    """The current snapshots, and the running extracts with their progress."""

    admission: Admission

    async def __call__(self, request: Request) -> Response:
        """Respond to a route; the application converts errors."""
        service = await self.admission.admit(request.scope)
        status, trouble = service.status(), service.trouble()
        shown: dict[str, Any] = {
            "snapshots": [_snapshot(snapshot) for snapshot in status.snapshots],
            "extracts": [_extract(extract) for extract in status.extracts],
        }
        return as_json(shown if trouble is None else shown | {"lastFailure": _failure(trouble)})


def _failure(trouble: ExtractFailure) -> dict[str, Any]:
    """Return the failure of the last extract, in a form that this caller may see."""
    code, message = trouble.error.code, trouble.error.message
    return {"at": instant_text(trouble.at), "code": code, "message": message}


def _snapshot(snapshot: SnapshotStatus) -> dict[str, Any]:
    freshness, counts = snapshot.freshness, snapshot.counts
    size, odd = ({}, {}) if counts is None else _counts(counts)
    return {
        "id": snapshot.id,
        **size,
        "takenAt": instant_text(snapshot.taken_at),
        "allRowsReadAt": instant_text(snapshot.complete_at),
        "state": freshness.verdict,
        "insteadOf": freshness.instead_of or None,
        **odd,
    }


def _counts(counts: SnapshotCounts) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the members about size, and the member about strange values."""
    odd = [{"column": o.column, "reason": o.reason, "rows": o.rows} for o in counts.odd]
    return {"holds": counts.holds, "rows": counts.rows, "bytes": counts.bytes}, {"odd": odd}


def _extract(extract: ExtractStatus) -> dict[str, Any]:
    progress = {} if extract.counts is None else _progress(extract.counts)
    return {
        "id": extract.id,
        **progress,
        "begunAt": instant_text(extract.began),
        "waitsToGoOn": extract.is_paused,
    }


def _progress(counts: ExtractCounts) -> dict[str, Any]:
    return {
        "holds": counts.holds,
        "rows": counts.rows,
        "of": counts.total,
        "rowsASecond": round(counts.rows_a_second),
    }


def as_json(body: Mapping[str, object]) -> Response:
    """Return a response for people and programs; it is never cached."""
    text = msgspec.json.format(msgspec.json.encode(body), indent=2)
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return Response(text, headers=headers)
