"""The soak in its short form: fifty clients, two gateways, rows that change, calls that fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.process import clean_environment

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_every_answer_to_fifty_clients_is_whole() -> None:
    short = {"SOAK_SECONDS": "8", "SOAK_ROWS": "1500", "SOAK_SHARING": "directory"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak"],
        cwd=ROOT,
        env={**clean_environment(), **short},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "problems: none" in done.stdout
    for round_ in ("feeds", "copies 4", "previews", "refusals"):
        assert round_ in done.stdout
