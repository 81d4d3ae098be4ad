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
    ("habits", "mark", "words"),
    [
        ({}, "holds", "rows; the last page ends with the last one"),
        ({"cap": 2_000}, "DIFFERS", "caps its results at 2000 rows"),
        ({"asked": ignore_range}, "DIFFERS", "the filter by updatedAt is ignored"),
        ({"answered": lose_rows}, "untested", "cannot tell whether the Analytics API caps"),
        ({"answered": Restless()}, "DIFFERS", "total"),
    ],
    ids=["none", "capped", "ignored", "smaller", "moving"],
)
def test_check_reports_a_cap(
    run: Run, token_file: Path, habits: dict[str, Any], mark: str, words: str
) -> None:
    upstream = Upstream(generate(2_600), **habits)
    with running(upstream.app()) as base:
        done = run("check", "--upstream", base, "--token-file", str(token_file))
    lines = [line for line in done.output.splitlines() if words in line]
    assert any(line.startswith(mark) for line in lines), done.output
    assert done.exit_code == (0 if mark == "holds" else 1), done.output
