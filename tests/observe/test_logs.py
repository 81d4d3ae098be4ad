"""The log of a real process: a line for each request, and nothing personal or secret in it."""

from __future__ import annotations

import json
import logging
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.observe.logs import log_formatter
from gateway.sandbox import make_token
from tests.observe.conftest import COMMAND, Served, gateway
from tests.support.live import SECRET
from tests.support.process import clean_environment

_RUNNING = re.compile(r"running on (http://127\.0\.0\.1:\d+)")
KEY = "open-sesame-0123456789"
METRICS_TOKEN = "metrics-token-0123456789"
AUTH = ("jane.doe@example.com", KEY)
PERSONAL = ("Jane", "doe@example", "jane", "s3cret", "Mustermann", KEY, METRICS_TOKEN, "eyJ")
ASKED = (
    "Results?$filter=userName eq 'Jane Doe' and progress gt 31415",
    "Results?$filter=userName eq 'Jane Doe' and nonsense eq 1",
    "Results?$filter=contains(userName,'Mustermann'",
    "Results?$search=Mustermann&$top=1",
    "Results('jane.doe@example.com')",
    "Users?$orderby=indexof(name,'Mustermann')&$compute=concat(name,'Jane') as a&$top=2",
    "Results?$apply=filter(userEmail eq 'jane.doe@example.com')/groupby((state))",
    "Jane/Mustermann?s3cret=s3cret",
    "Results?$skiptoken=s3cret",
    "Results?$filter=userName eq @p&@p='Mustermann'&s3cret=s3cret",
    "$metadata?$format=xml",
    "Results?$expand=user($filter=name eq 'Jane')&$top=1",
)


@pytest.fixture(scope="module")
def served(upstream: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One that has been asked all of `ASKED`, with a key, and by strangers."""
    folder = tmp_path_factory.mktemp("logs")
    key, token = folder / "key", folder / "metrics"
    key.write_text(KEY, "utf-8")
    token.write_text(METRICS_TOKEN, "utf-8")
    options = (
        *("--log-format", "json", "--log-level", "debug", "--access-key-file", str(key)),
        *("--metrics-token-file", str(token), "--data-dir", str(folder / "data")),
    )
    with gateway(upstream, folder, *options) as found:
        with httpx.Client(base_url=f"{found.base}/odata/v4/", auth=AUTH, timeout=20) as client:
            headers = {
                "Referer": "https://jane.example.com/s3cret?jane",
                "X-Request-Id": "jane doe",
            }
            for url in ASKED:
                client.get(url, headers=headers)
            url = ASKED[0].replace(" ", "%20")
            parts = [{"id": name, "method": "get", "url": url} for name in "ab"]
            batch = {"requests": parts}
            assert client.post("$batch", json=batch).status_code == 200
            named = {"Referer": "monthly-report", "X-Request-Id": "0123456789abcdef0123456789"}
            first = client.get("Results?$filter=progress ge 0&$top=7", headers=named)
            assert first.headers["x-request-id"] == named["X-Request-Id"]
            again = {**named, "If-None-Match": first.headers["etag"]}
            assert (
                client.get("Results?$filter=progress ge 0&$top=7", headers=again).status_code == 304
            )
        httpx.get(f"{found.base}/odata/v4/Results", auth=("jane", "s3cret"))
        httpx.get(f"{found.base}/healthz")
        found.process.wait_for('("resource":"healthz")')
        yield found


def lines(found: Served, resource: str | None = None) -> list[dict[str, Any]]:
    """The lines about requests."""
    parsed = [json.loads(line) for line in found.process.output.splitlines() if line[:1] == "{"]
    said = [line for line in parsed if line["event"] == "request"]
    return [line for line in said if resource in (None, line["resource"])]


def test_each_line_is_json_and_the_servers_own_lines_are_too(served: Served) -> None:
    parsed = [json.loads(line) for line in served.process.output.splitlines()]
    assert all({"time", "level", "logger", "event"} <= line.keys() for line in parsed)
    assert all(re.fullmatch(r"[\d-]{10}T[\d:]{8}\.\d{3}Z", line["time"]) for line in parsed)
    loggers = {line["logger"] for line in parsed}
    assert {"uvicorn.error", "gateway", "gateway.requests"} <= loggers


def test_a_line_tells_who_asked_what_and_how_it_was_answered(served: Served) -> None:
    *_, first, second = [line for line in lines(served) if line.get("tag") == "monthly-report"]
    assert first["request_id"] == "0123456789abcdef0123456789"
    wanted = {"workspace": "default", "key": "access-key", "method": "GET", "resource": "Results"}
    assert wanted.items() <= first.items()
    assert (first["route"], first["cache"], first["page"]) == ("snapshot", "fresh", "made")
    assert (first["rows"], first["status"]) == (7, 200)
    assert first["bytes"] > 0
    stages = {"parse_ms", "plan_ms", "snapshot_ms", "query_ms", "write_ms", "send_ms"}
    assert stages <= first.keys()
    assert sum(first[stage] for stage in stages) <= first["total_ms"] + 1
    assert (second["status"], second["page"], second["bytes"]) == (304, "known", 0)


def test_a_failure_has_its_code_and_strangers_have_no_key(served: Served) -> None:
    codes = {line.get("error") for line in lines(served)}
    assert {"InvalidSyntax", "UnknownName", "NotFound", "InvalidSkipToken"} <= codes
    (stranger,) = [line for line in lines(served) if line.get("error") == "Unauthorized"]
    assert stranger["status"] == 401
    assert not {"workspace", "key"} & stranger.keys()


def test_parts_of_a_batch_have_lines_with_its_id(served: Served) -> None:
    (batch,) = lines(served, "$batch")
    parts = [line for line in lines(served) if line.get("part")]
    assert [line["part"] for line in parts] == [1, 2]
    assert {line["request_id"] for line in parts} == {batch["request_id"]}
    assert {line["resource"] for line in parts} == {"Results"}


def test_nothing_secret_or_personal_is_written_or_shown(served: Served) -> None:
    recent = httpx.get(f"{served.base}/requests", auth=AUTH)
    bearer = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    metrics = httpx.get(f"{served.base}/metrics", headers=bearer)
    ready = httpx.get(f"{served.base}/readyz")
    assert [answer.status_code for answer in (recent, metrics, ready)] == [200, 200, 200]
    seen = served.process.output + recent.text + metrics.text + ready.text
    found = [word for word in (*PERSONAL, "31415") if word in seen]
    assert found == []


def test_recent_requests_are_shown_with_placeholders(served: Served) -> None:
    shown = httpx.get(f"{served.base}/requests", auth=AUTH).json()["requests"]
    queries = [one["query"] for one in shown]
    assert "Results?$filter=userName eq ? and progress gt ?" in queries
    assert "Results(?)" in queries
    assert "Results?$apply=filter(userEmail eq ?)/groupby((state))" in queries
    (known,) = [one for one in shown if one["status"] == 304]
    assert known["explain"]["filtersHere"] is True
    assert known["key"] == "access-key"
    assert httpx.get(f"{served.base}/requests").status_code == 401


def test_text_is_one_line_of_pairs_for_each_request(upstream: str, tmp_path: Path) -> None:
    with gateway(upstream, tmp_path, "--request-log", "1") as found:
        for top in (1, 2):
            httpx.get(f"{found.base}/odata/v4/Results?$top={top}&$select=id", timeout=20)
        found.process.wait_for("(rows=2 )")
        shown = httpx.get(f"{found.base}/requests").json()["requests"]
        assert [one["rows"] for one in shown] == [2]
        assert found.process.stop(signal.SIGINT) == 0
    said = [line for line in found.process.output.splitlines() if "event=request" in line]
    assert len(said) == 3, found.process.output
    pairs = dict(pair.split("=", 1) for pair in said[0].split(" "))
    assert pairs["resource"] == "Results"
    assert pairs["status"] == "200"
    assert pairs["level"] == "info"


@pytest.mark.parametrize("format_", ["text", "json"])
def test_a_failure_is_told_by_its_stack_and_not_by_its_message(format_: str) -> None:
    """Databases quote the value that they could not convert."""
    try:
        try:
            int("Mustermann")
        except ValueError as error:
            raise RuntimeError("about Jane") from error
    except RuntimeError as error:
        record = logging.LogRecord("gateway", logging.ERROR, "", 0, "it %s", ("broke",), None)
        record.exc_info = (type(error), error, error.__traceback__)
    text = log_formatter(format_).format(record)
    assert "it broke" in text
    assert "RuntimeError" in text
    assert "caused by builtins.ValueError" in text
    assert "test_logs.py" in text
    assert "about Jane" not in text.replace('raise RuntimeError("about Jane")', "").replace(
        'raise RuntimeError(\\"about Jane\\")', ""
    )


def test_a_log_that_cannot_be_written_fails_no_request(upstream: str, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(make_token(SECRET), "utf-8")
    command = [*COMMAND, "--upstream", upstream, "--token-file", str(token)]
    with subprocess.Popen(
        command, cwd=tmp_path, env=clean_environment(), stderr=subprocess.PIPE, text=True
    ) as popen:
        try:
            assert popen.stderr is not None
            lines_until = iter(popen.stderr.readline, "")
            base = next(found[1] for line in lines_until if (found := _RUNNING.search(line)))
            popen.stderr.close()
            for _ in range(3):
                answer = httpx.get(f"{base}/odata/v4/Results?$filter=progress ge 0", timeout=20)
                assert answer.status_code == 200
        finally:
            popen.kill()
