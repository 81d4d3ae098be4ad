"""`/metrics` of real processes, compared with what they were asked; who may read it."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.sandbox import Faults, create_sandbox, generate
from tests.observe.conftest import gateway
from tests.support.live import SECRET, Bridge, bridge, running

Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


def figures(base: str, **headers: str) -> Figures:
    """Each sample by name and labels."""
    answer = httpx.get(f"{base}/metrics", headers=headers, timeout=20)
    assert answer.status_code == 200, answer.text
    families = text_string_to_metric_families(answer.text)
    return {
        (
            sample.name.removeprefix("skillhabit_odata_"),
            frozenset(sample.labels.items()),
        ): sample.value
        for family in families
        for sample in family.samples
    }


def total(found: Figures, name: str, **labels: str) -> float:
    """The sum of all samples of the name that have these labels."""
    return sum(
        v for (n, has), v in found.items() if n == name and labels.items() <= dict(has).items()
    )


@pytest.fixture
def small() -> Iterator[Bridge]:
    with bridge(generate(300)) as found:
        yield found


def test_counters_tell_what_was_done(small: Bridge) -> None:
    base = small.root.removesuffix("/odata/v4/")
    bodies = [small.get("Results?$filter=progress ge 0&$top=7") for _ in range(3)]
    small.get("Results?$filter=nonsense eq 1")
    small.get("$metadata")
    for place in ("/connect", "/nowhere"):
        small.client.get(base + place)
    found = figures(base)
    answered = {"workspace": "default", "resource": "Results", "status": "200"}
    assert total(found, "requests_total", **answered) == 3
    assert total(found, "requests_total", resource="$metadata") == 1
    assert [total(found, "requests_total", resource=r) for r in ("connect", "other")] == [1, 1]
    assert total(found, "errors_total", code="UnknownName") == 1
    assert total(found, "response_rows_total") == 21
    assert total(found, "response_bytes_total") >= sum(body.num_bytes_downloaded for body in bodies)
    assert total(found, "cache_total", snapshot="made", page="made") == 1
    assert total(found, "cache_total", snapshot="fresh", page="hit") == 2
    assert total(found, "request_seconds_count", route="snapshot") == 3
    assert total(found, "upstream_call_seconds_count", outcome="200") == len(small.sandbox.received)
    assert total(found, "extract_seconds_count", outcome="ok") == 1
    assert total(found, "extract_rows_total") == 300
    assert total(found, "snapshots", workspace="default") == 1
    assert total(found, "snapshot_bytes") > 0
    assert total(found, "page_cache_pages") == 1
    assert total(found, "duckdb_memory_bytes") > 0
    assert total(found, "requests_in_flight") == 1, "the one that asks"
    assert total(found, "extracts_running") == 0


def test_failures_of_the_upstream_and_retries_are_counted() -> None:
    sandbox = create_sandbox(generate(20), secret=SECRET, faults=Faults(error_next=2))
    with (
        running(sandbox, date_header=False),
        bridge(generate(20), faults=Faults(error_next=2)) as asked,
    ):
        assert asked.get("Results/$count").status_code == 200
        found = figures(asked.root.removesuffix("/odata/v4/"))
    assert total(found, "upstream_retries_total") == 2
    failed = [
        dict(has)["outcome"]
        for (name, has), _ in found.items()
        if name == "upstream_call_seconds_count"
    ]
    assert len(failed) == 2
    second_number = 3  # some rows, and the totals of two halves
    assert total(found, "upstream_call_seconds_count") == 3 + second_number


def test_what_a_client_sends_makes_no_new_labels(small: Bridge) -> None:
    base = small.root.removesuffix("/odata/v4/")
    before = len(figures(base))
    for number in range(30):
        httpx.request(f"VERB{number}", f"{base}/path{number}?x={number}")
        small.get(f"Set{number}?$filter=a{number} eq {number}", {"X-Request-Id": str(number) * 20})
    labels = {value for _, has in figures(base) for _, value in has}
    assert not [text for text in labels if re.search(r"(VERB|path|Set)\d", text)]
    assert len(figures(base)) - before < 60


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"X-Forwarded-For": "192.0.2.1"},
        {"Forwarded": "for=192.0.2.1"},
        {"Via": "1.1 proxy"},
        {"X-Real-IP": "192.0.2.1"},
    ],
)
def test_without_a_token_only_this_computer_reads_them(
    small: Bridge, headers: dict[str, str]
) -> None:
    base = small.root.removesuffix("/odata/v4/")
    assert httpx.get(f"{base}/metrics").status_code == 200
    answer = httpx.get(f"{base}/metrics", headers=headers)
    assert answer.status_code == 404
    assert "--metrics-token-file" in answer.text


def test_with_a_token_it_is_needed_and_no_key_opens_them(tmp_path: Path) -> None:
    token, key = tmp_path / "metrics", tmp_path / "key"
    token.write_text("the token\n", "utf-8")
    key.write_text("the key", "utf-8")
    settings = {"metrics_token_file": str(token), "access_key_file": str(key)}
    with bridge(generate(5), settings=settings) as asked:
        url = f"{asked.root.removesuffix('/odata/v4/')}/metrics"
        assert httpx.get(url, auth=("anyone", "the key")).status_code == 401
        assert httpx.get(url, headers={"Authorization": "Bearer the key"}).status_code == 401
        assert httpx.get(url).status_code == 401
        right = {"Authorization": "Bearer the token", "X-Forwarded-For": "192.0.2.1"}
        assert httpx.get(url, headers=right).status_code == 200


def test_any_worker_tells_of_all(upstream: str, tmp_path: Path) -> None:
    with gateway(upstream, tmp_path, "--workers", "2") as served:
        served.process.wait_for(r"(?s)startup complete.*(startup complete)")
        url = f"{served.base}/odata/v4/$metadata"
        with ThreadPoolExecutor(8) as pool:  # each on a connection of its own
            answers = list(pool.map(lambda _: httpx.get(url, timeout=30), range(40)))
        assert {answer.status_code for answer in answers} == {200}
        httpx.get(f"{served.base}/readyz", timeout=20)
        found = figures(served.base)
        for _ in range(40):  # the other worker tells what it has seen a moment later
            if total(found, "requests_total", resource="$metadata") == 40:
                break
            found = figures(served.base)
        assert total(found, "requests_total", resource="$metadata") == 40
        processes = {dict(has).get("pid") for (name, has) in found if name == "page_cache_pages"}
        assert len(processes) == 2
        assert served.process.stop(signal.SIGTERM, seconds=30) == 0
