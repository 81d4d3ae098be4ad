"""An Analytics API that sends any JSON as its rows: filters, order and pages are as documented."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.live import running

Row = dict[str, Any]


@dataclass
class OddUpstream:
    """Its rows may be changed while it runs."""

    rows: Sequence[Any]
    asked: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    async def results(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append(body)
        options = body["options"]
        found = [row for row in self.rows if _matches(row, body)]
        found.sort(key=_instant, reverse=options.get("order") == "DESC")
        page = found[options["skip"] : options["skip"] + options["limit"]]
        answer = {"total": len(found), "results": page}
        return Response(json.dumps(answer), media_type="application/json")

    async def statistics(self, request: Request) -> Response:
        """As a program would count that makes members of an object of whatever values there are."""
        body = await request.json()
        rows = [row for row in self.rows if _matches(row, body)]
        told: dict[str, Any] = {"total": len(rows)}
        for name, path in (("users", ("user", "id")), ("contents", ("content", "id"))):
            told[name] = len({v for v in (_at(row, *path) for row in rows) if v is not None})
        told["certificatesIssued"] = sum(_at(r, "certificateIssuedAt") is not None for r in rows)
        told["averageProgress"] = 0.0
        for name, member in (("states", "state"), ("enrollmentTypes", "enrollmentType")):
            values = [str(_at(row, member)) for row in rows]
            told[name] = {value: values.count(value) for value in values}
        return JSONResponse(told)


def _at(row: Any, *path: str) -> Any:
    for step in path:
        row = row.get(step) if isinstance(row, dict) else None
    return row


def _instant(row: Any) -> str:
    return str(_at(row, "updatedAt") or "")


def _matches(row: Any, body: dict[str, Any]) -> bool:
    for member, path in (
        ("userIds", ("user", "id")),
        ("contentIds", ("content", "id")),
        ("states", ("state",)),
        ("enrollmentTypes", ("enrollmentType",)),
    ):
        if member in body and _at(row, *path) not in body[member]:
            return False
    fields = _at(row, "user", "customFields") or []
    for wanted in body.get("customFields", ()):
        values = [
            _at(f, "value") for f in fields if _at(f, "customFieldId") == wanted["customFieldId"]
        ]
        if not any(value in wanted["values"] for value in values):
            return False
    groups = [_at(group, "id") for group in _at(row, "user", "groups") or []]
    if "groupIds" in body and not set(groups) & set(body["groupIds"]):
        return False
    ends = body.get("updatedAtDateRange", {})
    text = row.get("updatedAt")
    at = datetime.fromisoformat(text) if isinstance(text, str) else None
    lower, upper = ends.get("from"), ends.get("to")
    return not (
        (lower and (at is None or at < datetime.fromisoformat(lower)))
        or (upper and (at is None or at > datetime.fromisoformat(upper)))
    )


@contextmanager
def odd_upstream(rows: Sequence[Any]) -> Iterator[OddUpstream]:
    """It answers on a port of its own."""
    upstream = OddUpstream(rows)
    routes = [
        Route("/analyse/results", upstream.results, methods=["POST"]),
        Route("/analyse/statistics", upstream.statistics, methods=["POST"]),
    ]
    with running(Starlette(routes=routes)) as upstream.url:
        yield upstream
