"""The Makefile runs what is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

from tests.docs.render import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def dry_run(*arguments: str) -> str:
    """Return the commands that make would run.

    `make test` hands its own options to every make that it starts, by environment variables:
    they would add lines ("Entering directory").
    """
    outside = {
        name: text for name, text in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }
    done = subprocess.run(
        ["make", "--dry-run", *arguments],
        cwd=ROOT,
        env=outside,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_bench_runs_every_benchmark_as_a_module() -> None:
    printed = dry_run("bench")
    loop = re.search(r"for name in (.*?); do .*/python -m benchmarks\.\$name ", printed)
    assert loop is not None, printed
    files = (ROOT / "benchmarks").glob("*.py")
    assert set(loop[1].split()) == {p.stem for p in files if "__main__" in p.read_text("utf-8")}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ((), "-m tests.fuzz --seconds 600"),
        (("SECONDS=5", "SEED=7"), "-m tests.fuzz --seconds 5 --seed 7"),
    ],
)
def test_fuzz_takes_a_time_and_a_seed(given: tuple[str, ...], wanted: str) -> None:
    assert dry_run("fuzz", *given).strip().endswith(wanted)


def test_ci_runs_all_tests_and_measures_them() -> None:
    lines = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    made = [line.removeprefix("make ") for line in lines if line.startswith("make ")]
    assert made == [".venv/installed-supply", "test", "test-slow", "coverage", "audit"]


def test_no_test_is_left_out_of_both() -> None:
    """The last one tries all examples of property tests too."""
    printed = dry_run("test", "test-slow", "test-all")
    assert re.findall(r'-m "(.*?)"', printed) == ["not slow", "slow", "slow or hypothesis"]
    assert "--hypothesis-profile full" in printed
