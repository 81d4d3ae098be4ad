"""The walk of docs/access.md, done as it stands there, with real processes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from gateway.auth.keys import LIMITS
from gateway.cli.keys import keys
from gateway.config import load_settings
from gateway.config.grants import Grant
from tests.docs.render import ROOT
from tests.docs.test_docs import free_port, wait_for_lines
from tests.support.process import clean_environment, started

_PAGE = (ROOT / "docs" / "access.md").read_text("utf-8")
_BLOCKS = re.findall(r"```bash\n(.*?)```", _PAGE, re.DOTALL)


def test_the_walk_with_a_test_issuer_works(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    ports = {port: free_port() for port in ("9000", "9100", "8000")}

    def typed(line: str) -> str:
        line = line.replace(".venv/bin", str(Path(sys.executable).parent)).replace("| tee", ">")
        for printed, free in ports.items():
            line = re.sub(rf"\b{printed}\b", free, line)
        return line.replace("serve ", f"serve --port {ports['8000']} ")

    def ran(line: str) -> str:
        return subprocess.run(
            ["/bin/sh", "-c", typed(line).replace("curl ", "curl -sS ")],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        ).stdout

    environment = {**clean_environment(), "PYTHONPATH": str(ROOT)}
    sandbox, issuer, gateway, asking = _BLOCKS
    *prepared, serve = gateway.splitlines()
    with ExitStack() as running:
        for line in (sandbox, issuer):
            running.enter_context(
                started(
                    ["/bin/sh", "-c", f"exec {typed(line).strip()}"],
                    cwd=tmp_path,
                    environment=environment,
                )
            )
        for name in ("sandbox.txt", "issuer.txt"):
            wait_for_lines(tmp_path / name, 2)
        for line in prepared:
            ran(line)
        process = running.enter_context(
            started(
                ["/bin/sh", "-c", f"exec {typed(serve)}"], cwd=tmp_path, environment=environment
            )
        )
        process.wait_for(r"(running on)")
        first, *others = (ran(line) for line in asking.splitlines())
        assert " 401 " in first
        (challenge,) = re.findall(r"(?i)^www-authenticate: (.*)\r?$", first, re.MULTILINE)
        assert challenge.startswith("Bearer authorization_uri=http://127.0.0.1:")
        assert others == ["50000"] * 5
        ran(f".venv/bin/skillhabit-odata keys revoke {key_id(tmp_path)} --keys-file keys.json")
        assert '"code":"Unauthorized"' in ran(asking.splitlines()[-1])


def key_id(folder: Path) -> str:
    return (folder / "anna.key").read_text("utf-8").split("_")[1]


def test_the_settings_of_the_walk_are_ones() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", _PAGE, re.DOTALL)
    settings = load_settings({}, {}, re.sub(r"^   ", "", text, flags=re.MULTILINE))
    assert "https://bi.example.com/" in settings.entra_audience
    assert settings.entra_group[1] == Grant("Analytics.Reader", "default")


def test_the_commands_of_the_page_are_ones() -> None:
    lines = re.findall(r"^skillhabit-odata keys (\w+)(.*)$", _PAGE, re.MULTILINE)
    assert [name for name, _ in lines[:3]] == ["create", "list", "revoke"]
    for name, rest in lines:
        known = {option for each in keys.commands[name].params for option in each.opts}
        assert set(re.findall(r"--[\w-]+", rest)) <= known, name


def test_the_limits_of_the_page_are_those_of_the_file_and_the_commands() -> None:
    table = _PAGE.partition("| option, member of the file |")[2].partition("\n\n")[0]
    told = re.findall(r"^\| `--([\w-]+)`, `(\w+)` \|", table, re.MULTILINE)
    assert [member for _, member in told] == [*LIMITS]
    assert [option.replace("-", "_") for option, _ in told] == [*LIMITS]
