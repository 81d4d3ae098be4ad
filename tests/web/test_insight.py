"""`/explain/...` and `/status`: what the gateway would do, and what it is doing."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox import Dataset, Faults
from tests.support.live import Bridge, bridge
from tests.support.wire import WireAnswer, send

FAILED = "Results?$filter=state%20eq%20'FAILED'"


def base_of(gateway: Bridge) -> str:
    return gateway.root.removesuffix("/odata/v4/")


def explain(gateway: Bridge, question: str) -> dict[str, Any]:
    answer = gateway.client.get(f"{base_of(gateway)}/explain/{question}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def status(gateway: Bridge) -> dict[str, Any]:
    found: dict[str, Any] = gateway.client.get(f"{base_of(gateway)}/status").json()
    return found


def test_explaining_asks_nobody_and_tells_which_snapshot_would_answer(dataset: Dataset) -> None:
    with bridge(dataset) as gateway:
        before = explain(gateway, FAILED)
        assert before["pushdown"] == "state in ('FAILED')"
        assert before["payload"]["states"] == ["FAILED"]
        assert before["snapshot"] == "none has these rows"
        assert before["route"] == "an extract, kept as a snapshot"
        assert "routeWithoutSnapshot" not in before
        assert list(gateway.sandbox.received) == []
        gateway.feed("Results?$orderby=id")
        after = explain(gateway, FAILED)
        text = after["snapshot"]
        assert after["route"] == "the snapshot, without an upstream call"
        assert after["routeWithoutSnapshot"] == before["route"]
        assert after["payload"] is None
        (kept,) = status(gateway)["snapshots"]
        assert text.startswith(f"{kept['id']} holds {len(dataset)} rows (all rows), ")
        assert text.endswith("it is fresh and is used")


@pytest.mark.parametrize(
    ("settings", "verdict"),
    [
        ({"fresh_for": 0, "stale_for": 60}, "it is used at once, while a new one loads"),
        ({"fresh_for": 0}, "it is used only if the Analytics API cannot be reached"),
        ({"fresh_for": 0, "stale_if_error": 0}, "too old to use"),
    ],
)
def test_the_age_of_a_snapshot_decides(
    dataset: Dataset, settings: dict[str, object], verdict: str
) -> None:
    with bridge(dataset, settings=settings) as gateway:
        gateway.feed("Results?$orderby=id")
        time.sleep(0.01)
        found = explain(gateway, FAILED)
        assert found["snapshot"].endswith(verdict)
        at_once = "at once" in verdict
        assert found["route"].startswith("the snapshot, while" if at_once else "an extract")
        assert ("routeWithoutSnapshot" in found) is at_once
        assert found["payload"] is not None


@pytest.mark.parametrize("query", ["Results/$count", "Results?$top=5&$count=true", "Results"])
def test_a_fresh_snapshot_serves_every_route_as_explained(dataset: Dataset, query: str) -> None:
    with bridge(dataset) as gateway:
        cold = explain(gateway, query)
        assert cold["payload"] is not None
        gateway.feed("Results?$orderby=id")
        warm = explain(gateway, query)
        assert warm["routeWithoutSnapshot"] == cold["route"]
        assert (warm["route"], warm["payload"]) == ("the snapshot, without an upstream call", None)
        calls = len(list(gateway.sandbox.received))
        assert gateway.get(query).status_code == 200
        assert len(list(gateway.sandbox.received)) == calls


def test_what_needs_no_rows_is_explained_without_a_snapshot(live: Bridge) -> None:
    assert explain(live, "Results?$filter=state%20in%20()")["payload"] is None
    assert explain(live, "$metadata") == {
        "resource": "a document made from the contract",
        "payload": None,
    }


def test_the_progress_of_an_extract_is_shown_while_it_is_read(dataset: Dataset) -> None:
    with bridge(dataset, faults=Faults(latency_seconds=0.3)) as gateway:
        page = gateway.get("Results").json()
        (extract,) = status(gateway)["extracts"]
        assert status(gateway)["snapshots"] == []
        assert 0 < len(page["value"]) < extract["rows"] <= len(dataset) == extract["of"]
        assert extract["rowsASecond"] > 0
        assert not extract["waitsToGoOn"]
        assert "is loading" in explain(gateway, "Results")["snapshot"]
        gateway.sandbox.faults.turn_off()
        gateway.feed("Results")
        assert status(gateway)["extracts"] == []


def ask(gateway: Bridge, target: str, *, method: str = "GET") -> WireAnswer:
    return send(base_of(gateway), target, method=method)


def test_errors_are_those_of_the_feed(live: Bridge) -> None:
    answer = ask(live, "/explain/Results?$filter=nosuch%20eq%201")
    assert (answer.status, answer.json()["error"]["code"]) == (400, "UnknownName")
    assert ask(live, "/explain/Nowhere").status == 404
    refused = ask(live, "/explain/Results", method="POST")
    assert (refused.status, refused.header("Allow")) == (405, "GET, HEAD, OPTIONS")
    assert ask(live, "/explain/Results", method="HEAD").body == b""


def test_both_ask_for_the_access_key(dataset: Dataset, tmp_path: Path) -> None:
    """They name columns, pushdowns and rows of the workspace."""
    (tmp_path / "key").write_text("let me in")
    with bridge(dataset, settings={"access_key_file": str(tmp_path / "key")}) as gateway:
        for target in ("/explain/Results", "/status"):
            answer = ask(gateway, target)
            assert answer.status == 401
            assert "Results" not in json.dumps(answer.json())
            allowed = gateway.client.get(base_of(gateway) + target, auth=("x", "let me in"))
            assert allowed.status_code == 200


def test_a_property_is_explained_as_its_entity(live: Bridge) -> None:
    whole, one = explain(live, "Results('x')"), explain(live, "Results('x')/state/$value")
    assert whole["resource"] == "Results (entity)"
    assert (one["resource"], one["pushdown"]) == (whole["resource"], whole["pushdown"])
