"""Relative paths in gateway.toml: they start at its folder, and an older set-up keeps working."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox import make_token
from tests.cli.conftest import Run
from tests.support.live import SECRET

FILE = """
token_file = "secrets/token"
data_dir = "snapshots"
tls_key = "/absolute/key.pem"
tls_certificate = "~/certificate.pem"
login_body = {user = "${env.USER}", password = "${file.secrets/pass word}"}
[workspaces.acme]
token_file = "acme"
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration file in a folder below the working directory."""
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "gateway.toml").write_text(FILE, "utf-8")
    monkeypatch.chdir(tmp_path)
    return folder / "gateway.toml"


def shown(run: Run, config: Path | str, *options: str) -> tuple[dict[str, Any], str]:
    done = run("config", "show", "--json", "--config", str(config), *options)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    values = {name: entry["value"] for name, entry in told["settings"].items()}
    values["acme"] = told["workspaces"][0]["settings"]["token_file"]
    return values, done.stderr


def test_paths_of_the_file_start_at_its_folder_and_options_at_the_working_directory(
    run: Run, config: Path
) -> None:
    folder = config.parent
    values, warnings = shown(run, config, "--contract", "contract.toml")
    assert values["token_file"] == str(folder / "secrets" / "token")
    assert values["data_dir"] == str(folder / "snapshots")
    assert values["acme"] == str(folder / "acme")
    assert values["tls_key"] == "/absolute/key.pem"
    assert values["tls_certificate"] == str(Path("~/certificate.pem").expanduser())
    assert values["contract"] == "contract.toml"
    assert warnings == ""


def test_in_the_working_directory_they_stay_as_they_are_written(run: Run, config: Path) -> None:
    shutil.move(config, "gateway.toml")
    values, warnings = shown(run, "gateway.toml")
    assert (values["token_file"], values["data_dir"]) == ("secrets/token", "snapshots")
    assert warnings == ""


def test_what_only_the_working_directory_has_is_used_and_warned_of(run: Run, config: Path) -> None:
    (config.parent.parent / "snapshots").mkdir()
    values, warnings = shown(run, "etc/gateway.toml")
    assert values["data_dir"] == "snapshots"
    assert values["acme"] == "etc/acme"
    (line,) = warnings.splitlines()
    assert "there is no snapshots" in line
    shutil.move("snapshots", line.partition("move it to ")[2].partition(", or write")[0])
    values, warnings = shown(run, "etc/gateway.toml")
    assert values["data_dir"] == "etc/snapshots"
    assert warnings == ""


def test_a_query_reads_token_and_contract_beside_the_file(
    run: Run, config: Path, upstream: str
) -> None:
    (config.parent / "token").write_text(make_token(SECRET), "utf-8")
    config.write_text(f'upstream = "{upstream}"\ntoken_file = "token"\n', "utf-8")
    done = run("query", "Results/$count", "--config", "etc/gateway.toml")
    assert done.stdout == "300\n", done.output


def test_the_secret_of_a_login_is_read_beside_the_file(run: Run, config: Path) -> None:
    """The message of a missing one names the file that was looked for."""
    config.write_text(
        "upstream = 'http://127.0.0.1:1'\nlogin_url = '/login'\n"
        """login_body = '{"user": "u", "password": "${file.missing secret}"}'\n""",
        "utf-8",
    )
    done = run("query", "Users", "--config", "etc/gateway.toml")
    assert "etc/missing secret" in done.output, done.output
