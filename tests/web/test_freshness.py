"""Which snapshot answers, how old it may be, and what the answer says of it, over real sockets."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from gateway.sandbox import Dataset
from tests.support.live import Bridge, bridge, served

PAGE = "Results?$orderby=progress"


def asked(gateway: Bridge) -> int:
    return len(gateway.sandbox.received)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_full_extract_answers_every_narrower_question(dataset: Dataset) -> None:
    questions = (
        "Results?$filter=state%20eq%20'FAILED'&$orderby=id",
        "Results?$filter=updatedAt%20ge%202024-01-01T00:00:00Z%20and%20progress%20gt%2010",
        "Results?$filter=state%20eq%20'FAILED'&$top=5",
        "Results?$filter=groupIds/any(g:g%20eq%20'grp-01')&$count=true&$top=3",
    )
    with bridge(dataset, settings={"fresh_for": 0}) as alone:
        expected = [alone.get(question).json()["value"] for question in questions]
    with bridge(dataset) as gateway:
        assert gateway.get(PAGE).headers["cache-status"] == "skillhabit-odata; fwd=miss"
        before = asked(gateway)
        for question, rows in zip(questions, expected, strict=True):
            answer = gateway.get(question)
            assert answer.json()["value"] == rows
            assert answer.headers["cache-status"] == "skillhabit-odata; hit"
        number = gateway.get("Results/$count?$filter=state%20eq%20'FAILED'").text
        assert int(number) == len(expected[0])
        assert asked(gateway) == before


def test_a_narrower_extract_does_not_answer_a_wider_question(dataset: Dataset) -> None:
    with bridge(dataset) as gateway:
        few = gateway.feed("Results?$filter=state%20eq%20'FAILED'&$orderby=id")
        many = gateway.feed("Results?$filter=state%20in%20('FAILED','EXPIRED')&$orderby=id")
        assert len(many) > len(few)
        assert len(gateway.feed(PAGE)) == len(dataset)


def test_links_into_a_wider_snapshot_keep_the_filter(dataset: Dataset) -> None:
    with bridge(dataset) as gateway:
        gateway.get(PAGE)
        headers = {"Prefer": "maxpagesize=7"}
        rows = gateway.feed("Results?$filter=state%20eq%20'FAILED'", headers)
        assert {row["state"] for row in rows} == {"FAILED"}
        assert len(rows) == len({row["id"] for row in rows}) > 7


def test_no_cache_asks_for_newer_data(dataset: Dataset) -> None:
    with bridge(dataset, settings={"fresh_for": 3600}) as gateway:
        gateway.get(PAGE)
        gateway.sandbox.drift.mutate("insert")
        assert len(gateway.feed(PAGE)) == len(dataset)
        time.sleep(0.01)
        before = asked(gateway)
        gateway.get(PAGE, {"Cache-Control": "no-cache"})
        assert asked(gateway) == before, "at most every few seconds"


def test_a_stale_snapshot_answers_at_once_while_a_new_one_is_made(dataset: Dataset) -> None:
    with bridge(dataset, settings={"fresh_for": 0, "stale_for": 3600}) as gateway:
        gateway.get(PAGE)
        gateway.sandbox.drift.mutate("insert")
        before = asked(gateway)
        answer = gateway.get(PAGE)
        assert answer.headers["cache-status"] == "skillhabit-odata; hit; detail=refreshing"
        assert len(answer.json()["value"]) == len(dataset)
        wait_until(lambda: asked(gateway) > before)
        wait_until(lambda: len(gateway.get(PAGE).json()["value"]) == len(dataset) + 1)


def test_an_older_snapshot_answers_when_the_upstream_cannot_and_says_so(dataset: Dataset) -> None:
    settings = {"fresh_for": 0, "stale_if_error": 3600, "retry_budget": 0}
    with bridge(dataset, settings=settings) as gateway:
        rows = gateway.get(PAGE).json()["value"]
        gateway.sandbox.faults.error_next = 1_000
        answer = gateway.get(PAGE)
        assert answer.status_code == 200
        assert answer.json()["value"] == rows
        status = answer.headers["cache-status"]
        assert status == "skillhabit-odata; hit; detail=UpstreamUnavailable"


ONE = "Results?$orderby=progress&$top=1&$select=id"
FAILED = "state%20eq%20'FAILED'"


def test_every_response_from_old_rows_says_that_and_why(dataset: Dataset) -> None:
    """Lists, files, numbers, entities, properties, later pages and parts of a batch."""
    settings = {"fresh_for": 0, "stale_if_error": 3600, "retry_budget": 0}
    with bridge(dataset, settings=settings) as gateway:
        key = gateway.get(ONE).json()["value"][0]["id"]
        gateway.get(PAGE)
        gateway.sandbox.faults.error_next = 1_000
        questions = [
            *(PAGE, f"{PAGE}&$format=csv", f"Results('{key}')", f"Results('{key}')/state"),
            *("Results/$count", "Results?$count=true&$top=0", "Users/$count", "Statistics"),
            *(f"Results('{key}')/$ref", f"Results('{key}')/state/$value"),
            *(f"Results/$count?$filter={FAILED}", f"Results?$filter={FAILED}&$top=3"),
            "Results?$apply=groupby((state),aggregate($count%20as%20n))",
        ]
        first = gateway.get("Results?$orderby=id", {"Prefer": "maxpagesize=100"})
        questions.append(first.json()["@odata.nextLink"].removeprefix(gateway.root))
        for question in questions:
            answer = gateway.get(question)
            assert answer.status_code == 200, question
            status = "skillhabit-odata; hit; detail=UpstreamUnavailable"
            assert answer.headers.get("cache-status") == status, question
            assert answer.headers["age"].isdigit(), question
        body = {"requests": [{"id": "1", "method": "GET", "url": "Results/$count"}]}
        [part] = gateway.client.post(f"{gateway.root}$batch", json=body).json()["responses"]
        assert part["headers"]["cache-status"] == status


def test_the_annotation_and_the_status_page_name_the_error_too(dataset: Dataset) -> None:
    wish = {"Prefer": 'odata.include-annotations="Skillhabit.*"'}
    term = "@Skillhabit.SnapshotInsteadOf"
    settings = {"fresh_for": 0, "stale_if_error": 3600, "retry_budget": 0}
    with bridge(dataset, settings=settings) as gateway:
        assert term not in gateway.get(PAGE, wish).json()
        place = gateway.root.removesuffix("odata/v4/") + "status"
        assert "lastFailure" not in gateway.client.get(place).json()
        gateway.sandbox.faults.error_next = 1_000
        for _ in range(2):  # the second page comes from memory
            assert gateway.get(PAGE, wish).json()[term] == "UpstreamUnavailable"
        assert term not in gateway.get(PAGE).json()
        told = gateway.client.get(place).json()
        [kept] = told["snapshots"]
        assert (kept["state"], kept["insteadOf"]) == ("last resort", "UpstreamUnavailable")
        assert told["lastFailure"]["code"] == "UpstreamUnavailable"
        html = gateway.client.get(place, headers={"Accept": "text/html"}).text
        assert "requests that would fail with UpstreamUnavailable" in html


def test_without_that_leave_the_failure_is_passed_on(dataset: Dataset) -> None:
    settings = {"fresh_for": 0, "stale_if_error": 0, "retry_budget": 0}
    with bridge(dataset, settings=settings) as gateway:
        gateway.get(PAGE)
        gateway.sandbox.faults.error_next = 1_000
        time.sleep(0.01)
        assert gateway.get(PAGE).status_code == 503


def test_a_restart_finds_its_snapshots_again(dataset: Dataset, tmp_path: Path) -> None:
    settings = {"data_dir": str(tmp_path)}
    with bridge(dataset) as outside:
        with served(outside.upstream, settings) as root:
            rows = outside.client.get(root + PAGE).json()["value"]
        before = asked(outside)
        with served(outside.upstream, settings) as root:
            answer = outside.client.get(root + PAGE)
        assert answer.json()["value"] == rows
        assert answer.headers["cache-status"] == "skillhabit-odata; hit"
        assert asked(outside) == before


def test_a_page_tells_when_its_rows_were_read_for_who_asks(dataset: Dataset) -> None:
    wish = {"Prefer": 'odata.include-annotations="Skillhabit.*"'}
    term = "@Skillhabit.SnapshotTakenAt"
    with bridge(dataset, settings={"fresh_for": 0}) as gateway:
        first = gateway.client.get(gateway.root + PAGE, headers=wish)
        assert list(first.json())[:2] == ["@odata.context", term]
        assert first.headers["preference-applied"] == 'odata.include-annotations="Skillhabit.*"'
        told = datetime.fromisoformat(first.json()[term])
        assert (
            abs((told - parsedate_to_datetime(first.headers["last-modified"])).total_seconds()) < 1
        )
        later = gateway.client.get(gateway.root + PAGE, headers=wish)
        assert datetime.fromisoformat(later.json()[term]) > told
        assert gateway.client.get(gateway.root + "Results?$top=3", headers=wish).json()[term]
        assert term not in gateway.get(PAGE).json()
