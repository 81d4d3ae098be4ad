"""Limits of single keys, on a real socket: how much a key may request, and which entity sets."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.auth.key_file import read_keys
from gateway.auth.keys import LIMITS
from gateway.cli import main
from gateway.planner.plan import Route
from gateway.sandbox import create_sandbox, generate
from tests.faults.slow_questions import slow_apply
from tests.support.access import basic, make_key
from tests.support.live import SECRET, running, served
from tests.support.wire import WireAnswer, connected, send

JSON = ("Content-Type", "application/json")
SMALL = "Results?$top=1&$select=id"
ROLE = '[roles.hr]\nhide = ["userEmail"]\nsets = ["Results", "Users"]'


@dataclass(frozen=True)
class Limited:
    """A gateway with keys; `key` makes one."""

    root: str
    file: Path
    asked: Any

    def key(self, *options: str) -> str:
        return make_key(self.file, *options)[0]

    def ask(self, key: str, path: str, **more: Any) -> WireAnswer:
        headers = [basic(key), *more.pop("headers", [])]
        return send(self.root, f"/odata/v4/{path}", headers, **more)

    def batch(self, key: str, urls: list[str]) -> list[int]:
        parts = [{"id": str(n), "method": "GET", "url": url} for n, url in enumerate(urls)]
        body = json.dumps({"requests": parts}).encode()
        answer = self.ask(key, "$batch", headers=[JSON], method="POST", body=body)
        assert answer.status == 200, answer.text
        return [part["status"] for part in answer.json()["responses"]]


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Limited]:
    file = tmp_path_factory.mktemp("limited") / "keys.json"
    file.touch()
    sandbox = create_sandbox(generate(300), secret=SECRET)
    given = {"keys_file": str(file), "toml": ROLE, "query_timeout": 30}
    with (
        running(sandbox, date_header=False) as upstream,
        served(upstream, given) as root,
    ):
        yield Limited(root.removesuffix("/odata/v4/"), file, sandbox)


def refused(answer: WireAnswer, limit: str) -> int:
    """That it is a refusal that names the limit; returns the seconds of Retry-After."""
    assert answer.status == 429, answer.text
    error = answer.json()["error"]
    assert (error["code"], limit in error["message"]) == ("TooManyRequests", True)
    seconds = int(answer.header("Retry-After") or 0)
    assert re.search(rf"; try again in {seconds} seconds?$", error["message"])
    return seconds


def test_more_requests_a_minute_than_a_key_may_make_are_429(limited: Limited) -> None:
    key, other = limited.key("--requests-per-minute", "3"), limited.key()
    assert [limited.ask(key, SMALL).status for _ in range(3)] == [200] * 3
    assert 1 <= refused(limited.ask(key, SMALL), "requests_per_minute") <= 60
    refused(limited.ask(key, "$metadata"), "requests_per_minute")
    assert [limited.ask(other, SMALL).status for _ in range(5)] == [200] * 5


def test_each_request_in_a_batch_counts_and_the_batch_is_its_first(limited: Limited) -> None:
    key = limited.key("--requests-per-minute", "4")
    assert limited.batch(key, [SMALL] * 3) == [200] * 3
    assert limited.batch(key, [SMALL] * 3) == [200, 429, 429]
    refused(limited.ask(key, SMALL), "requests_per_minute")


def test_more_requests_at_once_than_a_key_may_have_are_429(limited: Limited) -> None:
    """The first one is admitted, and its body comes late."""
    key, other = limited.key("--requests-at-once", "1"), limited.key()
    body = json.dumps({"requests": [{"id": "1", "method": "GET", "url": SMALL}]}).encode()
    head = [basic(key), JSON, ("Content-Length", str(len(body)))]
    with connected(limited.root) as wire:
        lines = [f"{name}: {value}" for name, value in [("Host", "localhost"), *head]]
        start = "\r\n".join(["POST /odata/v4/$batch HTTP/1.1", *lines, "", ""])
        wire._connection.sendall(start.encode())
        deadline = time.monotonic() + 10
        while (answer := limited.ask(key, SMALL)).status == 200:
            assert time.monotonic() < deadline
        assert refused(answer, "requests_at_once") >= 1
        assert limited.ask(other, SMALL).status == 200
        wire._connection.sendall(body)
        assert b"200" in wire._connection.recv(65_536).partition(b"\r\n")[0]
    while (answer := limited.ask(key, SMALL)).status == 429:  # until its end has been noticed
        assert time.monotonic() < deadline
    assert [limited.ask(key, SMALL).status for _ in range(3)] == [200] * 3


def test_every_way_that_a_request_ends_frees_its_place(limited: Limited) -> None:
    key = limited.key("--requests-at-once", "1")
    ends = {
        "Results?$top=1": 200,
        "Nothing": 404,
        "Results?$filter=nothing%20eq%201": 400,
        "Results?$format=csv&$top=3": 200,
        f"Results/$count?$apply={slow_apply()}&$foo=1": 400,
        "$metadata": 200,
    }
    for path, status in ends.items():
        assert limited.ask(key, path).status == status
    with connected(limited.root) as wire:  # a client that leaves
        line = f"GET /odata/v4/Results/$count?$apply={slow_apply()} HTTP/1.1"
        credential = ": ".join(basic(key))
        wire._connection.sendall(f"{line}\r\nHost: a\r\n{credential}\r\n\r\n".encode())
        deadline = time.monotonic() + 10
        while limited.ask(key, SMALL).status == 200:
            assert time.monotonic() < deadline
    while limited.ask(key, SMALL).status == 429:
        assert time.monotonic() < deadline


def test_a_key_can_lower_the_time_of_its_queries(limited: Limited) -> None:
    hurried = limited.key("--query-seconds", "0.3")
    answer = limited.ask(hurried, f"Results/$count?$apply={slow_apply()}")
    assert (answer.status, answer.json()["error"]["code"]) == (504, "QueryTimeout")
    assert "query_seconds" in answer.json()["error"]["message"]
    assert "0.3 seconds" in answer.json()["error"]["message"]
    assert limited.ask(hurried, SMALL).status == 200
    parts = [f"Results/$count?$apply={slow_apply()}", SMALL]
    assert limited.batch(hurried, parts) == [504, 200]


# --- entity sets ----------------------------------------------------------------------------------

OPEN = ["Users", "Users?$top=1", "Users/$count", "Users?$select=name&$orderby=name&$format=csv"]
SHUT = {
    "Results": 404,
    "Results/$count": 404,
    "Results?$top=1": 404,
    "ResultRows": 404,
    "Contents": 404,
    "GroupMembers": 404,
    "UserStatistics": 404,
    "Users?$expand=results": 400,
    "Users?$filter=results/any()": 400,
    "Users?$filter=results/$count%20gt%201": 400,
    "Users?$orderby=statistics/approved": 400,
    "Users?$compute=statistics/approved%20as%20a": 400,
    "Users?$apply=groupby((statistics/approved))": 400,
    "Users?$select=results": 400,
    "Users('usr-000001')/results": 404,
    "Users('usr-000001')/memberships/$count": 404,
    "Users('usr-000001')/results/$ref": 404,
    "$entity?$id=Results('x')": 404,
}


def test_a_key_opens_only_its_entity_sets_on_whatever_way(limited: Limited) -> None:
    key, whole = limited.key("--sets", "Users"), limited.key()
    for path in SHUT:
        answer = limited.ask(whole, path)
        assert answer.status in (200, 404, 501), (path, answer.text)
    for path in OPEN:
        assert limited.ask(key, path).status == 200, path
        assert limited.ask(whole, path).status == 200, path
    got = {path: limited.ask(key, path).status for path in SHUT}
    assert {p: s for p, s in got.items() if s not in (SHUT[p], 501)} == {}
    names = [s["name"] for s in limited.ask(key, "").json()["value"]]
    assert names == ["Users"]
    metadata = limited.ask(key, "$metadata", headers=[("Accept", "application/xml")]).text
    assert "Result" not in metadata.replace("Users", "")
    assert "NavigationProperty " not in metadata


def test_its_pages_and_links_are_not_those_of_a_key_that_opens_more(limited: Limited) -> None:
    key, whole = limited.key("--sets", "Results"), limited.key()
    full = "Results?$top=5&$format=application/json;odata.metadata=full"
    first, second = limited.ask(whole, full).text, limited.ask(key, full).text
    assert "navigationLink" in first
    assert "navigationLink" not in second
    page = limited.ask(whole, "Results?$select=id", headers=[("Prefer", "maxpagesize=10")]).json()
    link = page["@odata.nextLink"].partition("/odata/v4/")[2]
    assert limited.ask(whole, link).status == 200
    assert limited.ask(key, link).status == 400


@pytest.fixture
def fresh(limited: Limited) -> Iterator[Limited]:
    """Another gateway with the same keys, which has no snapshot."""
    with (
        running(limited.asked, date_header=False) as upstream,
        served(upstream, {"keys_file": str(limited.file)}) as root,
    ):
        yield Limited(root.removesuffix("/odata/v4/"), limited.file, limited.asked)


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("Results/$count", Route.TOTAL),
        ("Results?$top=5&$filter=state%20eq%20'APPROVED'", Route.WINDOW),
        ("Results?$apply=aggregate($count%20as%20n)", Route.STATISTICS),
        ("Results?$filter=userId%20eq%20'usr-000003'", Route.SNAPSHOT),
    ],
)
def test_windows_totals_and_statistics_stay_in_use(fresh: Limited, path: str, route: Route) -> None:
    keys = [fresh.key(), fresh.key("--sets", "Results")]
    told = [send(fresh.root, f"/explain/{path}", [basic(key)]).json() for key in keys]
    assert {n: v for n, v in told[0].items() if n != "snapshot"} == told[1]
    assert told[0]["route"] == route


def test_a_keys_sets_are_cut_from_those_of_its_role(limited: Limited) -> None:
    key = limited.key("--role", "hr", "--sets", "Users")
    assert limited.ask(key, "Users?$top=1").status == 200
    assert limited.ask(key, "Users?$select=email").status == 400
    assert limited.ask(key, "Results?$top=1").status == 404
    outside = limited.key("--role", "hr", "--sets", "Users,Groups")
    answer = limited.ask(outside, "Users")
    assert answer.status == 403
    assert "'Groups'" in answer.json()["error"]["message"]


def test_it_learns_nothing_of_what_others_request(fresh: Limited) -> None:
    key, whole = fresh.key("--sets", "Users"), fresh.key()
    fresh.ask(whole, "Results?$filter=userId%20eq%20'usr-000003'")
    assert send(fresh.root, "/requests", [basic(key)]).status == 403
    assert "usr-000003" in send(fresh.root, "/status", [basic(whole)]).text
    assert "usr-000003" not in send(fresh.root, "/status", [basic(key)]).text


def test_it_sees_plans_without_the_number_of_all_rows(fresh: Limited) -> None:
    key, whole = fresh.key("--sets", "Users"), fresh.key()
    assert fresh.ask(whole, "Results?$top=1&$orderby=progress").status == 200
    assert "holds 300 rows" in send(fresh.root, "/explain/Users", [basic(whole)]).text
    plan = send(fresh.root, "/explain/Users", [basic(key)])
    assert (plan.status, "300" in plan.text) == (200, False), plan.text
    assert "snapshot" not in plan.json()


# --- the file -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("requests_at_once", "0"),
        ("requests_at_once", "1.5"),
        ("requests_at_once", '"4"'),
        ("requests_per_minute", "-1"),
        ("requests_per_minute", "1000000"),
        ("requests_per_minute", "true"),
        ("sets", "[]"),
        ("sets", '"Results"'),
        ("sets", '["Results", 5]'),
        ("sets", '["Res ults"]'),
        ("query_seconds", "0"),
        ("query_seconds", '"30 s"'),
        ("query_seconds", "[]"),
    ],
)
def test_a_wrong_limit_in_the_file_is_told_with_line_key_and_what_it_must_be(
    tmp_path: Path, member: str, value: str
) -> None:
    file = tmp_path / "keys.json"
    make_key(file)
    _, key_id = make_key(file)
    text = file.read_text("utf-8").replace("\n  }\n ]", f',\n   "{member}": {value}\n  }}\n ]')
    file.write_text(text, "utf-8")
    line = text[: text.index(f'"{member}"')].count("\n") + 1
    with pytest.raises(ValueError, match=f"line {line}: key {key_id}: {member} must be ") as told:
        read_keys(file.read_bytes())
    assert "Anna" not in str(told.value)


def test_a_key_without_limits_is_written_as_before_they_were_known(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    make_key(file)
    assert not any(name in file.read_text("utf-8") for name in LIMITS)


def test_limits_can_be_changed_and_taken_away(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    _, key_id = make_key(file, "--sets", "Users, Results,Users", "--requests-at-once", "4")
    run = CliRunner()

    def limit(*options: str) -> Any:
        arguments = ["keys", "limit", key_id, "--keys-file", str(file), "--json", *options]
        return run.invoke(main, arguments)

    shown = json.loads(limit("--query-seconds", "2.5", "--sets", "none").stdout)
    found = {name: shown[name] for name in LIMITS}
    assert found == {
        "requests_at_once": 4,
        "requests_per_minute": None,
        "sets": None,
        "query_seconds": 2.5,
    }
    for wrong in (["--requests-at-once", "x"], ["--query-seconds", "nan"], ["--sets", ","], []):
        assert limit(*wrong).exit_code == 2
    assert read_keys(file.read_bytes())[key_id].query_seconds == 2.5


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--sets", "Results,Resluts"], "Results"),
        (["--role", "hr", "--sets", "Groups"], "Groups"),
        (["--query-seconds", "60"], "30 seconds"),
    ],
)
def test_with_the_configuration_limits_are_checked_against_it(
    tmp_path: Path, options: list[str], told: str
) -> None:
    config, file = tmp_path / "gateway.toml", tmp_path / "keys.json"
    config.write_text(f'keys_file = "{file}"\nquery_timeout = 30\n{ROLE}', "utf-8")
    command = ["keys", "create", "--config", str(config), "--name", "x"]
    done = CliRunner().invoke(main, [*command, *options])
    assert done.exit_code == 2
    assert told in done.stderr
    assert not file.exists()
    fits = ["--sets", "Users", "--query-seconds", "20"]
    assert CliRunner().invoke(main, [*command, *fits]).exit_code == 0
