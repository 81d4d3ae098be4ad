"""`serve --workers N`: several processes on one port, replaced when they die, ended together."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.cli.test_serve import COMMAND
from tests.support.process import Process, started
from tests.support.wire import connected


@contextmanager
def workers(*options: str, cwd: Path) -> Iterator[tuple[Process, str]]:
    """Two workers that answer; ended by force if the test does not end them."""
    command = [*COMMAND, "--port", "0", "--workers", "2", *options]
    with started(command, cwd=cwd, environment={"TMPDIR": str(cwd)}) as process:
        base = process.wait_for(r"running on (http://127\.0\.0\.1:\d+)")
        _until(lambda: process.output.count("startup complete") == 2 and _answers(base))
        yield process, base


def _answers(base: str) -> bool:
    """The first worker that has started listens, a moment after it says so."""
    with suppress(httpx.ConnectError):
        return httpx.get(f"{base}/healthz", timeout=20).status_code == 200
    return False


def _pids(process: Process) -> list[int]:
    """Of all workers that ever served."""
    return [int(pid) for pid in re.findall(r"Started server process \[(\d+)\]", process.output)]


def _until(condition: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    """A process that ended but was not waited for counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def options(upstream: str, token_file: Path) -> tuple[str, ...]:
    return ("--upstream", upstream, "--token-file", str(token_file))


def test_they_serve_and_end_together_and_leave_nothing(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    with workers(*options, cwd=tmp_path) as (process, base):
        assert [*tmp_path.glob("skillhabit-odata-*/building")] != []
        for _ in range(8):
            answer = httpx.get(f"{base}/odata/v4/Results?$top=3", timeout=20)
            assert answer.status_code == 200
        with connected(base) as wire:
            assert wire.send("/odata/v4/R esults").json()["error"]["code"] == "InvalidSyntax"
        pids = _pids(process)
        assert process.stop(signal.SIGTERM, seconds=30) == 0
    assert not any(map(_runs, pids))
    assert [*tmp_path.glob("skillhabit-odata-*")] == []
    assert "Traceback" not in process.output


def test_one_that_dies_is_replaced(options: tuple[str, ...], tmp_path: Path) -> None:
    with workers(*options, "--data-dir", str(tmp_path / "data"), cwd=tmp_path) as (process, base):
        os.kill(_pids(process)[0], signal.SIGKILL)
        _until(lambda: len(_pids(process)) == 3)
        assert httpx.get(f"{base}/odata/v4/Results?$top=3", timeout=20).status_code == 200
        assert process.stop(signal.SIGTERM, seconds=30) == 0
    assert (tmp_path / "data" / "signing.key").exists()


def test_they_end_when_their_supervisor_is_killed(options: tuple[str, ...], tmp_path: Path) -> None:
    with workers(*options, "--data-dir", str(tmp_path / "data"), cwd=tmp_path) as (process, _):
        pids = _pids(process)
        process.signal(signal.SIGKILL)
        _until(lambda: not any(map(_runs, pids)))


def test_what_cannot_be_used_is_told_once_before_any_starts(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    command = [*COMMAND, "--workers", "2", "--contract", "missing.toml", *options]
    with started(command, cwd=tmp_path) as process:
        process.wait_for("(missing.toml cannot be read)")
        assert process.stop(0) == 2
    assert "Started" not in process.output
