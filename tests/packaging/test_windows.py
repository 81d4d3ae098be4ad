"""What can be checked of docs/windows.md without Windows: packages, imports, one process, paths."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path, PureWindowsPath

import httpx
import pytest

from gateway.config import load_settings
from gateway.config.template import as_toml
from gateway.sandbox import create_sandbox, generate, make_token
from tests.packaging.lock import RUNTIME, pins
from tests.support.live import SECRET, running
from tests.support.process import clean_environment, started

HERE = Path(__file__).parents[2]
WINDOWS = {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"}
COMMAND = (sys.executable, "-W", "ignore", "-m", "tests.support.without_posix")


def test_the_locked_packages_of_windows_have_time_zones_and_no_uvloop() -> None:
    locked = pins(RUNTIME)
    there = {n for n, pin in locked.items() if pin.marker is None or pin.marker.evaluate(WINDOWS)}
    assert "uvloop" not in there
    assert {"tzdata", "uvicorn", "httptools", "duckdb", "truststore"} <= there


def typed(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env={**clean_environment(), "PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_set_up_and_one_process_need_nothing_of_posix(tmp_path: Path) -> None:
    (tmp_path / "token.txt").write_text(make_token(SECRET), "utf-8")
    with running(create_sandbox(generate(300), secret=SECRET), date_header=False) as upstream:
        typed(tmp_path, "init", "--non-interactive", "--upstream", upstream, "--first-key", "A",
              "--all-fields", "--data-dir", "snapshots")  # fmt: skip
        key = re.findall(r"sho_\w+", typed(
            tmp_path, "keys", "create", "--config", "gateway.toml", "--name", "B"))[0]  # fmt: skip
        assert typed(tmp_path, "sync", "--config", "gateway.toml").startswith("default: 300 rows")
        examined = typed(tmp_path, "doctor", "--config", "gateway.toml", "--port", "0")
        assert "check its permissions yourself" in examined
        serve = [*COMMAND, "serve", "--config", "gateway.toml", "--port", "0"]
        with started(serve, cwd=tmp_path, environment={"PYTHONPATH": str(HERE)}) as process:
            feed = process.wait_for(r"Feed +(\S+)")
            for path, kind in (
                ("Results?$top=3", "application/json"),
                ("Results?$format=csv", "text/csv"),
                ("Results?$format=xlsx&$top=3", "spreadsheetml"),
                ("Results?$filter=year(updatedAt) gt 1999&$orderby=userName", "application/json"),
            ):
                response = httpx.get(feed + path, auth=("any", key), timeout=60)
                assert response.status_code == 200, response.text
                assert kind in response.headers["Content-Type"]
            assert process.stop(signal.SIGINT) == 0
    assert "Traceback" not in process.output


@pytest.mark.parametrize(
    "path", [r"C:\ProgramData\Skillhabit\token.txt", r"\\server\share\new\token.txt", "C:/t.txt"]
)
def test_paths_of_windows_come_back_from_the_file_as_they_were_written(path: str) -> None:
    text = f"token_file = {as_toml(path)}\ncontract = '{path}'\n"
    assert tomllib.loads(text) == {"token_file": path, "contract": path}
    settings = load_settings({}, {}, text)
    assert PureWindowsPath(str(settings.token_file)) == PureWindowsPath(path)
    assert settings.contract == settings.token_file
