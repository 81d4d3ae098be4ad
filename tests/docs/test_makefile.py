"""The Makefile runs what is there."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.docs.render import ROOT


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_bench_runs_every_benchmark_as_a_module() -> None:
    done = subprocess.run(
        ["make", "--dry-run", "bench"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loop = re.search(r"for name in (.*?); do .*/python -m benchmarks\.\$name ", done.stdout)
    assert loop is not None, done.stdout
    files = (ROOT / "benchmarks").glob("*.py")
    assert set(loop[1].split()) == {p.stem for p in files if "__main__" in p.read_text("utf-8")}


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ((), "-m tests.fuzz --seconds 600"),
        (("SECONDS=5", "SEED=7"), "-m tests.fuzz --seconds 5 --seed 7"),
    ],
)
def test_fuzz_takes_a_time_and_a_seed(given: tuple[str, ...], wanted: str) -> None:
    done = subprocess.run(
        ["make", "--dry-run", "fuzz", *given], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().endswith(wanted)


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_no_test_is_left_out_of_both() -> None:
    """The second one tries all examples."""
    done = subprocess.run(
        ["make", "--dry-run", "test", "test-all"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.findall(r'-m "(.*?)"', done.stdout) == ["not slow", "slow or hypothesis"]
    assert "--hypothesis-profile full" in done.stdout
