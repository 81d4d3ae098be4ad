"""`/requests` is for the caller's own workspace, and for keys without a role."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from gateway.auth.principal import ClientRequest, Principal
from gateway.config import load_settings
from gateway.edge.admission import Admission
from gateway.edge.last_queries import LastQueries
from gateway.errors import AccessDenied
from gateway.observe import Observer
from gateway.observe.costs import costs_by_caller
from gateway.observe.ledger import Ledger
from gateway.observe.logs import RequestLog
from gateway.observe.recent import RecentRequests
from gateway.observe.record import RequestRecord
from gateway.sandbox import Dataset, create_sandbox
from gateway.service.service import QueryService
from gateway.web.insight import RequestsEndpoint
from tests.snapshots.tables import Watch
from tests.support.live import SECRET, running
from tests.tenancy.support import house

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


records = st.lists(
    st.builds(
        RequestRecord,
        st.just("id"),
        key=st.sampled_from(["key:a", "key:b"]),
        role=st.sampled_from([None, "team"]),
        part=st.integers(0, 2),
        status=st.sampled_from([200, 304, 404, 502]),
        seconds=st.integers(0, 99).map(float),
        bytes=st.integers(0, 9_999),
        calls=st.integers(0, 9),
    )
)


@given(records)
def test_callers_cost_together_what_the_requests_cost(found: list[RequestRecord]) -> None:
    costs = costs_by_caller(found)
    whole = [record for record in found if record.part == 0]
    assert sum(cost.requests for cost in costs) == len(whole)
    assert sum(cost.seconds for cost in costs) == sum(record.seconds for record in whole)
    assert sum(cost.bytes for cost in costs) == sum(record.bytes for record in whole)
    assert sum(cost.upstream_calls for cost in costs) == sum(record.calls for record in found)
    assert sum(cost.errors for cost in costs) == sum(record.status > 399 for record in found)
    assert len({(cost.key, cost.role) for cost in costs}) == len(costs)


def test_calls_are_of_the_caller_whose_request_made_them(dataset: Dataset) -> None:
    """An extract is its starter's, also one of all rows that a role's query needs."""
    toml = "[roles.berlin]\nrows = \"groupIds/any(g:g eq 'grp-01')\"\n"
    app = create_sandbox(dataset, secret=SECRET)
    with running(app, date_header=False) as upstream, house(upstream, toml) as gateway:
        assert gateway.odata("Results?$orderby=progress", "default/berlin").status_code == 200
        extract = len(app.received)
        assert extract > 1
        assert gateway.odata("Results?$orderby=progress").status_code == 200
        assert gateway.odata("Results?$filter=nothing").status_code == 400
        shown = {each["role"]: each for each in gateway.ask("/requests").json()["callers"]}
        assert {role: each["upstreamCalls"] for role, each in shown.items()} == {
            "berlin": extract,
            None: 0,
        }
        assert {role: each["errors"] for role, each in shown.items()} == {"berlin": 0, None: 1}
        page = gateway.ask("/requests", headers={"Accept": "text/html"}).text
        assert f'<td class="number">{extract}</td></tr>' in page


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
