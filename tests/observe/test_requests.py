"""`/requests` is for the caller's own workspace, and for keys without a role."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

import pytest
from starlette.requests import Request

from gateway.auth.principal import ClientRequest, Principal
from gateway.config import load_settings
from gateway.edge.entrance import Entrance
from gateway.edge.last_queries import LastQueries
from gateway.errors import AccessDenied
from gateway.observe import Observer
from gateway.observe.ledger import Ledger
from gateway.observe.logs import RequestLog
from gateway.observe.recent import RecentRequests
from gateway.observe.record import RequestRecord
from gateway.service.service import QueryService
from gateway.web.insight import RequestsEndpoint

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Always:
    """Lets everybody in as the same."""

    principal: Principal

    async def admit(self, asked: ClientRequest) -> Principal:
        return self.principal

    def service_of(self, principal: Principal) -> QueryService:
        raise AssertionError("no rows are asked for")


def asked_by(principal: Principal, recent: RecentRequests) -> RequestsEndpoint:
    observer = Observer(logging.getLogger("gateway"), requests=recent)
    door = Always(principal)
    return RequestsEndpoint(
        LastQueries(Entrance(door, door), observer, Ledger(observer, RequestLog("text")))
    )


def request() -> Request:
    return Request({"type": "http", "method": "GET", "headers": [], "query_string": b""})


def kept() -> RecentRequests:
    recent = RecentRequests(2)
    for number in range(3):
        for workspace in ("a", "b"):
            record = RequestRecord(
                f"{workspace}{number}", "GET", is_query=True, workspace=workspace
            )
            recent.keep([record])
    return recent


async def test_each_workspace_sees_its_own_last_ones() -> None:
    for workspace in ("a", "b", "c"):
        answer = await asked_by(Principal(workspace), kept())(request())
        shown = [one["id"] for one in json.loads(bytes(answer.body))["requests"]]
        assert shown == ([] if workspace == "c" else [f"{workspace}2", f"{workspace}1"])


async def test_a_role_sees_none() -> None:
    for caller in (Principal("a", role="team"), Principal("a", token="their own")):
        with pytest.raises(AccessDenied):
            await asked_by(caller, kept())(request())


def test_200_are_kept_unless_told_otherwise() -> None:
    assert load_settings({}, {}).request_log == 200
