"""The command line in this process, and an Analytics API for it to ask."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.config import SETTINGS
from gateway.sandbox import create_sandbox, generate, make_token
from gateway.sandbox.app import Sandbox
from tests.support.live import SECRET, running

COMMAND = str(Path(sys.executable).with_name("skillhabit-odata"))
Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    """Run a command to its end; of the settings in the environment it sees only the given ones."""

    def invoke(*arguments: str, environment: Mapping[str, str] | None = None) -> Result:
        unset: dict[str, str | None] = {setting.variable: None for setting in SETTINGS}
        unset["SKILLHABIT_ODATA_CONFIG"] = None
        return CliRunner().invoke(main, [*arguments], env={**unset, **(environment or {})})

    return invoke


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """A command sets up the log of its process, which here has others' tests after it."""
    root = logging.getLogger()
    handlers, level, raises = root.handlers, root.level, logging.raiseExceptions
    yield
    root.handlers, logging.raiseExceptions = handlers, raises
    root.setLevel(level)


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """A file with a token that the sandbox accepts."""
    path = tmp_path / "token"
    path.write_text(make_token(SECRET), "utf-8")
    return path


@pytest.fixture(scope="session")
def sandbox_rows() -> list[dict[str, Any]]:
    return generate(300).to_rows()


@pytest.fixture(scope="module")
def upstream(sandbox_rows: list[dict[str, Any]]) -> Iterator[str]:
    """A sandbox that runs."""
    with running(_sandbox(sandbox_rows), date_header=False) as url:
        yield url


def _sandbox(rows: list[dict[str, Any]]) -> Sandbox:
    return create_sandbox(rows, secret=SECRET)
