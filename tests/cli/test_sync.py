"""`skillhabit-odata sync`: rows that are there before anybody asks for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pexpect
import pytest

from gateway.cli.exits import Exit
from gateway.sandbox import create_sandbox, generate, make_token
from tests.cli.conftest import COMMAND, Run
from tests.support.live import SECRET, running, served
from tests.support.process import started


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_gateway_that_runs_answers_from_it(run: Run, token_file: Path, tmp_path: Path) -> None:
    sandbox = create_sandbox(generate(2_000), secret=SECRET)
    data = tmp_path / "snapshots"
    with running(sandbox, date_header=False) as upstream:
        settings = {
            "upstream": upstream,
            "token_file": str(token_file),
            "data_dir": str(data),
            "custom_field": (("department", "cf_department"),),
        }
        with served(upstream, settings) as root:
            arguments = [f"--{k.replace('_', '-')}={v}" for k, v in settings.items() if k[0] != "c"]
            arguments += ["--custom-field", "department=cf_department"]
            done = run("sync", "--json", *arguments)
            assert done.exit_code == 0, done.output
            asked = len(sandbox.received)
            answer = httpx.get(f"{root}Results?$select=id", timeout=20)
            assert len(answer.json()["value"]) == 2_000
            assert "hit" in answer.headers["Cache-Status"]
            assert len(sandbox.received) == asked
        told = lines_of(done.stdout)[-1]
        assert (told["event"], told["workspace"], told["rows"]) == ("done", "default", 2_000)
        assert run("sync", "--json", *arguments).exit_code == 0
        assert len(sandbox.received) - asked <= 2  # only what has changed


def test_every_workspace_is_read_and_one_that_fails_stops_no_other(
    run: Run, upstream: str, token_file: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad"
    bad.write_text(make_token("another secret of thirty-two bytes"), "utf-8")
    config = tmp_path / "gateway.toml"
    config.write_text(
        f"""
        upstream = "{upstream}"
        token_file = "{bad}"
        data_dir = "{tmp_path / "snapshots"}"
        [workspaces.acme]
        upstream = "{upstream}"
        token_file = "{token_file}"
        """,
        "utf-8",
    )
    done = run("sync", "--json", "--config", str(config))
    assert done.exit_code == Exit.UNUSABLE
    failed, read = (line for line in lines_of(done.stdout) if line["event"] != "progress")
    assert (failed["event"], failed["code"]) == ("failed", "UpstreamRejectedToken")
    assert (read["event"], read["workspace"], read["rows"]) == ("done", "acme", 300)
    assert run("sync", "--workspace", "acme", "--config", str(config)).exit_code == 0
    assert run("sync", "--workspace", "none", "--config", str(config)).exit_code == 2


def test_an_upstream_that_is_away_is_3(run: Run, token_file: Path, tmp_path: Path) -> None:
    arguments = ["--upstream", "http://127.0.0.1:1", "--token-file", str(token_file)]
    done = run(
        *("sync", *arguments, "--data-dir", str(tmp_path / "snapshots")),
        environment={"SKILLHABIT_ODATA_RETRY_BUDGET": "0"},
    )
    assert done.exit_code == Exit.LATER
    assert done.stderr.startswith("default: UpstreamUnavailable")


def test_without_a_folder_nothing_would_be_kept(run: Run, upstream: str, token_file: Path) -> None:
    done = run("sync", "--upstream", upstream, "--token-file", str(token_file))
    assert done.exit_code == 2
    assert "--data-dir" in done.stderr


def test_a_bar_is_shown_on_a_terminal_only(upstream: str, token_file: Path, tmp_path: Path) -> None:
    command = ["sync", "--upstream", upstream, "--token-file", str(token_file), "--data-dir"]
    child = pexpect.spawn(COMMAND, [*command, str(tmp_path / "a")], encoding="utf-8", timeout=20)
    child.expect("Loading default")
    child.expect("300 rows as of")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    with started([COMMAND, *command, str(tmp_path / "b")], cwd=tmp_path) as process:
        process.wait_for("300 rows as (of)")
    assert "Loading" not in process.output


@pytest.mark.parametrize("form", [["--json"], []])
def test_no_token_is_shown(run: Run, upstream: str, tmp_path: Path, form: list[str]) -> None:
    token = make_token("another secret of thirty-two bytes")
    (tmp_path / "token").write_text(token, "utf-8")
    arguments = ["--upstream", upstream, "--token-file", str(tmp_path / "token")]
    done = run("sync", *form, *arguments, "--data-dir", str(tmp_path / "snapshots"))
    assert done.exit_code == Exit.UNUSABLE
    assert "UpstreamRejectedToken" in done.output
    assert token not in done.output


def test_a_full_disk_is_3(upstream: str, token_file: Path, tmp_path: Path) -> None:
    """A limit of a file's size is to a process as a disk that is full."""
    sync = [COMMAND, "sync", "--upstream", upstream, "--token-file", str(token_file)]
    command = ["sh", "-c", 'ulimit -f 20; exec "$@"', "sh", *sync, "--data-dir", "snapshots"]
    with started(command, cwd=tmp_path) as process:
        process.wait_for("default: (InsufficientStorage)")
        assert process.stop(0) == Exit.LATER
