"""A sandbox whose requests and answers are changed on their way, and habits of other upstreams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from gateway.sandbox import Dataset, create_sandbox
from gateway.sandbox.app import Sandbox
from tests.support.live import SECRET

RANGE = "updatedAtDateRange"

Change = Callable[["Upstream", dict[str, Any], dict[str, Any]], None]


@dataclass
class Upstream:
    """Caps what it finds; `asked` changes requests, `answered` pages; `bodies` are as they came."""

    rows: Dataset
    cap: int = 10**9
    asked: Callable[[dict[str, Any]], None] = lambda _: None
    answered: Change = lambda *_: None
    bodies: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sandbox: Sandbox = create_sandbox(self.rows, secret=SECRET)

    def app(self) -> Starlette:
        routes = [
            Route("/analyse/results", self._results, methods=["POST"]),
            Mount("/", self.sandbox),
        ]
        return Starlette(routes=routes)

    async def _results(self, request: Request) -> Response:
        body = await request.json()
        self.bodies.append(dict(body))
        self.asked(body)
        options = body.get("options", {})
        skip, limit = options.get("skip", 0), options.get("limit", 20)
        transport = httpx.ASGITransport(app=self.sandbox)
        token = {"Authorization": request.headers["Authorization"]}
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
            answer = await client.post("/analyse/results", json=body, headers=token)
        if answer.status_code != 200:
            return Response(answer.content, answer.status_code, media_type="application/json")
        page = answer.json()
        page["total"] = min(page["total"], self.cap)
        page["results"] = page["results"][: max(0, min(limit, self.cap - skip))]
        self.answered(self, body, page)
        return JSONResponse(page)


def ignore_range(body: dict[str, Any]) -> None:
    body.pop(RANGE, None)


def lose_rows(_: Upstream, body: dict[str, Any], page: dict[str, Any]) -> None:
    if RANGE in body:
        page["total"] = page["total"] // 2


@dataclass
class Restless:
    """The halves have too many rows, and the total is another one each time."""

    calls: int = 0

    def __call__(self, _: Upstream, body: dict[str, Any], page: dict[str, Any]) -> None:
        self.calls += 1
        page["total"] += 500 if RANGE in body else self.calls
