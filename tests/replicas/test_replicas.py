"""Gateways as processes of their own that share what they read: one dies, the feed goes on."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.sandbox import Dataset, Faults, create_sandbox, generate, make_token
from tests.support.live import SECRET, running
from tests.support.process import Process, started
from tests.support.redis_server import running_redis

ROWS = 20_000
GATEWAY = [sys.executable, "-c", "from gateway.cli import main; main()", "serve", "--port", "0"]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return generate(ROWS)


@dataclass
class Upstream:
    url: str
    sandbox: Any


@contextmanager
def upstream(dataset: Dataset, latency: float) -> Iterator[Upstream]:
    sandbox = create_sandbox(dataset, secret=SECRET, faults=Faults(latency_seconds=latency))
    with running(sandbox, date_header=False) as url:
        yield Upstream(url, sandbox)


@dataclass
class Replica:
    root: str
    process: Process

    def kill(self) -> None:
        self.process.stop(signal.SIGKILL)


@contextmanager
def replica(up: Upstream, token: Path, *options: str) -> Iterator[Replica]:
    command = [*GATEWAY, "--upstream", up.url, "--token-file", str(token), *options]
    with started(command, cwd=ROOT) as process:
        base = process.wait_for(r"running on (http://[\d.:]+)")
        process.wait_for(r"(startup complete)")
        _wait_for(base)
        yield Replica(f"{base}/odata/v4/", process)
        process.stop(signal.SIGTERM, 30)


def _wait_for(base: str) -> None:
    """A worker listens a moment after it says that it has started."""
    deadline = time.monotonic() + 20
    while True:
        try:
            httpx.get(f"{base}/healthz", timeout=20)
        except httpx.ConnectError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(make_token(SECRET))
    return path


class Reader:
    """Follows a feed from one replica to another."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.path: str | None = "Results?$select=id"

    def read(self, client: httpx.Client, at: Replica) -> None:
        """One page, from this replica."""
        assert self.path is not None
        answer = client.get(at.root + self.path)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        self.keys += [row["id"] for row in page["value"]]
        link = page.get("@odata.nextLink")
        self.path = None if link is None else link.removeprefix(at.root)


def expect_all(reader: Reader, dataset: Dataset) -> None:
    assert len(reader.keys) == len(set(reader.keys)) == ROWS
    assert set(reader.keys) == {str(row["id"]) for row in dataset.to_rows()}


def test_a_feed_begun_on_one_replica_is_read_to_its_end_on_another_that_lives(
    dataset: Dataset, token: Path, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        redis = stack.enter_context(running_redis(tmp_path))
        up = stack.enter_context(upstream(dataset, 0.05))
        one, other = (
            stack.enter_context(
                replica(up, token, "--redis", redis.url, "--data-dir", str(tmp_path / name))
            )
            for name in ("one", "other")
        )
        client = stack.enter_context(httpx.Client(timeout=60))
        reader = Reader()
        reader.read(client, one)
        assert len(reader.keys) < 5_000  # the extract is still running there
        reader.read(client, other)
        reader.read(client, one)
        one.kill()
        while reader.path is not None:
            reader.read(client, other)
        pages = len([r for r in up.sandbox.received if r.path == "/analyse/results"])
        assert pages <= ROWS // 1000 + 5
    expect_all(reader, dataset)


def test_without_redis_each_stands_alone_and_goes_on(
    dataset: Dataset, token: Path, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        redis = stack.enter_context(running_redis(tmp_path))
        up = stack.enter_context(upstream(dataset, 0.0))
        options = ("--redis", redis.url, "--data-dir", str(tmp_path / "one"))
        alone = stack.enter_context(replica(up, token, *options))
        client = stack.enter_context(httpx.Client(timeout=60))
        reader = Reader()
        reader.read(client, alone)
        redis.kill()
        while reader.path is not None:
            reader.read(client, alone)
    expect_all(reader, dataset)


def test_workers_share_one_directory_and_one_extract(
    dataset: Dataset, token: Path, tmp_path: Path
) -> None:
    """Each request on a connection of its own, so that any worker may get it."""
    with ExitStack() as stack:
        up = stack.enter_context(upstream(dataset, 0.05))
        options = ("--workers", "2", "--data-dir", str(tmp_path / "shared"))
        both = stack.enter_context(replica(up, token, *options))
        reader = Reader()
        while reader.path is not None:
            with httpx.Client(timeout=60) as client:
                reader.read(client, both)
        pages = len([r for r in up.sandbox.received if r.path == "/analyse/results"])
        assert pages <= ROWS // 1000 + 5
    expect_all(reader, dataset)
