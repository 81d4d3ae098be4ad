"""`skillhabit-odata check` compares the total with a second number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox import generate
from tests.cli.conftest import Run
from tests.support.capped import Restless, Upstream, ignore_range, lose_rows
from tests.support.live import running


@pytest.mark.parametrize(
    ("habits", "fits", "words"),
    [
        ({}, True, "there is no cap"),
        ({"cap": 2_000}, False, "answers are capped at 2000 rows"),
        ({"asked": ignore_range}, False, "the filter by updatedAt is ignored"),
        ({"answered": lose_rows}, True, "cannot be shown"),
        ({"answered": Restless()}, True, "moved each time"),
    ],
    ids=["none", "capped", "ignored", "smaller", "moving"],
)
def test_check_reports_a_cap(
    run: Run, token_file: Path, habits: dict[str, Any], words: str, *, fits: bool
) -> None:
    upstream = Upstream(generate(2_600), **habits)
    with running(upstream.app()) as base:
        done = run("check", "--upstream", base, "--token-file", str(token_file))
    [line] = [line for line in done.output.splitlines() if words in line]
    assert line.startswith("ok" if fits else "DIFFER"), done.output
    assert done.exit_code == (0 if fits else 1), done.output
