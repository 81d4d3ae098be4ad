"""The window law through the whole service: real sockets, a sandbox that sorts ties its own way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.planner.plan import Route
from gateway.sandbox import create_sandbox
from tests.planner.cases import SHIPPED, plan_of
from tests.support.examples import examples
from tests.support.live import SECRET, running, served
from tests.support.oracle import matching, ordered, window

TIMES = ("2024-01-01T00:00:00.000Z", "2024-01-02T00:00:00.500Z", "2024-02-29T23:59:59.999Z")
STATES = ("APPROVED", "FAILED", "IN_PROGRESS")
ROWS: tuple[dict[str, Any], ...] = tuple(
    {
        "id": f"{'zyxwvutsrqponm'[n]}'{n}",
        "state": STATES[n % 3],
        "enrollmentType": "OPTIONAL",
        "progress": None if n % 4 == 0 else float(n),
        "updatedAt": TIMES[n * n % 3],
        "user": {"id": f"u{n % 2}", "name": f"User {n}", "groups": []},
        "content": {"id": "c", "name": "C", "type": "COURSE"},
    }
    for n in range(14)
)
FLAT = [
    {
        **{name: row[name] for name in ("id", "state", "progress")},
        "userId": row["user"]["id"],
        "updatedAt": datetime.fromisoformat(row["updatedAt"]),
    }
    for row in ROWS
]


class Recorder:
    """Passes requests on to an application and keeps their bodies."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.payloads: list[dict[str, Any]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def overhear() -> Message:
            message = await receive()
            if message["type"] == "http.request" and message.get("body"):
                self.payloads.append(json.loads(message["body"]))
            return message

        await self._app(scope, overhear, send)


@dataclass(frozen=True, slots=True)
class Recorded:
    root: str
    client: httpx.Client
    upstream: Recorder

    def ask(self, query: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The answer, and what the upstream was asked for it."""
        self.upstream.payloads.clear()
        answer = self.client.get(f"{self.root}Results?{quote(query, safe='$&=')}")
        assert answer.status_code == 200, answer.text
        return answer.json(), list(self.upstream.payloads)


@pytest.fixture(scope="module")
def recorded() -> Iterator[Recorded]:
    """No snapshot is used twice, so that every question shows the route of its own.

    The second number of the total has been asked for when the first question comes.
    """
    upstream = Recorder(create_sandbox(ROWS, secret=SECRET))
    with (
        running(upstream, date_header=False) as base,
        served(base, {"fresh_for": 0}) as root,
        httpx.Client(timeout=30) as client,
    ):
        client.get(f"{root}Results")
        yield Recorded(root, client, upstream)


_FILTERS = st.sampled_from(
    [
        "",
        "state eq 'FAILED'",
        "state ne 'FAILED' and userId eq 'u1'",
        f"updatedAt ge {TIMES[1]}",
        f"updatedAt gt {TIMES[0]} and state in ('FAILED','APPROVED')",
        "progress gt 3",
        "state eq 'FAILED' or progress eq null",
        "userId eq 'nobody'",
        "state in ()",
    ]
)
_ORDERS = st.sampled_from(
    [
        "",
        "updatedAt",
        "updatedAt desc",
        "updatedAt,id desc",
        "updatedAt desc,state",
        "progress",
        "id",
    ]
)


@examples(150, repeatable=True, suppress=[HealthCheck.function_scoped_fixture])
@given(filter_=_FILTERS, orderby=_ORDERS, skip=st.integers(0, 6), top=st.integers(0, 8))
def test_a_pushed_window_is_the_oracles_and_costs_one_call_unless_a_tie_crosses_its_end(
    recorded: Recorded, filter_: str, orderby: str, skip: int, top: int
) -> None:
    options = {"$filter": filter_, "$orderby": orderby, "$skip": skip, "$top": top}
    query = "&".join(f"{name}={value}" for name, value in options.items() if value != "")

    body, payloads = recorded.ask(f"{query}&$count=true")

    wanted = matching(FLAT, filter_ or None)
    sequence = ordered(wanted, f"{orderby or 'updatedAt desc'},id")
    assert [row["id"] for row in body["value"]] == [
        row["id"] for row in window(sequence, skip, top)
    ]
    assert body["@odata.count"] == len(wanted)
    route = plan_of(f"{query}&$count=true", SHIPPED).route
    if route is Route.NOTHING:
        assert payloads == []
    elif route is Route.WINDOW:
        end = skip + top
        tie = end < len(sequence) and sequence[end - 1]["updatedAt"] == sequence[end]["updatedAt"]
        assert payloads[0]["options"]["limit"] == end + 1
        assert len(payloads) == (2 if tie else 1)
        assert tie or payloads[0]["options"]["skip"] == 0


def test_ties_inside_the_window_are_put_in_the_feeds_order(recorded: Recorded) -> None:
    newest = [row for row in FLAT if row["updatedAt"] == datetime.fromisoformat(TIMES[1])]
    body, payloads = recorded.ask(f"$top={len(newest)}&$filter=updatedAt ge {TIMES[1]}")
    assert len(payloads) == 1
    assert [row["id"] for row in body["value"]] == sorted(row["id"] for row in newest)


def test_a_tie_across_the_end_is_answered_by_an_extract(recorded: Recorded) -> None:
    _, payloads = recorded.ask(f"$top=1&$filter=updatedAt ge {TIMES[1]}")
    assert [payload["options"]["limit"] for payload in payloads] == [2, 1000]
