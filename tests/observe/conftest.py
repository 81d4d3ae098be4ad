"""A gateway as a process of its own, whose log is read, in front of a sandbox."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.sandbox import create_sandbox, generate, make_token
from tests.support.live import SECRET, running
from tests.support.process import Process, started

COMMAND = [str(Path(sys.executable).with_name("skillhabit-odata")), "serve", "--port", "0"]


@dataclass(frozen=True, slots=True)
class Served:
    """The process, and its base URL."""

    process: Process
    base: str


@pytest.fixture(scope="session")
def upstream() -> Iterator[str]:
    """A sandbox that runs."""
    with running(create_sandbox(generate(300), secret=SECRET), date_header=False) as url:
        yield url


@contextmanager
def gateway(
    upstream: str, folder: Path, *options: str, environment: Mapping[str, str] | None = None
) -> Iterator[Served]:
    """`serve` with a token that the sandbox accepts."""
    token = folder / "token"
    token.write_text(make_token(SECRET), "utf-8")
    command = [*COMMAND, "--upstream", upstream, "--token-file", str(token), *options]
    with started(command, cwd=folder, environment=environment) as process:
        yield Served(process, process.wait_for(r"running on (http://127\.0\.0\.1:\d+)"))
