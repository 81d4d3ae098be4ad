"""APIs that refuse without a reason, or cut the connection, are learnt all the same."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from gateway.discovery.discover import Plan, discover
from gateway.discovery.learned import Learned
from gateway.discovery.probe.caller import Caller, Pace
from gateway.sandbox.company import generate_company
from tests.proofs.sly import Sly
from tests.support.discovered import BASE_URL, USUAL, Time

DATASET = generate_company(400, datetime(2026, 3, 10, tzinfo=UTC))


class Mute(Sly):
    """Pages have numbers and a size, which must be integers; a refusal has no reason."""

    size, first = "pageSize", 1

    async def _results(self, request: Request) -> JSONResponse:
        body = msgspec.json.decode(await request.body(), type=dict[str, Any])
        number, size = body.get("page", self.first), body.get(self.size, 20)
        if not (isinstance(number, int) and isinstance(size, int) and 0 < size <= 200):
            return JSONResponse({"error": "Bad Request"}, 400)
        found = self.selected(body)
        start = (number - self.first) * size
        page = self.ordered(found, body)[start : start + size]
        return JSONResponse({"results": page, "total": len(found)})


class Spring(Mute):
    """The same with other names, and a first page 0."""

    size, first = "size", 0


def learn(transport: httpx.AsyncBaseTransport) -> Learned:
    clock = Time()

    async def token(refused: str = "") -> str:
        return "a.b.c"

    async def learnt() -> Learned:
        async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as http:
            caller = Caller(http, token, Pace(clock.sleep, clock.monotonic, 0.0), {})
            return await discover(caller, Plan(USUAL), lambda _: None)

    return asyncio.run(learnt())


@pytest.mark.parametrize("api", [Mute, Spring])
def test_pages_are_found_without_a_reason_in_refusals(api: type[Mute]) -> None:
    learned = learn(httpx.ASGITransport(api(DATASET).app()))
    assert learned.position.kind == "page_number"
    assert learned.position.first == api.first
    assert learned.limit.tree == {api.size: "${limit}"}
    assert learned.total is not None


def test_a_connection_that_is_cut_ends_one_question_alone() -> None:
    class Cutting(httpx.AsyncBaseTransport):
        def __init__(self) -> None:
            self._api = httpx.ASGITransport(Sly(DATASET).app())
            self.cut = 0

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if b"zz-no-such" in await request.aread():
                self.cut += 1
                raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
            return await self._api.handle_async_request(request)

    transport = Cutting()
    learned = learn(transport)
    assert transport.cut
    assert learned.position.kind == "offset"
    assert learned.total is not None
