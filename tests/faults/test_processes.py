"""Real gateway processes that are told to end, are killed, or find no room on their disk."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from gateway.sandbox import Dataset, Faults, create_sandbox, make_token
from gateway.sandbox.app import Sandbox
from tests.faults.test_upstream_matrix import QUESTION, Hands, gateway_over, seen
from tests.support.live import SECRET, running
from tests.support.process import Process, started
from tests.support.wire import send

SERVE = f"exec {Path(sys.executable).with_name('skillhabit-odata')} serve --port 0"
PAGES = {"Prefer": "odata.maxpagesize=500"}


@dataclass
class House:
    """A sandbox, and a folder to serve from."""

    sandbox: Sandbox
    upstream: str
    folder: Path
    rows: int

    def serve(self, *options: str, before: str = "") -> AbstractContextManager[Process]:
        words = [SERVE, "--upstream", self.upstream, "--token-file", "token", *options]
        return started(["/bin/sh", "-c", f"{before} {' '.join(words)}"], cwd=self.folder)


@pytest.fixture
def house(dataset: Dataset, tmp_path: Path) -> Iterator[House]:
    sandbox = create_sandbox(dataset, secret=SECRET, faults=Faults())
    (tmp_path / "token").write_text(make_token(SECRET), "utf-8")
    with running(sandbox, date_header=False) as upstream:
        yield House(sandbox, upstream, tmp_path, len(dataset.to_rows()))


def address(process: Process) -> str:
    return process.wait_for(r"running on (http://127\.0\.0\.1:\d+)")


def test_what_is_under_way_is_answered_whole_before_the_end(house: House) -> None:
    house.sandbox.faults.latency_seconds = 0.5
    answers: list[httpx.Response] = []
    with house.serve() as process:
        base = address(process)
        ask = threading.Thread(
            target=lambda: answers.append(httpx.get(base + QUESTION, timeout=20))
        )
        ask.start()
        while not house.sandbox.received:
            ask.join(0.01)
        assert process.stop(signal.SIGTERM, seconds=15) == 0
        ask.join(10)
    with pytest.raises(httpx.ConnectError):
        httpx.get(base + QUESTION)
    assert answers[0].status_code == 200
    assert len(answers[0].json()["value"]) == house.rows
    assert "Traceback" not in process.output


def test_a_feed_goes_on_where_it_was_after_the_process_was_killed(house: House) -> None:
    keys: list[str] = []
    with house.serve("--data-dir", "data") as process:
        page = httpx.get(address(process) + QUESTION, headers=PAGES, timeout=20).json()
        process.stop(signal.SIGKILL)
    keys += [row["id"] for row in page["value"]]
    asked = len(house.sandbox.received)
    with house.serve("--data-dir", "data") as process:
        base = address(process)
        while link := page.get("@odata.nextLink"):
            page = httpx.get(base + httpx.URL(link).raw_path.decode(), headers=PAGES).json()
            keys += [row["id"] for row in page["value"]]
    assert keys == sorted(set(keys))
    assert (len(keys), len(house.sandbox.received)) == (house.rows, asked)


def test_a_disk_without_room_refuses_extracts_and_serves_what_needs_none(house: House) -> None:
    """No file of this process may grow beyond some kilobytes, as if the disk were full."""
    options = ("--data-dir", "data", "--trust", "stated")
    with house.serve(*options, before="ulimit -f 100;") as process:
        base = address(process)
        refused = send(base, QUESTION)
        assert refused.json()["error"]["code"] == "InsufficientStorage", refused.text
        assert refused.status == 507
        assert send(base, "/odata/v4/$metadata").status == 200
        assert send(base, "/odata/v4/Results/$count").text == str(house.rows)
        assert send(base, "/readyz").status == 200
    assert not list((house.folder / "data").glob("*.duckdb"))


def test_a_disk_that_becomes_full_ends_a_feed_that_had_begun_early(house: House) -> None:
    """The first of two calls' rows fit, those of the second do not."""
    house.sandbox.faults.latency_seconds = 0.3
    with house.serve("--data-dir", "data", before="ulimit -f 1000;") as process:
        first = httpx.get(address(process) + "/odata/v4/Results", headers=PAGES, timeout=20)
        assert first.status_code == 200
        for _ in range(2):
            refused = httpx.get(first.json()["@odata.nextLink"], timeout=20)
            assert refused.status_code == 507
            assert refused.json()["error"]["code"] == "InsufficientStorage"
    assert "cannot be dropped" not in process.output


def test_an_older_snapshot_answers_when_there_is_no_room_for_a_new_one(house: House) -> None:
    hands, data = Hands(), house.folder / "data"
    with gateway_over(house.upstream, hands, house.folder, data_dir=str(data)) as root:
        assert seen(send(root, QUESTION), house.rows) == "200 fwd=miss"
        hands.seconds += 600
        (data / "building").rename(data / "elsewhere")
        assert seen(send(root, QUESTION), house.rows) == "200 InsufficientStorage"
        (data / "elsewhere").rename(data / "building")
        hands.seconds += 10
        assert seen(send(root, QUESTION), house.rows) == "200 fwd=stale"


@pytest.mark.parametrize("jump", [-86_400, 86_400], ids=["a day back", "a day on"])
def test_a_clock_that_jumps_makes_nothing_fresh_that_is_not(house: House, jump: float) -> None:
    hands = Hands()
    with gateway_over(house.upstream, hands, house.folder) as root:
        assert seen(send(root, QUESTION), house.rows) == "200 fwd=miss"
        hands.seconds += jump
        before = len(house.sandbox.received)
        assert send(root, QUESTION).status == 200
        assert len(house.sandbox.received) > before
