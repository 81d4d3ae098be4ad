"""What the gateway is doing, for people and their programs: `/explain/...` and `/status`, as JSON.

Both ask for the access key as the feed does: pushdowns and columns are the workspace's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.edge.entrance import Entrance
from gateway.edge.public_root import EXPLAIN_PATH
from gateway.errors import GatewayError, InternalError, MethodNotAllowed
from gateway.observe import Observer
from gateway.planner.explain import explain_pushdown
from gateway.snapshots.cache import Standing
from gateway.snapshots.facts import StoredTable
from gateway.snapshots.load.extract_run import Progress
from gateway.snapshots.load.single_flight import ExtractFailure
from gateway.web.odata import check_length
from gateway.web.respond import react_to_error, to_response


@dataclass(frozen=True, slots=True)
class ExplainEndpoint:
    """A feed's URL with `/explain/` in the place of `/odata/v4/`: what it would do, and why."""

    entrance: Entrance
    observer: Observer
    root_of: Callable[[Scope], str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        response = await self._respond(scope)
        if scope["method"] == "HEAD":
            response.body = b""
        await response(scope, receive, send)

    async def _respond(self, scope: Scope) -> Response:
        try:
            return as_json(await self._explain(scope))
        except GatewayError as error:
            return to_response(react_to_error(error, "4.0"))
        except Exception as error:  # the last line of defence
            self.observer.fault("an unexpected failure", error)
            hidden = InternalError("the gateway failed; its log tells why")
            return to_response(react_to_error(hidden, "4.0"))

    async def _explain(self, scope: Scope) -> dict[str, Any]:
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodNotAllowed(f"{scope['method']} is not served here; use GET")
        check_length(scope)
        service = await self.entrance.admit(scope)
        await self.entrance.check_explain(scope)
        path = scope["raw_path"].removeprefix(EXPLAIN_PATH.encode()).removeprefix(b"/")
        query, _ = self.entrance.without_key(scope, scope["query_string"])
        question = await service.understand(path, query, self.root_of(scope))
        found = service.explain(question)
        return {**dict(found.lines), "payload": found.payload}


@dataclass(frozen=True, slots=True)
class StatusEndpoint:
    """The snapshots at hand and the extracts that are being read, with their progress."""

    entrance: Entrance

    async def __call__(self, request: Request) -> Response:
        """The endpoint of a route; failures are told by the application."""
        service = await self.entrance.admit(request.scope)
        tables, extracts = service.status()
        told = {
            "snapshots": [_snapshot(table, service.standing(table)) for table in tables],
            "extracts": [_extract(progress) for progress in extracts],
        }
        shown: dict[str, Any] = _without_numbers(told) if service.is_limited else dict(told)
        trouble = service.trouble()
        return as_json(shown if trouble is None else shown | {"lastFailure": _failure(trouble)})


_NUMBERS = frozenset({"holds", "rows", "of", "bytes", "rowsASecond", "odd"})


def _without_numbers(told: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """What a role may know: of when the rows are, and not how many others there are."""
    return {
        name: [{k: v for k, v in item.items() if k not in _NUMBERS} for item in items]
        for name, items in told.items()
    }


def _failure(trouble: ExtractFailure) -> dict[str, Any]:
    """Why the last extract failed, in the words that this caller may see."""
    code, message = trouble.error.code, trouble.error.message
    return {"at": _instant(trouble.at), "code": code, "message": message}


def _snapshot(table: StoredTable, standing: Standing) -> dict[str, Any]:
    return {
        "id": table.id,
        "holds": explain_pushdown(table.key.pushdown),
        "rows": table.rows,
        "bytes": table.bytes,
        "takenAt": _instant(table.taken_at),
        "allRowsReadAt": _instant(table.extracted.complete_at),
        "state": standing.verdict,
        "insteadOf": standing.instead_of or None,
        "odd": [
            {"column": each.column, "reason": each.reason, "rows": each.rows}
            for each in table.extracted.odd
        ],
    }


def _extract(progress: Progress) -> dict[str, Any]:
    return {
        "id": progress.id,
        "holds": explain_pushdown(progress.key.pushdown),
        "rows": progress.rows,
        "of": progress.total,
        "rowsASecond": round(progress.rows_a_second),
        "begunAt": _instant(progress.began),
        "waitsToGoOn": progress.is_paused,
    }


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_json(body: Mapping[str, object]) -> Response:
    """An answer for people and programs, never cached."""
    text = msgspec.json.format(msgspec.json.encode(body), indent=2)
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return Response(text, headers=headers)
