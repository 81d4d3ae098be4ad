"""`/requests` is for the caller's own workspace, and for keys without a role."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace

import pytest
from starlette.requests import Request

from gateway.auth.principal import ClientRequest, Principal
from gateway.config import load_settings
from gateway.edge.admission import Admission
from gateway.edge.last_queries import LastQueries
from gateway.errors import AccessDenied
from gateway.observe import Observer
from gateway.observe.ledger import Ledger
from gateway.observe.logs import RequestLog
from gateway.observe.recent import RecentRequests
from gateway.observe.record import RequestRecord
from gateway.service.service import QueryService
from gateway.web.insight import RequestsEndpoint
from tests.snapshots.tables import Watch

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
        LastQueries(Admission(door, door), observer, Ledger(observer, RequestLog("text")))
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
            recent.add([record])
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


class Full(RequestLog):
    """A log on a disk without space."""

    def write(self, records: Iterable[RequestRecord]) -> None:
        raise OSError(28, "No space left on device")


async def test_a_report_that_fails_is_counted_and_logged_and_stops_no_other() -> None:
    watch, recent = Watch(), RecentRequests(10)
    observer = replace(watch.observer, requests=recent)
    ledger = Ledger(observer, Full("text"))
    for number in range(3):
        ledger.add(RequestRecord(str(number), "GET", is_query=True, workspace="a"))
        ledger.flush()
    text = observer.metrics.text().decode()
    assert 'skillhabit_odata_report_failures_total{report="log"} 3.0' in text
    assert 'requests_total{resource="",status="0",workspace="a"} 3.0' in text
    assert len(recent.of("a")) == 3
    assert watch.log == ["1 requests could not be reported (log)"], "not once for each"
